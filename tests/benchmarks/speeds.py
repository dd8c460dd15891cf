"""Rows of speeds of several ways to do the same, each in a process of its own."""

import statistics

from tests.benchmarks import workers


def prepare(desks: dict, **case) -> dict[str, float]:
    """Makes a case ready, and returns the seconds of each way's first call."""
    return {
        name: desk.ask("prepare", **case)["first_call"] for name, desk in desks.items()
    }


def print_rows(
    case: str,
    desks: dict,
    first: dict[str, float],
    count: int,
    rounds: int,
    ours: str,
    decimals: int = 0,
) -> None:
    """Prints a row for each way: its speed, ours over it, its first call.

    Args:
        case: what the first column says.
        desks: their workers, by name.
        first: the seconds of their first calls.
        count: how many frames, tokens or sentences a call has.
        rounds: how many turns each way has.
        ours: the name of the way whose speed is compared with theirs.
        decimals: of the speeds.
    """
    turns = workers.medians_in_turn(desks, rounds, seconds=0)
    speeds = {name: count / statistics.median(turns[name]) for name in desks}
    for name, speed in speeds.items():
        print(
            f"| {case} | {name} | {speed:,.{decimals}f} | {speeds[ours] / speed:.2f} "
            f"| {first[name]:.1f} |",
            flush=True,
        )
