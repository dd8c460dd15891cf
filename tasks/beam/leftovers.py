"""Ends what Beam leaves behind on this machine when a pipeline fails."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

# What the processes of Beam's workers run.
_WORKER = b"apache_beam.runners.worker.sdk_worker_main"


def end_workers() -> None:
    """Ends the workers that this process has started, by force, where it is Linux.

    Where one has been killed, others may wait for ever, and Beam for these.
    """
    for process in list(descendants(os.getpid())):
        with contextlib.suppress(OSError):  # it has ended
            if _WORKER in Path(f"/proc/{process}/cmdline").read_bytes():
                os.kill(process, signal.SIGKILL)


def descendants(process: int) -> Iterator[int]:
    """Yields the numbers of a process' children, and of theirs."""
    for of_thread in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, of_thread.read_text().split()):
                yield child
                yield from descendants(child)
