"""Speed and memory of the recurrent layers, beside Keras' and torch's.

    python -m tests.benchmarks.layers [--quick] [--json FILE]

Each framework computes in a process of its own, for their thread pools disturb each
other; they are asked in turn. Before a case is timed, their results are compared.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import (
    cases,
    compilations,
    elementwise,
    fresh_process,
    report,
    table,
    training_memory,
    workers,
)
from tests.benchmarks.measurement import Measurement, measure

EXAMPLES = """
examples:
  python -m tests.benchmarks.layers                       all, about an hour
  python -m tests.benchmarks.layers --quick               one shape, three rounds
  python -m tests.benchmarks.layers --sections table --cases 'lstm/training/*'
  python -m tests.benchmarks.layers --sections table --cases masked --fused True
  python -m tests.benchmarks.layers --sections table --shapes 8,20,16,32 --rounds 3
  python -m tests.benchmarks.layers --sections elementwise     MinGRU, SRU, …
  python -m tests.benchmarks.layers --sections compilations memory
  python -m tests.benchmarks.layers --json layers.json && \\
    python -m tests.benchmarks.layers --from layers.json --markdown    for zoo/kernels

a case is called KIND/MODE/BATCH,STEPS,INPUTS,UNITS[/masked], KIND being one of
"""
MODULES = {
    "zoo": "tensorflow_layers",
    "keras": "tensorflow_layers",
    "torch": "torch_layers",
}
PROGRAMS = {
    "elementwise": elementwise,
    "compilations": compilations,
    "memory": training_memory,
}
SECTIONS = ("table", *PROGRAMS)
FUSED = {"auto": "auto", "True": True, "False": False}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES + "  " + ", ".join(cases.KINDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="first shape, few rounds, short sections")
    add("--cases", nargs="+", default=(), metavar="PATTERN", help="those matching one")
    add(
        "--shapes",
        nargs="+",
        type=_shape,
        metavar="SIZES",
        help="other shapes: batch,steps,inputs,units",
    )
    add(
        "--rounds",
        type=int,
        metavar="N",
        help="turns of each framework (default: 11, quick: 3)",
    )
    add("--seconds", type=float, default=0.3, metavar="S", help="a turn (default: 0.3)")
    add(
        "--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="default: all"
    )
    add("--fused", choices=FUSED, help="the zoo layers' argument (default: theirs)")
    add("--dynamic", action="store_true", help="trace for any batch size and length")
    add("--json", type=Path, metavar="FILE", help="write all that was measured")
    add("--markdown", action="store_true", help="print zoo/kernels' table alone")
    add("--from", type=Path, dest="earlier", metavar="FILE", help="show a --json again")
    parsed = parser.parse_args(arguments)
    shapes = parsed.shapes or (cases.SHAPES[:1] if parsed.quick else cases.SHAPES)
    try:
        parsed.cases = cases.select(shapes, parsed.cases)
    except ValueError as error:
        parser.error(str(error))
    parsed.rounds = parsed.rounds or (3 if parsed.quick else 11)
    return parsed


def main() -> int:
    """Prints the tables; returns 1 if a case failed or the results differ."""
    arguments = parse()
    if arguments.earlier:
        return show(json.loads(arguments.earlier.read_text()), arguments.markdown)
    warning = report.load_warning()  # asked first: what follows is a load itself
    # Not here: this process, which only waits, does without TensorFlow.
    machine = fresh_process.call(report.machine, libraries=["torch"])
    when = time.strftime("%d %B %Y")
    found = {"machine": machine, "warning": warning, "when": when}
    # With --markdown that table alone goes to the standard output.
    output = sys.stderr if arguments.markdown else sys.stdout
    print("\n".join([found["machine"], found["warning"]]), file=output, flush=True)

    def write(line):
        print(line, file=output, flush=True)

    if "table" in arguments.sections:
        found["table"] = []
        for measurement in measure_all(arguments, write):
            found["table"].append(measurement.as_json())
            save(found, arguments.json)  # an hour's work, safe if it is interrupted
    for section, program in PROGRAMS.items():
        if section in arguments.sections:
            write("")
            found[section] = program.run(arguments.quick, write)
            save(found, arguments.json)
    if arguments.markdown:
        return show(found, markdown=True)
    return _status(found)


def measure_all(arguments: argparse.Namespace, write) -> Iterator[Measurement]:
    """Yields each case's measurement, and writes its row; then the sum of them."""
    options = {"dynamic": arguments.dynamic}
    if arguments.fused:
        options["fused"] = FUSED[arguments.fused]
    measurements = []
    write(table.HEADER)
    with workers.started(workers.installed(MODULES)) as desks:
        for case in arguments.cases:
            _progress(f"[{len(measurements) + 1}/{len(arguments.cases)}] {case.name}")
            measurement = measure(
                desks, case, arguments.rounds, arguments.seconds, options=options
            )
            measurements.append(measurement)
            _progress("")
            write(table.row(measurement))
            yield measurement
    _ending(measurements, write)


def show(found: dict, markdown: bool) -> int:
    """Prints what an earlier run measured."""
    measurements = [Measurement.from_json(row) for row in found.get("table", ())]
    if markdown:
        print(table.readme(measurements))
        print(f"\n{found['machine']}; {found['when']}.")
        return _status(found)
    print("\n".join([found["machine"], found["warning"], table.HEADER]))
    for measurement in measurements:
        print(table.row(measurement))
    _ending(measurements, print)
    for section, program in PROGRAMS.items():
        if section in found:
            print()
            program.show(found[section])
    return _status(found)


def _shape(text):
    try:
        return cases.Shape.parse(text)
    except ValueError as error:  # argparse would keep its words to itself
        raise argparse.ArgumentTypeError(str(error)) from error


def save(found: dict, path: Path | None) -> None:
    """Writes all that was found, if a file was asked for."""
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")


def _ending(measurements, write):
    write(f"\n{table.summary(measurements)}.\n{table.NOTES}")
    if problems := table.problems(measurements):
        write(f"\n{problems}")


def _status(found):
    return int(any(row["problems"] for row in found.get("table", ())))


def _progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
