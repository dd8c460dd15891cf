"""Signals that tell a command to end, which then ends as by Ctrl-C."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from tasks.errors import InterruptionError

# Whoever stops a container or a job, and a terminal that is closed. (Windows has no
# SIGHUP.)
_NAMES = "SIGTERM", "SIGHUP"


def to_leave() -> list[int]:
    """Returns the signals, but what is ignored, as SIGHUP is by `nohup`."""
    numbers = [getattr(signal, each) for each in _NAMES if hasattr(signal, each)]
    return [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]


def _interrupt(number: int, _: FrameType | None) -> None:
    raise InterruptionError(number, "")


@contextlib.contextmanager
def obeyed(
    by: Callable[[int, FrameType | None], object] = _interrupt,
) -> Iterator[None]:
    """Has the signals end what is being done in Python, so that nothing is left half.

    By their own way they would end the process as it is, with the files that it is
    writing; but not the first process of a container, which they don't reach. A signal
    that is ignored, as by `nohup`, or that the caller handles, stays so; and outside
    the main thread all do.

    Args:
        by: the handler, by default what raises an `InterruptionError`.
    """
    handled = []
    if threading.current_thread() is threading.main_thread():
        handled = [n for n in to_leave() if signal.getsignal(n) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, by)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
