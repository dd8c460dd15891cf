"""The states of a recurrent layer, whatever is in it, as one flat list."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.shapes import exactly
from zoo.typing import Tensor

# What a layer has to be made with to return what it takes as this argument.
_WHEN = {"initial_state": " with `return_state=True`"}


def check_recurrent(layer: keras.layers.Layer, owner: str) -> None:
    """Raises a ValueError if `layer` isn't a recurrent layer of known states.

    Args:
        layer: what was given.
        owner: the name of the class that it was given to.
    """
    wanted = ("state_size", "return_sequences", "return_state")
    if isinstance(layer, keras.layers.Layer) and all(
        hasattr(layer, name) for name in wanted
    ):
        return
    raise ValueError(
        f"{owner} takes recurrent layers, such as zoo.layers.LSTM(64), RNN(cell), "
        f"Bidirectional or DeepRNN. Found: {layer!r}."
    )


def state_sizes(layer: keras.layers.Layer) -> list[int]:
    """Returns the sizes of a recurrent layer's states, in their order."""
    return keras.tree.flatten(layer.state_size)


def pack(
    layer: keras.layers.Layer, states: Sequence, argument: str = "initial_state"
) -> list:
    """Brings a flat list of states into the form that `layer` takes.

    `RNN` has one list for each cell of a stack of cells; all others' are flat.

    Args:
        layer: what takes them.
        states: in their order.
        argument: as what they were given.

    Raises:
        ValueError: there are too many states, or too few, or one isn't (batch, n) of
            the layer's n; or they have names and no order.
        InvalidArgumentError: the same, of a shape that is known only when a graph
            runs.
    """
    if isinstance(states, Mapping):
        raise ValueError(
            f"`{argument}` of '{layer.name}' is a list of its states, in the order "
            f"in which it returns them. Found names: {', '.join(map(str, states))}."
        )
    states, sizes = keras.tree.flatten(states), state_sizes(layer)
    if len(states) != len(sizes):
        raise ValueError(
            f"'{layer.name}' has {len(sizes)} states, found {len(states)} as "
            f"`{argument}`. Give all that it returns{_WHEN.get(argument, '')}, in "
            "their order."
        )
    for number, (state, size) in enumerate(zip(states, sizes, strict=True), start=1):
        shape = _shape(state)
        if shape is not None and (len(shape) != 2 or shape[1] not in (None, size)):
            raise ValueError(
                f"`{argument}` of '{layer.name}' must have the shape (batch, "
                f"{size}) in place {number} of {len(sizes)}, found {shape}."
            )
    pairs = zip(states, sizes, strict=True)
    states = [_of_size(state, size) for state, size in pairs]
    return keras.tree.pack_sequence_as(layer.state_size, states)


def check_given(
    layer: keras.layers.Layer, sequences: Tensor, args: Any, kwargs: Any
) -> None:
    """Raises a ValueError if a call's initial state isn't what the layer takes.

    Here too, for a symbolic call, which builds a model, computes no more than shapes.

    Args:
        layer: what is called.
        sequences: (batch, steps, n_x).
        args: the call's positional arguments after it: initial state, mask.
        kwargs: the call's keyword arguments.
    """
    states = args[0] if args else kwargs.get("initial_state")
    if states is not None:
        check_batch(layer, pack(layer, states), sequences)


def check_batch(
    layer: keras.layers.Layer,
    states: Sequence,
    sequences: Tensor,
    argument: str = "initial_state",
) -> None:
    """Raises a ValueError if states are of another number of rows than sequences.

    Args:
        layer: whose states they are.
        states: (batch, n) each, nested as they like.
        sequences: (batch, steps, n_x).
        argument: as what the states were given.
    """
    rows = sequences.shape[0]
    for state in keras.tree.flatten(states):
        shape = _shape(state)
        if shape is not None and None not in (rows, shape[0]) and shape[0] != rows:
            raise ValueError(
                f"`{argument}` of '{layer.name}' has {shape[0]} rows, but the "
                f"sequences have {rows}. Give a state for each row."
            )


