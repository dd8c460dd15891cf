"""A data set with every length: how often the layers trace and compile for it.

    python -m tests.benchmarks.compilations [--quick]

One function for any length is fed a batch of each length from 1 to 400, in random
order, as a data set without buckets would. Whatever compiles must not do so for each
of them. XLA's compilations are counted by the modules that `XLA_FLAGS` has it dump.
"""

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable

from tests.benchmarks import fresh_process, report

BATCH, INPUTS, UNITS = 4, 8, 16
LONGEST = 400
HEADING = f"""\
Every length once, batch {BATCH}, {INPUTS} inputs, {UNITS} units, in random order:

| layer | mode | lengths | in all, s | slowest call, s | traces | XLA compilations |
| --- | --- | --- | --- | --- | --- | --- |"""


def feed(library: str, mode: str, longest: int, kind: str = "lstm") -> dict:
    """Feeds a layer every length; to be called in a fresh process.

    Args:
        library: "zoo" or "keras".
        mode: one of `cases.MODES`.
        longest: the lengths are 1 … `longest`.
        kind: one of `cases.KINDS`.

    Returns:
        `seconds` in all, of the `slowest` call, and the outer function's `traces`.
    """
    import numpy as np
    import tensorflow as tf

    from tests.benchmarks import tensorflow_layers

    layer = tensorflow_layers.build(
        tensorflow_layers.library(library), kind, units=UNITS
    )
    layer.build((BATCH, None, INPUTS))
    step = tensorflow_layers.step(
        layer, mode, tensorflow_layers.any_length(INPUTS, UNITS)
    )
    seconds = []
    for length in np.random.default_rng(0).permutation(longest) + 1:
        batch = tf.ones((BATCH, length, INPUTS)), tf.ones((BATCH, length, UNITS))
        began = time.perf_counter()
        step(*batch)
        seconds.append(time.perf_counter() - began)
    return {
        "seconds": sum(seconds),
        "slowest": max(seconds),
        "traces": step.experimental_get_tracing_count(),
    }


def count_modules(names: list[str]) -> int:
    """Counts the modules that XLA compiled, from the files that it dumped.

    A module leaves several files, `module_0012.` and what they are; two modules
    of one name still differ in the number.
    """
    found = (re.match(r"module_(\d+)\.", name) for name in names)
    return len({match[1] for match in found if match})


def measure(library: str, mode: str, longest: int) -> dict:
    """Feeds a layer every length, and counts XLA's compilations meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_dump_to={folder}".strip()
        fed = fresh_process.call(
            feed, {"XLA_FLAGS": flags}, library=library, mode=mode, longest=longest
        )
        compiled = count_modules(os.listdir(folder))
    return {"library": library, "mode": mode, "lengths": longest, **fed} | {
        "compilations": compiled
    }


def row(found: dict) -> str:
    """Returns a line of the table."""
    return (
        f"| {found['library']} LSTM | {found['mode']} | 1 to {found['lengths']} "
        f"| {found['seconds']:.1f} | {found['slowest']:.2f} | {found['traces']} "
        f"| {found['compilations']} |"
    )


def run(quick: bool, write: Callable[[str], object] = print) -> list[dict]:
    """Measures and writes the table; without training if `quick`."""
    write(HEADING)
    found = []
    for mode in ("inference",) if quick else ("inference", "training"):
        for library in ("zoo", "keras"):
            found.append(measure(library, mode, LONGEST))
            write(row(found[-1]))
    return found


def show(found: list[dict]) -> None:
    """Prints the table of an earlier run."""
    print("\n".join([HEADING, *map(row, found)]))


def main() -> None:
    """Prints seconds, traces and compilations for every length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="inference only")
    run(parser.parse_args().quick)
    report.print_machine()


if __name__ == "__main__":
    main()
