"""The plain command beside Beam's runners: time, memory, and whether they agree.

    python -m tests.benchmarks.pipelines --input 'in/*.txt' --output OUT
        [--command tasks.sentiment predict] [--flags='--batch-size 128']
        [--how plain direct portable] [--workers 2]

The files hold a text a line. OUT gets each one's answers, and must not be there. Memory
is the peak of all processes of one together, each page that they share counted once;
that of the job server is told by itself. Needs Linux, and Beam.
"""

import argparse
import collections
import contextlib
import glob
import json
import math
import os
import resource
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tasks.beam import leftovers
from tests.benchmarks import report
from tests.free_port import free_port

HOW = "plain", "direct", "portable"
LOOK_SECONDS, START_SECONDS = 2.0, 600.0
TOLERANCE = 1e-4
_SERVER = "apache_beam.runners.portability.local_job_service_main"


def memory(process: int) -> int:
    """Returns the bytes that a process holds, its share of those that several do."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def run(command: list[str]) -> dict:
    """Runs a command, and returns what it took.

    Raises:
        RuntimeError: it failed.
    """
    began, before = time.time(), _processor_seconds()
    process, peak = subprocess.Popen(command), 0
    while process.poll() is None:
        together = [process.pid, *leftovers.descendants(process.pid)]
        peak = max(peak, sum(map(memory, together)))
        time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return {
        "seconds": time.time() - began,
        "processor": _processor_seconds() - before,
        "peak": peak,
    }


def _processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def job_server() -> Iterator[tuple[str, int]]:
    """The address and the process of a job server of Beam's own."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", _SERVER, "--port", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_SECONDS
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"The job server doesn't listen at port {port}.")
            time.sleep(0.1)
        yield f"localhost:{port}", server.pid
    finally:
        server.kill()
        server.wait()


def _listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("localhost", port), timeout=60).close()
        return True
    return False


def agreement(rows: dict, plain: dict) -> collections.Counter:
    """Counts answers that are the same, the same but for rounding, others and lost.

    Args:
        rows: by file and line.
        plain: those of the plain command.
    """
    found = collections.Counter(lost=0, others=0, rounding=0, same=0)
    for key, expected in plain.items():
        row = rows.get(key)
        if row is None:
            found["lost"] += 1
        elif row == expected:
            found["same"] += 1
        else:
            found["rounding" if alike(row, expected) else "others"] += 1
    found["others"] += len(rows.keys() - plain.keys())
    return found


def alike(one: object, other: object) -> bool:
    """Says whether JSON is the same but for the last digits of numbers."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def of_command(path: Path, files: list[str]) -> dict:
    """Returns the plain command's answers to all files, one behind the other."""
    places = [(name, line) for name in files for line, _ in enumerate(_lines(name), 1)]
    answers = map(json.loads, _lines(path))
    return dict(zip(places, answers, strict=True))


def of_runner(folder: Path) -> dict:
    """Returns a runner's answers."""
    rows = {}
    for path in sorted(folder.glob("part-*.jsonl")):
        for line in _lines(path):
            row = json.loads(line)
            key = row.pop("file"), row.pop("line")
            if key in rows:
                raise ValueError(f"{path}: {key} is answered twice.")
            rows[key] = row
    return rows


def _lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        yield from file


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", required=True, help="a pattern of text files")
    parser.add_argument("--output", required=True, type=Path, help="a new folder")
    parser.add_argument("--command", nargs=2, default=["tasks.sentiment", "predict"])
    parser.add_argument("--flags", default="", help="of the command, for all three")
    parser.add_argument("--how", nargs="+", choices=HOW, default=HOW)
    parser.add_argument("--workers", type=int, default=2, help="of the direct runner")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True)
    print(report.machine(["apache-beam"]))
    print("\n| how | texts | seconds | texts/s | CPU s | peak MB | answers |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    pattern = os.path.abspath(arguments.input)
    files = sorted(glob.glob(pattern))
    texts = sum(1 for name in files for _ in _lines(name))
    flags = shlex.split(arguments.flags)
    command = [sys.executable, "-m", *arguments.command, *flags]
    plain = None
    for how in arguments.how:
        folder = arguments.output / how
        folder.mkdir()
        read_write = ["--input", pattern, "--output", str(folder / "part")]
        server = 0
        if how == "plain":
            whole = folder / "all.txt"
            with whole.open("wb") as file:
                file.writelines(Path(name).read_bytes() for name in files)
            answers = folder / "answers.jsonl"
            given = ["--input", str(whole), "--json", "--output", str(answers)]
            took = run([*command, *given])
            plain = of_command(answers, files)
        elif how == "direct":
            count = ["--direct_num_workers", str(arguments.workers)]
            mode = ["--direct_running_mode", "multi_processing"]
            runner = ["--runner", "DirectRunner", *count, *mode]
            took = run([*command, *read_write, *runner])
        else:
            with job_server() as (address, process):
                runner = ["--runner", "PortableRunner", "--job_endpoint", address]
                here = ["--environment_type", "LOOPBACK"]
                took = run([*command, *read_write, *runner, *here])
                server = memory(process)
        peak = f"{took['peak'] / 1e6:,.0f}" + (f" + {server / 1e6:,.0f}" * bool(server))
        agree = ""
        if how != "plain" and plain is not None:
            counts = agreement(of_runner(folder), plain)
            agree = ", ".join(f"{n:,} {kind}" for kind, n in counts.items() if n)
        print(
            f"| {how} | {texts:,} | {took['seconds']:,.0f} | "
            f"{texts / took['seconds']:,.0f} | {took['processor']:,.0f} | {peak} | "
            f"{agree} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
