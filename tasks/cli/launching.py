"""Starts a training's workers on this machine, and again what dies."""

import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.cli import signals
from tasks.errors import LostWorkerError
from tasks.training import progress

# So often all workers are started again while no more is saved.
MOST_RESTARTS = 5
# What a worker that is told to leave may take, and the time between two looks.
_LEAVING_SECONDS, _LOOK_SECONDS = 10.0, 0.2
# Exit codes that another start would end with, too: see `command_line.main`.
_FINAL = {1, 2, 130}
# That of a chief which has told where the training goes on after SIGTERM.
_SAID = 128 + signal.SIGTERM
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from tasks.cli import launching; "
    "sys.exit(launching.work())"
)
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def launch(
    name: str, program: str, argv: Sequence[str], workers: int, output: Path
) -> int:
    """Runs a training by several processes, until it is over.

    Args:
        name: the template's.
        program: what it is called by, for messages.
        argv: a worker's arguments, `--distributed` and `--output` among them.
        workers: how many processes.
        output: the training's folder. Their logs lie in `logs/`; the chief's is what
            this process prints.

    Returns:
        The exit code: 0; that of a worker that would end so again; or 128 and the
        signal's number, where this process was told to leave.
    """
    logs = [output / "logs" / f"worker-{number}.log" for number in range(workers)]
    logs[0].parent.mkdir(parents=True, exist_ok=True)
    for number, log in enumerate(logs[1:], start=1):
        print(f"worker {number:<4} {log}", flush=True)
    restarts, done = 0, saved(output)
    with _told_to_leave() as told:
        while True:
            number, code = _run(name, program, argv, logs, told)
            if told:
                if code != _SAID:
                    print(
                        f"\n{program}: interrupted. Go on with --resume.",
                        file=sys.stderr,
                    )
                return 128 + told[0]
            if code == 0:
                return 0
            if code in _FINAL:
                _tell_end(program, number, code, logs)
                return code
            now = saved(output)
            restarts, done = (0 if now > done else restarts) + 1, now
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            if restarts > MOST_RESTARTS:
                print(
                    f"{program}: training failed: worker {number} ended by {how}, the "
                    f"{restarts}th end with no more saved. {logs[number]} may say why. "
                    "Go on with --resume.",
                    file=sys.stderr,
                )
                return 1
            print(
                f"note: worker {number} ended by {how}. All start again, after epoch "
                f"{done[0]} and {done[1]:,} batches of the next ({restarts} of "
                f"{MOST_RESTARTS} times with no more saved).",
                file=sys.stderr,
                flush=True,
            )


def saved(output: Path) -> tuple[int, int]:
    """Says how much a training has saved, its pre-training's too.

    Returns:
        How many epochs, and how many batches of the next one.
    """
    folders = output / "checkpoints", output / "checkpoints" / "pretraining"
    epochs, batches = zip(*map(progress.saved, folders), strict=True)
    return sum(epochs), sum(batches)


def work() -> int:
    """Runs a worker: a template's command line, as long as its launcher lives."""
    name, program, parent, *argv = sys.argv[1:]
    with contextlib.suppress(OSError, AttributeError):  # Linux alone
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)
    if os.getppid() != int(parent):
        return LostWorkerError.EXIT_CODE
    command_line = importlib.import_module("tasks.cli.command_line")
    template = importlib.import_module(f"tasks.{name}").TEMPLATE
    return command_line.main(template, argv, program)


def environments(workers: int, ports: Sequence[int], gpus: int = 0) -> list[dict]:
    """Returns what each worker's environment has beside this process' own.

    Args:
        workers: how many there are.
        ports: one for each.
        gpus: how many this machine has: each worker gets as many of its own.
    """
    addresses = [f"localhost:{port}" for port in ports]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    found = []
    for index in range(workers):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        each = {"TF_CONFIG": json.dumps(config)}
        if "TF_NUM_INTRAOP_THREADS" not in os.environ:  # not all cores for each
            each["TF_NUM_INTRAOP_THREADS"] = str(max(1, cores // workers))
        if gpus >= workers and "CUDA_VISIBLE_DEVICES" not in os.environ:
            own = range(gpus * index // workers, gpus * (index + 1) // workers)
            each["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, own))
        found.append(each)
    return found


def _run(name, program, argv, logs, told):
    """Runs all workers once, and returns the first that failed, and how; or 0, 0.

    Where they were told to leave, it is the chief, and how it did.
    """
    ports, gpus = (
        _free_ports(len(logs)),
        len(list(Path("/proc/driver/nvidia/gpus").glob("*"))),
    )
    with contextlib.ExitStack() as stack:
        started = []
        stack.callback(_leave, started)
        for log, own in zip(logs, environments(len(logs), ports, gpus), strict=True):
            output = None
            if started:
                output = stack.enter_context(log.open("ab"))
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM.format(path=sys.path), name,
                     program, str(os.getpid()), *argv],
                    env=os.environ | own,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C is this process' to tell them
                )
            )  # fmt: skip
        while not told:
            codes = [process.poll() for process in started]
            for number, code in enumerate(codes):
                if code:
                    return number, code
            if None not in codes:
                return 0, 0
            time.sleep(_LOOK_SECONDS)
    return 0, started[0].returncode


def _leave(processes):
    """Ends processes, by force where they take their time."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    until = time.monotonic() + _LEAVING_SECONDS
    for process in running:
        try:
            process.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _told_to_leave() -> Iterator[list[int]]:
    """Yields a list, into which the signals go that tell this process to leave."""
    told = []

    def tell(number, _):
        told.append(number)

    chosen = *signals.to_leave(), signal.SIGINT
    before = [signal.signal(number, tell) for number in chosen]
    try:
        yield told
    finally:
        for number, handler in zip(chosen, before, strict=True):
            signal.signal(number, handler)


def _tell_end(program, number, code, logs):
    """Says what a worker said last, where it isn't the one whose words are shown."""
    if number == 0:
        return
    with contextlib.suppress(OSError):
        lines = logs[number].read_text("utf-8", "replace").strip().splitlines()
        print(
            f"{program}: worker {number} ended with exit code {code}: "
            f"{lines[-1] if lines else 'it said nothing'}",
            file=sys.stderr,
        )


def _free_ports(count):
    """Returns ports of this machine at which nobody listens now."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("localhost", 0)))
            for _ in range(count)
        ]
        return [server.getsockname()[1] for server in servers]
