"""Signals that tell a command to end, which then ends as by Ctrl-C."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from tasks.errors import InterruptionError

# Whoever stops a container or a job, and a terminal that is closed. (Windows has no
# SIGHUP.)
_NAMES = "SIGTERM", "SIGHUP"
# What comes so soon after is the same, told twice: by a terminal that is closed and its
# shell, or by an impatient hand. It would end what tidies up.
_SAME_SECONDS = 1.0


def to_leave() -> list[int]:
    """Returns the signals, but what is ignored, as SIGHUP is by `nohup`."""
    numbers = [getattr(signal, each) for each in _NAMES if hasattr(signal, each)]
    return [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]


class _Interruption:
    """A handler that raises an `InterruptionError`, and but one a second."""

    def __init__(self):
        self._told = float("-inf")

    def __call__(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._told >= _SAME_SECONDS:
            self._told = now
            raise InterruptionError(number, "")


@contextlib.contextmanager
def obeyed(
    by: Callable[[int, FrameType | None], object] | None = None,
) -> Iterator[None]:
    """Has the signals end what is being done in Python, so that nothing is left half.

    By their own way they would end the process as it is, with the files that it is
    writing; but not the first process of a container, which they don't reach. A signal
    that is ignored, as by `nohup`, or that the caller handles, stays so; and outside
    the main thread all do.

    Args:
        by: the handler; by default what raises an `InterruptionError`, of Ctrl-C too,
            and takes what follows within a second for the same.
    """
    before = dict.fromkeys(to_leave(), signal.SIG_DFL)
    if by is None:
        by = _Interruption()
        before[signal.SIGINT] = signal.default_int_handler
    handled = {}
    if threading.current_thread() is threading.main_thread():
        handled = {n: own for n, own in before.items() if signal.getsignal(n) is own}
    for number in handled:
        signal.signal(number, by)
    try:
        yield
    finally:
        for number, own in handled.items():
            signal.signal(number, own)
