"""Sequences in pieces, and training on windows of a long text."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
from keras import ops

from zoo.cells.arguments import whole
from zoo.keras_private import carry_mask, mask_of
from zoo.layers.shapes import refuse_ragged
from zoo.layers.states import find_backwards
from zoo.typing import Tensor


def stream(
    layer: keras.layers.Layer,
    pieces: Iterable,
    masks: Iterable | None = None,
    initial_state: Any = None,
    truncate: bool = False,
    training: bool | None = None,
) -> Any:
    """Runs a recurrent layer over a sequence in pieces, and passes the state on.

    The outputs of all pieces, one after another, are those of the whole sequence.

    With `truncate` this is truncated back-propagation through time (Williams & Peng
    1990): states go on from window to window, gradients don't.

    ```
    windows = zoo.layers.windows(characters, steps=100)
    pieces = zoo.layers.stream(layer, windows, truncate=True, training=True)
    for outputs, states in pieces:
        ...
    ```

    It is for a tape, or a `tf.function`, that sees several windows. A tape for each
    window sees nothing of those before it; there
    `outputs, *states = layer(window, initial_state=states)` truncates by itself.
    In `fit`, a stateful layer does the same: its states are variables, through which
    no gradient passes from batch to batch.

    Args:
        layer: a recurrent layer of `zoo.layers` with `return_state=True`.
        pieces: tensors (batch, steps, n_x), of any number of steps. Of a layer that
            takes more, `Conditioned` or `OutputRecurrence`, tuples: the layer's
            arguments by place.
        masks: for each piece (batch, steps), bool, or None: then the one that it
            carries, if it does, as those of `windows` do.
        initial_state: the states to start from, as the layer returned them.
        truncate: whether gradients stop where a piece begins.
        training: whether dropout is applied. By default as `fit` and the like say, and
            outside of them it is not.

    Returns:
        An iterator: for each piece, when it is asked for, its outputs and the list of
        states after it.

    Raises:
        ValueError: the layer goes backwards, as Bidirectional does, or it is
            stateful, or does not return its state; or, at the first piece without
            one, there are fewer masks than pieces.
    """
    _check(layer)
    arguments = {} if training is None else {"training": training}
    return _stream(layer, pieces, masks, initial_state, truncate, arguments)


def _stream(layer, pieces, masks, states, truncate, every):
    masks = itertools.repeat(None) if masks is None else iter(masks)
    for number, piece in enumerate(pieces):
        try:
            given = {**every, "mask": next(masks)}
        except StopIteration:
            raise ValueError(
                f"`masks` has {number}, but there are more pieces: give a mask, or "
                "None, for each."
            ) from None
        arguments = piece if isinstance(piece, tuple) else (piece,)
        if states is not None:
            given["initial_state"] = list(states)
        if states is not None and truncate:
            given["initial_state"] = keras.tree.map_structure(
                ops.stop_gradient, given["initial_state"]
            )
        outputs, *states = layer(*arguments, **given)
        yield outputs, states


def windows(sequences: Tensor, steps: int) -> Iterator:
    """Cuts long sequences into windows, one after another.

    Args:
        sequences: (batch, length, …): in each row a long text, contiguous. A mask that
            they carry, as an `Embedding` with `mask_zero=True` gives it along, is cut
            like them.
        steps: the windows' length; the last window has what is left.

    Returns:
        An iterator over (batch, up to `steps`, …).

    Raises:
        ValueError: `steps` is not positive.
    """
    steps = whole("`steps`", steps)
    if steps < 1:
        raise ValueError(f"`steps` must be at least 1, found {steps}.")
    refuse_ragged("windows", sequences)
    return _windows(sequences, mask_of(sequences), steps)


def _windows(sequences, mask, steps):
    for start in range(0, sequences.shape[1], steps):
        place = slice(start, start + steps)
        window = sequences[:, place]
        if mask is not None:
            carry_mask(window, mask[:, place])
        yield window


def _check(layer):
    """Raises a ValueError if `layer` can't be streamed."""
    backwards = find_backwards(layer)
    if backwards is not None:
        raise ValueError(
            f"'{backwards.name}' ({type(backwards).__name__}) goes backwards, from "
            "the sequence's end, and can't be streamed: a piece's end is not the "
            "sequence's. Give it the whole sequence, or use layers that go forward."
        )
    name = getattr(layer, "name", repr(layer))
    if getattr(layer, "stateful", False):
        raise ValueError(
            f"'{name}' is stateful and carries its states on by itself. Call it on "
            "piece after piece, or make it without `stateful`."
        )
    if not getattr(layer, "return_state", False):
        raise ValueError(
            f"'{name}' does not return its state, which is what goes from piece to "
            "piece. Make it with `return_state=True`."
        )
