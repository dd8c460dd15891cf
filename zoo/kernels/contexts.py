"""What a caller knows of the surroundings that a graph is traced for."""

import contextlib
import contextvars

_portable = contextvars.ContextVar("portable", default=False)
_undivided = contextvars.ContextVar("undivided", default=False)


@contextlib.contextmanager
def portable():
    """What is traced in this context takes no kernel.

    A kernel in a SavedModel runs wherever TensorFlow was built with XLA, as it is on
    PyPI; not every server is. It also compiles anew, for a second or so, for each
    shape that it meets, which a server can't foresee.
    """
    with _holding(_portable):
        yield


@contextlib.contextmanager
def undivided():
    """What is traced in this context keeps its batch in one piece where cores are few.

    For two recurrences side by side: they have both cores busy already, and larger
    products are faster.
    """
    with _holding(_undivided):
        yield


def is_portable() -> bool:
    """Says whether `portable` is in force."""
    return _portable.get()


def is_undivided() -> bool:
    """Says whether `undivided` is in force."""
    return _undivided.get()


@contextlib.contextmanager
def _holding(variable):
    token = variable.set(True)
    try:
        yield
    finally:
        variable.reset(token)
