"""What every benchmark prints: medians, ratios and the machine."""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import metadata

from tasks.training import hardware

IDLE = 0.5
"""The load average up to which a machine counts as idle."""


def interleaved(
    contestants: dict[str, Callable[[], object]], rounds: int, warm_up: int = 1
) -> dict[str, float]:
    """Measures contestants in turn, so that a load on the machine hits them all.

    Args:
        contestants: what to run, by name.
        rounds: how often each is measured.
        warm_up: how often each runs before, unmeasured.

    Returns:
        Each one's median, in seconds.
    """
    for run in contestants.values():
        for _ in range(warm_up):
            run()
    seconds = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def machine(libraries: Sequence[str] = ()) -> str:
    """Says what it was measured on, and what else was running.

    Args:
        libraries: whose versions to name beside the usual ones, where installed.
    """
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = hardware.versions()
    for library in libraries:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[library] = metadata.version(library)
    named = ", ".join(f"{k} {v}" for k, v in versions.items())
    return f"{hardware.describe()}; load average {load}; {named}"


def print_machine() -> None:
    """Prints `machine`."""
    print(f"\n{machine()}")


def load_warning() -> str:
    """Returns a warning if the machine has something else to do; "" if not.

    To be asked before the measurement, which is a load itself.
    """
    load = os.getloadavg()[0]
    if load <= IDLE:
        return ""
    return (
        f"The load average is {load:.1f}: something else runs on this machine, and "
        f"the figures mean little. Wait until it is below {IDLE}."
    )
