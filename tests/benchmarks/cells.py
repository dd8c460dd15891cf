"""Which recurrent unit gives the most in the same time: every unit on every template.

    python -m tests.benchmarks.cells [--minutes 10] [--seeds 0 1 2] [--output DIR]

Each unit is trained by the template's own command, in a process of its own, until it
has spent the same time training (validation apart) as all others; after every epoch,
and at the end, it is measured on the validation set. Units whose layers are weaker may
have two where the others have one: `--layers`. One training runs at a time, on all
cores. What is there already in the output folder is not trained again.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from tasks.cli.config import CELLS
from tests.benchmarks import fresh_process

EXAMPLES = """
examples:
  python -m tests.benchmarks.cells                       all, about 18 hours
  python -m tests.benchmarks.cells --tasks music --cells lstm mingru --minutes 2
  python -m tests.benchmarks.cells --quick               six seconds each: does it work?
  python -m tests.benchmarks.cells --clock cpu           where other programs run too
"""


class Task(NamedTuple):
    """What is trained on, and how it is measured.

    Attributes:
        flags: of the template's `train`.
        measure: what Keras logs after an epoch.
        better: 1 where more is better, -1 where less is.
    """

    flags: str
    measure: str
    better: int


TASKS = {
    "sentiment": Task("--dataset imdb_reviews --max-length 400", "val_accuracy", 1),
    "ner": Task("--dataset wikiann/en", "val_f1", 1),
    "text": Task("--dataset tiny_shakespeare --units 256", "val_nats", -1),
    "music": Task("--dataset poly_music/jsb_chorales", "val_nats", -1),
    "translation": Task("--dataset multi30k/de_en --choose-by nats", "val_nats", -1),
}
# The layers of a stack by the template's flag for it.
_DEPTH = {
    "sentiment": ("--layers",),
    "ner": ("--layers",),
    "text": ("--layers",),
    "music": ("--layers",),
    "translation": ("--encoder-layers", "--decoder-layers"),
}
_HEADER = """\
| template | measure | unit | layers | epochs | at half the time | in the end, mean \
| least | most |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
# Far more than fit into any time.
_EPOCHS = 10_000


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="default: all")
    add("--cells", nargs="+", choices=CELLS, default=CELLS, help="default: all")
    add("--layers", nargs="+", type=int, default=[1], metavar="N", help="default: 1")
    add("--minutes", type=float, default=10, metavar="M", help="of training, each")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="N")
    add("--clock", choices=("wall", "cpu"), default="wall", help="what is counted")
    add("--quick", action="store_true", help="six seconds and one seed each")
    add("--output", type=Path, default=Path("runs/cells"), metavar="DIR")
    parsed = parser.parse_args(arguments)
    if parsed.quick:
        parsed.minutes, parsed.seeds = 0.1, parsed.seeds[:1]
    if parsed.minutes <= 0 or min(parsed.layers) < 1:
        parser.error("--minutes must be above 0, and --layers 1 at least")
    return parsed


def train(
    task: str, cell: str, layers: int, seed: int, minutes: float, clock: str
) -> dict:
    """Trains for so long; to be called in a fresh process.

    Returns:
        `points`: minutes of training spent, and what was measured then.
    """
    import importlib

    import keras

    from tasks.cli import command_line

    measure, points = TASKS[task].measure, []
    budget = _budget(keras.callbacks.Callback)(60 * minutes, clock, measure, points)
    fit = keras.Model.fit

    def limited(model, *args, **kwargs):
        kwargs["callbacks"] = [*kwargs.get("callbacks", ()), budget]
        return fit(model, *args, **kwargs)

    keras.Model.fit = limited
    with tempfile.TemporaryDirectory() as folder:
        argv = ["train", *TASKS[task].flags.split(), "--output", f"{folder}/run"]
        argv += ["--cell", cell, "--seed", str(seed), "--epochs", str(_EPOCHS)]
        argv += ["--patience", str(_EPOCHS)]
        for flag in _DEPTH[task]:
            argv += [flag, str(layers)]
        template = importlib.import_module(f"tasks.{task}").TEMPLATE
        code = command_line.main(template, argv)
    if not points:
        raise RuntimeError(f"{argv} ended with {code} and without a measure.")
    return {
        "points": points,
        "command": " ".join(["python -m", f"tasks.{task}", *argv]),
    }


def _budget(base: type) -> type:
    """Returns the callback's class: Keras is imported where a training runs alone."""

    class Budget(base):
        """Ends a training when its time is spent, and notes what it has reached."""

        def __init__(self, seconds, clock, measure, points):
            super().__init__()
            self._left, self._measure, self._points = seconds, measure, points
            self._seconds = seconds
            self._now = time.process_time if clock == "cpu" else time.perf_counter
            self._began = None

        def on_epoch_begin(self, epoch, logs=None):
            self._began = self._now()

        def on_train_batch_end(self, batch, logs=None):
            now = self._now()
            self._left -= now - self._began
            self._began = now
            if self._left <= 0:
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs=None):
            if self._measure in (logs or {}):
                spent = (self._seconds - self._left) / 60
                self._points.append([spent, float(logs[self._measure])])

    return Budget


def main() -> None:
    """Trains all, prints the table and draws the picture."""
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = []
    for task in arguments.tasks:
        for layers in arguments.layers:
            for cell in arguments.cells:
                for seed in arguments.seeds:
                    results.append(_result(arguments, task, cell, layers, seed))
    print(_HEADER)
    for row in table(results):
        print(row)
    from tests.benchmarks import cells_plot, report

    picture = cells_plot.draw(results, TASKS, arguments.output / "cells.png")
    print(f"\npicture: {picture}")
    report.print_machine()


def _result(arguments, task, cell, layers, seed):
    """Returns what a training gave, which is kept in a file."""
    own = {"task": task, "cell": cell, "layers": layers, "seed": seed}
    how = {"minutes": arguments.minutes, "clock": arguments.clock}
    name = f"{task}-{cell}-{layers}-{seed}-{arguments.minutes:g}{arguments.clock}.json"
    path = arguments.output / name
    if not path.exists():
        print(f"{task} {cell} × {layers}, seed {seed}", file=sys.stderr, flush=True)
        found = fresh_process.call(train, **own, **how)
        path.write_text(json.dumps({**own, **how, **found}) + "\n")
    return json.loads(path.read_text())


def table(results: list[dict]) -> list[str]:
    """Returns a line for each task, unit and depth: its seeds together."""
    groups: dict[tuple, list[Any]] = {}
    for result in results:
        key = result["task"], result["cell"], result["layers"]
        groups.setdefault(key, []).append(result)
    lines = []
    for (task, cell, layers), group in groups.items():
        better = TASKS[task].better
        ends = [best(r["points"], better) for r in group]
        halves = [best(r["points"], better, r["minutes"] / 2) for r in group]
        half = "–" if None in halves else f"{statistics.mean(halves):.4f}"
        epochs = statistics.mean(len(r["points"]) for r in group)
        lines.append(
            f"| {task} | {TASKS[task].measure} | {cell} | {layers} | {epochs:.0f} "
            f"| {half} | {statistics.mean(ends):.4f} | {min(ends):.4f} "
            f"| {max(ends):.4f} |"
        )
    return lines


def best(points: list, better: int, minutes: float = float("inf")) -> float | None:
    """Returns the best that was measured within so many minutes, if anything was."""
    found = [better * value for spent, value in points if spent <= minutes]
    return better * max(found) if found else None


if __name__ == "__main__":
    main()
