"""Peak memory of a training step over the number of steps in a sequence.

    python -m tests.benchmarks.training_memory [--quick]

Each length in a process of its own, whose high-water mark is read after one step of
training. Back-propagation through time keeps something of every step, so that the
peak grows linearly; the constant is printed, and what it is in numbers for each unit
of each row: with the inputs, the outputs and the gradients by both, which are 4 of
them. Checkpointed back-propagation keeps √T steps, if the layer offers it.
"""

import argparse
import math
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks import fresh_process, report

BATCH, INPUTS, UNITS = 8, 64, 64
LENGTHS = (1000, 2000, 4000, 10_000)
QUICK_LENGTHS = (500, 1000, 2000)
WARM_UP_STEPS = 16
FLOAT = 4


def peak(library: str, steps: int, checkpointed: bool = False) -> dict:
    """Measures one training step; to be called in a fresh process.

    What importing, tracing and compiling take is there before the step, by a
    short sequence, and is not counted; if the layer compiles once more for
    `steps`, that is.

    Returns:
        `bytes` by which the peak exceeds what the process held before.
    """
    import tensorflow as tf

    from tests.benchmarks import tensorflow_layers

    arguments = {}
    if checkpointed:
        arguments = {tensorflow_layers.CHECKPOINTS: math.isqrt(steps)}
    layer = tensorflow_layers.build(
        tensorflow_layers.library(library), "lstm", UNITS, **arguments
    )
    layer.build((BATCH, None, INPUTS))
    step = tensorflow_layers.step(
        layer, "training", tensorflow_layers.any_length(INPUTS, UNITS)
    )

    def train(length):
        upstream = tf.ones((BATCH, length, UNITS))
        return step(tf.ones((BATCH, length, INPUTS)), upstream)

    train(WARM_UP_STEPS)
    before = high_water_mark()
    train(steps)
    return {"bytes": high_water_mark() - before}


def high_water_mark() -> int:
    """Returns the most bytes that this process has ever had in memory.

    Linux' `ru_maxrss` begins with the parent's at the time of the fork, which may
    have been the larger process; the mark in /proc is this process' own.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else kibibytes * 1024


def offers_checkpoints() -> bool:
    """Whether the zoo's LSTM takes the argument."""
    return fresh_process.call(_takes_checkpoints)


def _takes_checkpoints():
    from tests.benchmarks import tensorflow_layers

    zoo = tensorflow_layers.library("zoo")
    try:
        tensorflow_layers.build(zoo, "lstm", 1, **{tensorflow_layers.CHECKPOINTS: 2})
    except (TypeError, ValueError):  # Keras' constructors raise either
        return False
    return True


def bytes_a_step(lengths: list[int], peaks: list[int]) -> tuple[float, float]:
    """Fits peak = constant + slope · steps.

    Returns:
        The slope, and the largest distance of a peak from the line, as a part of
        the largest peak.
    """
    slope, constant = np.polyfit(lengths, peaks, 1)
    away = np.abs(np.polyval([slope, constant], lengths) - peaks).max()
    return float(slope), float(away / max(peaks))


def run(quick: bool, write: Callable[[str], object] = print) -> list[dict]:
    """Measures and writes the table."""
    lengths = QUICK_LENGTHS if quick else LENGTHS
    write(heading(lengths))
    found = []
    contestants = [("zoo", False), ("keras", False)]
    if offers_checkpoints():
        contestants.insert(1, ("zoo", True))
    for library, checkpointed in contestants:
        peaks = [
            fresh_process.call(
                peak, library=library, steps=length, checkpointed=checkpointed
            )["bytes"]
            for length in lengths
        ]
        found.append(_found(library, checkpointed, list(lengths), peaks))
        write(row(found[-1]))
    return found


def heading(lengths: list[int]) -> str:
    """Returns what stands above the rows."""
    columns = [f"{length:,} steps" for length in lengths]
    return (
        f"Peak memory of a training step of an LSTM, batch {BATCH}, {INPUTS} inputs, "
        f"{UNITS} units, MiB above what the process held before:\n\n"
        f"| layer | {' | '.join(columns)} | KiB a step | numbers a unit a step |\n"
        "| --- |" + " --- |" * (len(lengths) + 2)
    )


def show(found: list[dict]) -> None:
    """Prints the table of an earlier run."""
    print("\n".join([heading(found[0]["lengths"]), *map(row, found)]))


def _found(library, checkpointed, lengths, peaks):
    slope, away = bytes_a_step(lengths, peaks)
    return {
        **{"library": library, "checkpointed": checkpointed, "lengths": lengths},
        **{"peaks": peaks, "bytes_a_step": slope, "away_from_line": away},
    }


def row(found: dict) -> str:
    """Returns a line of the table."""
    cells = [f"{peak / 2**20:.0f}" for peak in found["peaks"]]
    slope = found["bytes_a_step"]
    if found["checkpointed"]:
        return f"| {found['library']}, checkpointed | {' | '.join(cells)} | √T | √T |"
    numbers = slope / (BATCH * UNITS * FLOAT)
    return (
        f"| {found['library']} | {' | '.join(cells)} | {slope / 1024:.1f} "
        f"(within {found['away_from_line']:.0%}) | {numbers:.1f} |"
    )


def main() -> None:
    """Prints the peaks, and bytes a step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="shorter sequences")
    run(parser.parse_args().quick)
    report.print_machine()


if __name__ == "__main__":
    main()
