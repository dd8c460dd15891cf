"""Graphs that must run where there is no XLA."""

import contextlib
import contextvars

_portable = contextvars.ContextVar("portable", default=False)


@contextlib.contextmanager
def portable():
    """What is traced in this context takes no kernel.

    A kernel in a SavedModel runs wherever TensorFlow was built with XLA, as it is on
    PyPI; not every server is. It also compiles anew, for a second or so, for each
    shape that it meets, which a server can't foresee.
    """
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def is_portable() -> bool:
    """Says whether `portable` is in force."""
    return _portable.get()
