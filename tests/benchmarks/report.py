"""What every benchmark prints: medians, ratios and the machine."""

import os
import statistics
import time
from collections.abc import Callable

from tasks import hardware


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


def print_machine() -> None:
    """Prints what it was measured on, and what else was running."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = ", ".join(f"{k} {v}" for k, v in hardware.versions().items())
    print(f"\n{hardware.describe()}; load average {load}; {versions}")
