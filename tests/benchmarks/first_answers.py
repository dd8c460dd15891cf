"""Seconds from a process' start to its first answer."""

import functools
import shlex
import subprocess
import sys

from tests.benchmarks import report


def print_table(commands: dict[str, str], rounds: int) -> None:
    """Prints a table of Python processes, each started cold, in turn.

    Args:
        commands: what follows `python`, by how to call it. The first one gives the
            answer; the others do a part of that.
        rounds: how often each is started.
    """
    runs = {
        name: functools.partial(
            subprocess.run,
            [sys.executable, *shlex.split(command)],
            check=True,
            capture_output=True,
        )
        for name, command in commands.items()
    }
    medians = report.interleaved(runs, rounds, warm_up=0)
    whole = next(iter(medians.values()))
    print("\n| process | seconds, cold | of the first |\n| --- | --- | --- |")
    for name, median in medians.items():
        print(f"| `{name}` | {median:.1f} | {median / whole:.0%} |")
