"""The states of a recurrent layer, whatever is in it, as one flat list."""

from collections.abc import Iterator, Sequence

import keras


def check_recurrent(layer, owner: str) -> None:
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


def state_sizes(layer) -> list[int]:
    """Returns the sizes of a recurrent layer's states, in their order."""
    return keras.tree.flatten(layer.state_size)


def pack(layer, states: Sequence) -> list:
    """Brings a flat list of states into the form that `layer` takes.

    `RNN` has one list for each cell of a stack of cells; all others' are flat.

    Raises:
        ValueError: there are too many states, or too few.
    """
    states = keras.tree.flatten(states)
    count = len(state_sizes(layer))
    if len(states) != count:
        raise ValueError(
            f"'{layer.name}' has {count} states, found {len(states)} as "
            "`initial_state`. Give all that it returns with `return_state=True`, in "
            "their order."
        )
    return keras.tree.pack_sequence_as(layer.state_size, states)


def top_state(layer, states: Sequence):
    """Returns a of the uppermost cell, among a recurrent layer's states."""
    while hasattr(layer, "layers") or hasattr(layer, "layer"):
        layer = layer.layers[-1] if hasattr(layer, "layers") else layer.layer
    cell = layer.cell
    while hasattr(cell, "cells") or hasattr(cell, "cell"):
        cell = cell.cells[-1] if hasattr(cell, "cells") else cell.cell
    return states[-len(keras.tree.flatten(cell.state_size))]


def parts(layer) -> Iterator:
    """Yields a recurrent layer and those that it is made of, at any depth."""
    yield layer
    inside = [*getattr(layer, "layers", ()), getattr(layer, "layer", None)]
    for part in inside:
        if part is not None:
            yield from parts(part)


def find_inside(layer, kind):
    """Returns the first layer of the class `kind` in `layer`, itself included."""
    return next((part for part in parts(layer) if isinstance(part, kind)), None)


def find_backwards(layer):
    """Returns the first layer in `layer` that starts at a sequence's end, or None."""
    for part in parts(layer):
        both = isinstance(part, keras.layers.Bidirectional)
        if both or getattr(part, "go_backwards", False):
            return part
    return None