def for_call(
    layer: keras.layers.Layer,
    states: Sequence,
    sequences: Tensor,
    argument: str = "initial_state",
) -> Any:
    """Returns the states that a call is given, nested as the layer has them.

    Args:
        layer: what is called.
        states: see `pack`.
        sequences: (batch, steps, n_x).
        argument: as what the states were given.

    Raises:
        ValueError: see `pack`; or there is not a state for each row.
        InvalidArgumentError: the same, of what is known only when a graph runs.
    """
    states = pack(layer, states, argument)
    check_batch(layer, states, sequences, argument)
    return of_rows(states, sequences)


def of_rows(states: Any, sequences: Tensor) -> Any:
    """Returns states that have a row for each of the sequences'.

    Numbers that are known before are `check_batch`'s, as in `check_given`.

    Args:
        states: (batch, n) each, nested as they like.
        sequences: (batch, steps, n_x).

    Returns:
        The states, nested as they were.

    Raises:
        InvalidArgumentError: they have another number of rows, which is known only
            when a graph runs.
    """

    def of_as_many(state):
        if keras.backend.is_keras_tensor(state):
            return state
        if None not in (sequences.shape[0], _shape(state)[0]):
            return state
        return exactly(state, tf.shape(sequences)[0], state.shape[1])

    return keras.tree.map_structure(of_as_many, states)


def _of_size(state, size):
    """Returns a state that says that it is (batch, size), and is."""
    shape = _shape(state)
    if shape is not None and (len(shape) < 2 or shape[1] is not None):
        return state
    if keras.backend.is_keras_tensor(state):
        return state
    return tf.ensure_shape(state, (None, size))


def _shape(tensor):
    """Returns a shape as a tuple, or None where not even the rank is known."""
    shape = getattr(tensor, "shape", None)
    if shape is None:
        return np.shape(tensor)
    return None if getattr(shape, "rank", 0) is None else tuple(shape)


def top_state(layer: keras.layers.Layer, states: Sequence) -> Any:
    """Returns a of the uppermost cell, among a recurrent layer's states."""
    while hasattr(layer, "layers") or hasattr(layer, "layer"):
        layer = layer.layers[-1] if hasattr(layer, "layers") else layer.layer
    cell = layer.cell
    while hasattr(cell, "cells") or hasattr(cell, "cell"):
        cell = cell.cells[-1] if hasattr(cell, "cells") else cell.cell
    return states[-len(keras.tree.flatten(cell.state_size))]


def parts(layer: keras.layers.Layer) -> Iterator:
    """Yields a recurrent layer and those that it is made of, at any depth."""
    yield layer
    inside = [*getattr(layer, "layers", ()), getattr(layer, "layer", None)]
    for part in inside:
        if part is not None:
            yield from parts(part)


def find_inside(layer: keras.layers.Layer, kind: Any) -> Any:
    """Returns the first layer of the class `kind` in `layer`, itself included."""
    return next((part for part in parts(layer) if isinstance(part, kind)), None)


def find_backwards(layer: keras.layers.Layer) -> Any:
    """Returns the first layer in `layer` that starts at a sequence's end, or None."""
    for part in parts(layer):
        both = isinstance(part, keras.layers.Bidirectional)
        if both or getattr(part, "go_backwards", False):
            return part
    return None


def check_goes_forward(layer: keras.layers.Layer) -> None:
    """Raises a ValueError if `layer` can't be a decoder, from state to state.

    Args:
        layer: a recurrent layer, whatever is in it.
    """
    if getattr(layer, "stateful", False):
        raise ValueError(
            f"'{layer.name}' is stateful. Leave `stateful` out and pass the states on."
        )
    backwards = find_backwards(layer)
    if backwards is not None:
        raise ValueError(
            f"'{backwards.name}' goes backwards: it would see the outputs that it is "
            "to predict. Use layers that go forward."
        )
