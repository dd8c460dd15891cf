"""Masks that fit their sequences."""

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.shapes import exactly, refuse_ragged
from zoo.typing import Tensor


def of_steps(
    layer: keras.layers.Layer, mask: Any, sequences: Tensor, argument: str = "mask"
) -> Any:
    """Returns a mask that says of each step of each row whether it is valid.

    Args:
        layer: who was called with it.
        mask: (batch, steps), bool or 0 and 1; (batch, steps, 1) too, and (1, steps)
            for all rows alike, as Keras' layers take them; or None.
        sequences: (batch, steps, …), what it is for.
        argument: what it is called there.

    Returns:
        bool (batch, steps), or None where no mask is given.

    Raises:
        ValueError: it has another shape; or a tensor is ragged or sparse.
        InvalidArgumentError: the same, of a shape that is known only when a graph
            runs.
    """
    refuse_ragged(layer, sequences, mask)
    if mask is None:
        return None
    mask = ops.cast(mask if hasattr(mask, "shape") else np.asarray(mask), "bool")
    given = mask.shape
    if len(given) == 3 and given[-1] == 1:
        mask = mask[..., 0]
    sizes = tuple(sequences.shape[:2])
    if tuple(mask.shape) == sizes and None not in sizes:
        return mask
    fits = len(mask.shape) == 2 and all(
        None in (found, size) or found == size or (found == 1 and place == 0)
        for place, (found, size) in enumerate(zip(mask.shape, sizes, strict=True))
    )
    if not fits:
        raise ValueError(
            f"`{argument}` of '{layer.name}' must say of each step whether it is "
            f"valid, {_written(sizes)} for these sequences, found the shape "
            f"{_written(given)}."
        )
    if keras.backend.is_keras_tensor(mask):
        return mask
    rows, steps = ops.shape(sequences)[:2]
    if mask.shape[1] is not None and mask.shape[1] == sequences.shape[1]:
        return ops.broadcast_to(mask, (rows, steps))
    # A row may be for all rows, but no step for all steps.
    return exactly(ops.broadcast_to(mask, (rows, ops.shape(mask)[1])), rows, steps)


def without_masked(sequences: Tensor, mask: Any) -> Any:
    """Returns sequences with zeros at masked steps, whatever was there.

    A cell takes masked steps too, and what comes of them is not used. But its gradient,
    0, is still multiplied by what is there: of NaN and infinity it makes NaN.

    Args:
        sequences: (batch, steps, …).
        mask: bool (batch, steps), or None, where nothing is masked.
    """
    if mask is None:
        return sequences
    for _ in range(len(sequences.shape) - 2):
        mask = mask[..., None]
    return ops.where(mask, sequences, ops.zeros_like(sequences))


def of_first(mask: Any) -> Any:
    """Returns a mask, the first of several inputs' masks where Keras nested them.

    One that is given as lists of numbers becomes an array.
    """
    leaves = keras.tree.flatten(mask) if isinstance(mask, list | tuple) else []
    if not leaves:
        return mask
    is_written_out = isinstance(leaves[0], bool | int | float | np.generic)
    return np.asarray(mask) if is_written_out else leaves[0]


def of_outputs(layer: keras.layers.Layer, mask: Any) -> Any:
    """Returns the mask of what a layer returns for each step, in its order.

    Args:
        layer: returns sequences, or not; goes backwards, or not.
        mask: that of its inputs, (batch, steps), or None.

    Returns:
        As `mask`, or None where there is none, or no sequences are returned.
    """
    mask = of_first(mask)
    if mask is None or not layer.return_sequences:
        return None
    return ops.flip(mask, axis=1) if layer.go_backwards else mask


def _written(shape):
    """Returns a shape as the docstrings write it: (batch, steps), (3, 5)."""
    names = ["batch", "steps", *["…"] * len(shape)]
    sizes = [
        str(name if size is None else size)
        for name, size in zip(names, shape, strict=False)
    ]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
