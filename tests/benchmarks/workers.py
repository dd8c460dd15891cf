"""Drives the worker processes: one a contestant, asked in turn."""

import contextlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTLE = 0.03
"""Seconds between two turns, in which the last one's threads fall asleep."""


class WorkerError(Exception):
    """A worker that could not do what it was asked, or died of it."""


class Worker:
    """A process that answers requests; see `worker.py`.

    Args:
        name: how errors call it.
        command: the program, a list of strings.
    """

    def __init__(self, name: str, command: list[str]):
        self.name = name
        # Closed in `close`.
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=ROOT,
        )

    def ask(self, do: str, **arguments):
        """Returns the answer to a request.

        Raises:
            WorkerError: with the worker's traceback, or the end of its log.
        """
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.name} died on {do!r}:\n{self._end_of_log()}")
        reply = json.loads(line)
        if "error" in reply:
            raise WorkerError(f"{self.name} failed on {do!r}:\n{reply['error']}")
        return reply["answer"]

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _end_of_log(self):
        self._process.wait()
        self._log.seek(0)
        return self._log.read()[-2000:]


def installed(modules: dict[str, str]) -> dict[str, str]:
    """Returns the modules that can be measured here; torch is optional.

    Args:
        modules: by contestant; those that need torch are called `torch_…`.
    """
    if importlib.util.find_spec("torch"):
        return modules
    return {n: m for n, m in modules.items() if not m.startswith("torch_")}


@contextlib.contextmanager
def started(modules: dict[str, str]) -> Iterator[dict[str, Worker]]:
    """Yields a worker for each contestant, by name; ends them afterwards.

    Args:
        modules: the module that each one is in, see `worker.Desk`, by name.
    """
    command = [sys.executable, "-m", f"{__package__}.worker"]
    workers = {}
    try:
        for name, module in modules.items():
            workers[name] = Worker(name, [*command, module, name])
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def medians_in_turn(
    workers: dict[str, Worker], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Asks each worker in every round for some calls, the first one changing.

    Args:
        workers: those that have prepared the case, by name.
        rounds: how many turns each has.
        seconds: about how long a turn computes.

    Returns:
        The median seconds of each turn: whatever disturbs the machine for a
        moment then spoils a turn, not the whole.
    """
    turns = {name: [] for name in workers}
    names = list(workers)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            time.sleep(SETTLE)
            times = workers[name].ask("measure", seconds=seconds)
            turns[name].append(statistics.median(times))
    return turns
