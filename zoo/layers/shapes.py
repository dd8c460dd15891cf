"""Shapes that layers take and return, and that hold in a graph as it runs."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.typing import Tensor

_FILLED_UP = (
    "Fill its rows up by `ragged.to_tensor()`, and say by a mask what was there: "
    "`mask=tf.sequence_mask(ragged.row_lengths())`."
)


class SpecOfCall:
    """Has a symbolic call trace the layer's `call`, whatever its output shapes say.

    Mixed into a layer with `compute_output_shape`, before Keras' class, where outputs
    have other dtypes than the layer computes in, or `call` refuses what doesn't fit.
    """

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what the outputs will be like: shapes and dtypes."""
        operation: Any = keras.Operation
        return operation.compute_output_spec(self, *args, **kwargs)


class DenseInputs(keras.layers.Layer):
    """Refuses ragged and sparse inputs, before weights are made for their shapes."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer: see its `call`."""
        refuse_ragged(self, *keras.tree.flatten((args, kwargs)))
        return super().__call__(*args, **kwargs)


def refuse_ragged(owner: Any, *tensors: Any) -> None:
    """Raises a ValueError if a tensor is ragged or sparse.

    Args:
        owner: the layer that was called with them, or a function's name.
        *tensors: anything; what has no rows of their own passes.
    """
    for tensor in tensors:
        if isinstance(tensor, tf.RaggedTensor) or _is(tensor, "ragged"):
            kind, remedy = "ragged", _FILLED_UP
        elif isinstance(tensor, tf.SparseTensor) or _is(tensor, "sparse"):
            kind, remedy = "sparse", "Make it dense by `tf.sparse.to_dense`."
        else:
            continue
        name = owner if isinstance(owner, str) else f"'{owner.name}'"
        raise ValueError(
            f"{name} takes dense tensors, found a {kind} one of the shape "
            f"{tuple(tensor.shape)}. {remedy}"
        )


def _is(tensor, kind):
    """Says whether a symbolic tensor is of a kind."""
    return keras.backend.is_keras_tensor(tensor) and getattr(tensor, kind, False)


def ranks_of(layer: keras.layers.Layer) -> dict[str, int | None]:
    """Returns how many axes a layer's inputs have, as `keras.layers.InputSpec` says."""
    spec = keras.tree.flatten(layer.input_spec)[0]  # Keras has some in a list
    return {name: getattr(spec, name, None) for name in ("ndim", "min_ndim")}


def check_axes(layer: keras.layers.Layer, **inputs: tuple[Tensor, str]) -> None:
    """Raises a ValueError if a call's inputs don't fit together.

    TensorFlow would repeat a single row for all others, or say which of its operations
    failed.

    Args:
        layer: what is called.
        **inputs: by the argument's name, a tensor and the names of its axes, "rows,
            steps, n_x"; those of the same name have the same size.
    """
    sizes: dict[str, int] = {}
    fits = True
    for tensor, axes in inputs.values():
        names, shape = axes.split(", "), tensor.shape
        if getattr(shape, "rank", 0) is None:
            continue
        fits = fits and len(names) == len(shape)
        for name, size in zip(names, shape, strict=False):
            fits = fits and (size is None or sizes.setdefault(name, size) == size)
    if not fits:
        takes = [f"`{name}` ({axes})" for name, (_, axes) in inputs.items()]
        found = [f"{tuple(tensor.shape)}" for tensor, _ in inputs.values()]
        raise ValueError(
            f"'{layer.name}' takes {_listed(takes)}, axes of one name of one size. "
            f"Found the shapes {_listed(found)}."
        )


def _listed(words):
    """Returns words as a text says them: a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def exactly(tensor: Tensor, rows: Any, columns: Any) -> Any:
    """Returns a tensor of two axes, that has as many rows and columns as are given.

    Raises:
        InvalidArgumentError: it hasn't, where a graph runs.
    """
    # To three axes: TensorFlow takes a reshape to the same two for needless where a
    # broadcast follows, which would repeat a single row or column.
    return ops.squeeze(ops.reshape(tensor, (rows, columns, 1)), axis=2)
