"""Interruptions at every point of what our own files do."""

import signal
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

# Of a file between `open` and `with` Python says that nobody has closed it.
leaving_files_open = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


def everywhere(act: Callable[[], object], *modules: ModuleType) -> Iterator[str]:
    """Does something again and again, interrupted one point later each time.

    The points are those at which Python hears signals that come while it waits for the
    system: where what isn't written in Python returns.

    Args:
        act: what is done.
        *modules: whose code has the points.

    Yields:
        Where it was interrupted, each time; then nothing more: it got through.
    """
    files = {module.__file__ for module in modules}
    place, found = 0, "somewhere"

    def hear(frame, event, _):
        nonlocal passed, found
        if event != "c_return" or frame.f_code.co_filename not in files:
            return
        passed += 1
        if passed == place:
            found = f"{frame.f_code.co_name}, line {frame.f_lineno}"
            signal.raise_signal(signal.SIGINT)

    while found:
        place, passed, found = place + 1, 0, ""
        before = sys.getprofile()
        # It is ignored where tests run by `&`.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.setprofile(hear)
        try:
            act()
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(before)
            signal.signal(signal.SIGINT, handler)
        if found:
            yield found
    assert place > 5
