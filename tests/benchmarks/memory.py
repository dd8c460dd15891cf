"""Long-term memory: the adding problem and copy memory over growing distances.

    python -m tests.benchmarks.memory [--quick] [--output DIR]

A layer of each cell is trained on T steps and tested at T and, never having seen it,
at 2 T; beside it what is reached without memory. How much the last state depends on
each input, ‖∂a<end>/∂x<t>‖, before and after training, shows where gradients vanish.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from tests.benchmarks import memory_tasks

TASKS = ("adding", "copy")
CELLS = ("rnn", "gru", "lstm")
ALL_CELLS = (*CELLS, "mingru", "minlstm", "sru", "rglru")
_COUNTS = {
    "steps": "of training at most (default: 4000, quick: 600)",
    "units": "of the layer (default: 64)",
    "symbols": "to copy (default: 5, quick: 3)",
    "seed": "of weights and examples (default: 0)",
}
EXAMPLES = """
examples:
  python -m tests.benchmarks.memory                          all, about half an hour
  python -m tests.benchmarks.memory --quick                  under two minutes
  python -m tests.benchmarks.memory --tasks adding --lengths 100 --cells rnn lstm
  python -m tests.benchmarks.memory --steps 10000 --seed 1 --output runs/memory-1
"""
HEADER = """\
| problem | T | cell | steps | loss at T | ÷ baseline | right | loss at 2 T \
| ÷ baseline | right | gradient halfway | at the first | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
NOTES = """\
steps: of training, fewer than {steps} where the loss fell below 1 % of the baseline.
loss: squared error (adding), nats a step (copy). baseline: the sum is always 1; the
copied symbols are guessed. right: sums off by less than 0.04; symbols repeated right.
gradient: ‖∂a<end>/∂x<t>‖ after training, halfway and at the first step, relative to
that at the last step."""


@dataclasses.dataclass
class Settings:
    """How it is trained, and on what."""

    adding_lengths: tuple[int, ...] = (25, 50, 100, 200)
    copy_lengths: tuple[int, ...] = (10, 25, 50, 100)
    symbols: int = 5
    units: int = 64
    steps: int = 4000
    batch_size: int = 64
    learning_rate: float = 3e-3
    seed: int = 0

    def problems(self) -> dict:
        """Returns the problems and their lengths, by name."""
        copy = memory_tasks.Copy(self.symbols)
        return {
            "adding": (memory_tasks.Adding(), self.adding_lengths),
            "copy": (copy, self.copy_lengths),
        }


QUICK = Settings(
    adding_lengths=(10, 40),
    copy_lengths=(5, 20),
    symbols=3,
    steps=600,
    learning_rate=1e-2,
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; `settings` is made from it."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="short distances, little training")
    add(
        "--output",
        type=Path,
        default=Path("runs/memory"),
        metavar="DIR",
        help="for the picture and memory.json (default: runs/memory)",
    )
    add("--tasks", nargs="+", choices=TASKS, default=TASKS, help="default: both")
    add(
        "--cells",
        nargs="+",
        choices=ALL_CELLS,
        default=CELLS,
        help="default: rnn gru lstm",
    )
    add("--lengths", nargs="+", type=int, metavar="T", help="of both problems")
    for name, meaning in _COUNTS.items():
        add(f"--{name}", type=int, metavar="N", help=meaning)
    parsed = parser.parse_args(arguments)
    settings = QUICK if parsed.quick else Settings()
    given = {
        name: getattr(parsed, name)
        for name in _COUNTS
        if getattr(parsed, name) is not None
    }
    if parsed.lengths:
        lengths = tuple(sorted(parsed.lengths))
        if lengths[0] < 2:
            parser.error("a T has two halves: 2 at least")
        given |= {"adding_lengths": lengths, "copy_lengths": lengths}
    parsed.settings = dataclasses.replace(settings, **given)
    return parsed


def main() -> None:
    """Trains all, prints the table and writes the picture."""
    arguments = parse()
    from tests.benchmarks import memory_plot, memory_training, report

    settings, results = arguments.settings, []
    print(HEADER, flush=True)
    for name in arguments.tasks:
        task, lengths = settings.problems()[name]
        for length in lengths:
            for cell in arguments.cells:
                progress = _progress(f"{name}, T = {length}, {cell}", settings.steps)
                result = memory_training.run(task, cell, length, settings, progress)
                results.append(result)
                _status("")
                print(row(result), flush=True)
    print(f"\n{NOTES.format(steps=settings.steps)}")
    print(f"\n{dataclasses.asdict(settings)}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    found = {"settings": dataclasses.asdict(settings), "results": results}
    (arguments.output / "memory.json").write_text(json.dumps(found) + "\n")
    print(f"picture: {memory_plot.draw(results, arguments.output / 'memory.png')}")
    report.print_machine()


def row(result: dict) -> str:
    """Returns a line of the table."""
    cells = [result["task"], str(result["length"]), result["cell"]]
    cells.append(str(result["trained"]))
    for test in (result["test"], result["test_twice"]):
        part = test["loss"] / test["baseline"]
        cells += [f"{test['loss']:.4f}", f"{part:.2f}", f"{test['right']:.0%}"]
    norms = result["gradients_after"]
    cells += [f"{norms[len(norms) // 2]:.0e}", f"{norms[-1]:.0e}"]
    return f"| {' | '.join(cells)} | {result['seconds']:.0f} |"


def _progress(what, steps):
    return lambda step, loss: _status(f"{what}: {step}/{steps}, loss {loss:.4f}")


def _status(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
