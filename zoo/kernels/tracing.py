"""Graphs for eager calls, but for forward-mode differentiation."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo.kernels.contexts import has_tangents, unobserved


def graph(function: Callable, signature: Any = None, **how: Any) -> Any:
    """Returns a `tf.function` that only counts as traced anew when it is.

    TensorFlow counts by the code of what it traces, and warns of many tracings: a
    graph for each of several sizes, or of several layers, would count as one that is
    traced again and again.

    Args:
        function: of tensors, without AutoGraph.
        signature: what it takes, if that is of one kind.
        **how: other arguments of `tf.function`.
    """
    # A partial has no code, and is its own.
    own = functools.partial(function)
    return tf.function(own, input_signature=signature, autograph=False, **how)


def in_graph(function: Any) -> Any:
    """Makes a function of tensors run in a graph when it is called eagerly, too.

    One graph serves all shapes; in a graph the function becomes a part of it.

    Args:
        function: takes tensors, `None` and tuples of them by place, and what else
            there is, hashable, by name.
    """
    graphs = {}

    @functools.wraps(function)
    def run(*arguments, **others):
        with unobserved():
            return call(arguments, others)

    def call(arguments, others):
        given = tf.nest.flatten(arguments)
        # Forward mode can't differentiate a graph's loop.
        watched = has_tangents(each for each in given if each is not None)
        if watched or not tf.executing_eagerly():
            return function(*arguments, **others)
        specs = tuple(
            None if tensor is None else _any_shape(tensor) for tensor in given
        )
        key = specs, tuple(others.items())
        if key not in graphs:
            structure = tf.nest.map_structure(lambda _: None, arguments)
            # Where threads come at the same time, the first one's is that of all.
            graphs.setdefault(key, _graph(function, structure, specs, others))
        return graphs[key](*(tensor for tensor in given if tensor is not None))

    return run


def _graph(function, structure, specs, others):
    signature = [spec for spec in specs if spec is not None]

    def with_all(*tensors):
        remaining = iter(tensors)
        given = [None if spec is None else next(remaining) for spec in specs]
        return function(*tf.nest.pack_sequence_as(structure, given), **others)

    return graph(with_all, signature)


def _any_shape(tensor):
    return tf.TensorSpec([None] * len(tensor.shape), tensor.dtype)
