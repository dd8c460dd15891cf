"""Which recurrent layers can stand on top of each other, and how."""

import numbers
from collections.abc import Iterable
from typing import Any

import keras

from zoo.layers.states import check_recurrent, find_inside
from zoo.layers.wrapper import RecurrentWrapper

SKIPS = ("residual", "input", "output")


def rates(dropout: Any, depth: int) -> Any:
    """Returns the dropout rate of each of the places between two layers."""
    if isinstance(dropout, numbers.Real):
        return [float(dropout)] * (depth - 1)
    if len(dropout) != depth - 1:
        raise ValueError(
            f"{depth} layers have {depth - 1} places between them, but `dropout` has "
            f"{len(dropout)} rates: {dropout}. Give one rate for all, or "
            f"{depth - 1}."
        )
    return list(dropout)


def stackable(layers: Iterable[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """Returns layers as a list.

    Raises:
        ValueError: one of them can't be part of a stack, or there is none.
    """
    if isinstance(layers, keras.layers.Layer):
        raise ValueError(
            f"DeepRNN takes a list of layers. Found: {layers!r}. Give [{layers.name}] "
            "for a stack of one, or DeepRNN.stack for several of one kind."
        )
    layers = list(layers)
    if not layers:
        raise ValueError("DeepRNN needs one layer at least, found none.")
    for layer in layers:
        check_recurrent(layer, "DeepRNN")
        if getattr(layer, "go_backwards", False):
            raise ValueError(
                f"'{layer.name}' goes backwards: its outputs would be in the "
                "opposite order of the mask. Use Bidirectional, or flip sequences "
                "and mask before the stack."
            )
        if getattr(layer, "merge_mode", "concat") is None:
            raise ValueError(
                f"'{layer.name}' has `merge_mode=None` and so two outputs, but the "
                "next layer takes one. Use 'concat', 'sum', 'ave' or 'mul'."
            )
    return layers


def checked_skips(skip: Any) -> tuple[str, ...]:
    """Returns the names of skip connections: none, one or several were given.

    Raises:
        ValueError: it is something else.
    """
    skip = (skip,) if isinstance(skip, str) or not isinstance(skip, Iterable) else skip
    skip = tuple(name for name in skip if name is not None)
    unknown = [str(name) for name in skip if name not in SKIPS]
    if unknown:
        raise ValueError(
            f"`skip` may hold {', '.join(SKIPS)}, found {', '.join(unknown)}."
        )
    return skip


def check_differ(layers: list[keras.layers.Layer], argument: str) -> None:
    """Raises a ValueError if a layer stands twice in a stack, where that can't be.

    Args:
        layers: the stack.
        argument: what of a layer would have to differ from place to place.
    """
    for number, layer in enumerate(layers):
        if any(layer is other for other in layers[:number]):
            raise ValueError(
                f"'{layer.name}' stands twice in a stack with {argument}. Make a layer "
                "for each place: one that shares its weights with another has the same "
                "states and returns the same steps."
            )


def check_stateful(layer: keras.layers.Layer, stateful: bool) -> None:
    """Raises a ValueError if `layer` doesn't fit a stack that is stateful or not."""
    wrapper = find_inside(layer, RecurrentWrapper) if stateful else None
    if wrapper is not None:
        raise ValueError(
            f"A stack with '{wrapper.name}' ({type(wrapper).__name__}) can't be "
            "stateful: it sets the initial states itself. Pass the states on, as "
            "`zoo.layers.stream` does."
        )
    if stateful and find_inside(layer, keras.layers.Bidirectional):
        raise ValueError(
            f"A stack with '{layer.name}' can't be stateful: Bidirectional needs the "
            "whole sequence, and its backward direction would start from a piece's "
            "end. Use layers of one direction."
        )
    own = getattr(layer, "stateful", False)
    if own and not stateful:
        raise ValueError(
            f"'{layer.name}' is stateful, but the stack is not. Give `stateful=True` "
            "to DeepRNN: it is for all layers or none."
        )
    if stateful and not own and layer.built:
        raise ValueError(
            f"'{layer.name}' was built without `stateful=True`, too early to have "
            "states of its own. Make it stateful, or stack it before it is built."
        )
