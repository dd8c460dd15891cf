"""What a caller knows of the surroundings that a graph is traced for."""

import contextlib
import contextvars
import re
from collections.abc import Iterable, Iterator

import tensorflow as tf

# Not exported: what knows the callbacks that look at operations, and what tells whether
# forward-mode differentiation watches a tensor.
from tensorflow.python.eager import context, forwardprop_util

from zoo.typing import Tensor

_portable = contextvars.ContextVar("portable", default=False)
_lite = contextvars.ContextVar("lite", default=False)
_undivided = contextvars.ContextVar("undivided", default=False)


@contextlib.contextmanager
def portable(*, lite: bool = False) -> Iterator[None]:
    """What is traced in this context takes no kernel.

    A kernel in a SavedModel runs wherever TensorFlow was built with XLA, as it is on
    PyPI; not every server is. It also compiles anew, for a second or so, for each
    shape that it meets, which a server can't foresee.

    Args:
        lite: whether TensorFlow Lite is to convert it as well, which knows no operation
            for all steps of an LSTM. It is, too, where a context around this says so.
    """
    with _holding(_portable), _holding(_lite) if lite else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """What is traced in this context keeps its batch in one piece where cores are few.

    For two recurrences side by side: they have both cores busy already, and larger
    products are faster.
    """
    with _holding(_undivided):
        yield


def is_portable() -> bool:
    """Says whether `portable` is in force."""
    return _portable.get()


def is_for_lite() -> bool:
    """Says whether TensorFlow Lite is to convert what is traced: see `portable`."""
    return _lite.get()


def is_undivided() -> bool:
    """Says whether `undivided` is in force."""
    return _undivided.get()


def is_vectorized() -> bool:
    """Says whether `tf.vectorized_map`, or a tape's Jacobian, traces this.

    They trace in a name scope, and say so in no other way.
    """
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        if re.search(r"(^|/)loop_body(_\d+)?(/|$)", graph.get_name_scope()):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


def has_tangents(tensors: Iterable[Tensor]) -> bool:
    """Says whether forward-mode differentiation watches one of some tensors."""
    return bool(forwardprop_util.pack_tangents(list(tensors)).tangents)


@contextlib.contextmanager
def unobserved() -> Iterator[None]:
    """What is computed or traced in this context is not looked into.

    `tf.debugging.enable_check_numerics` puts a check behind every operation, which XLA
    doesn't compile, and which takes a meant -inf for a mistake.
    """
    observed = context.context()
    callbacks = list(observed.op_callbacks)
    for callback in callbacks:
        observed.remove_op_callback(callback)
    try:
        yield
    finally:
        for callback in callbacks:
            observed.add_op_callback(callback)


@contextlib.contextmanager
def _holding(variable):
    token = variable.set(True)
    try:
        yield
    finally:
        variable.reset(token)
