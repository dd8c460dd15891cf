"""The presets beside what papers tell: the table in the README, which it prints.

    python -m tests.benchmarks.leaderboard

Our figures are those that `evaluate` wrote into `metrics.json`, where the minutes are
too. What is published stands in `leaderboard.tsv`, a line for each data set and metric:
the figure of a recurrent network on the same split, and who reports it where.
"""

import argparse
import csv
import json
import math
from pathlib import Path
from typing import NamedTuple

from tasks.training import fine_tuning
from zoo import presets

PRETRAINED = Path(__file__).parent.parent.parent / "pretrained"
PUBLISHED = Path(__file__).with_suffix(".tsv")


class Figure(NamedTuple):
    """How a figure is told.

    Attributes:
        digits: of the number, in `format`'s language.
        sentence: what is told with the number of a preset, in its place.
    """

    digits: str
    sentence: str


FIGURES = {
    "bleu": Figure(".1f", "BLEU {}"),
    "f1": Figure(".4f", "F1 {}"),
    "nats_per_frame": Figure(".2f", "{} nats a frame"),
    "accuracy": Figure(".4f", "accuracy {}"),
    # Of whatever tokens a model has.
    "bits_per_character": Figure(".3f", "{} bits a character"),
}
"""How each metric is told; of those that a preset has, the first is its main one."""

CONVERTED = {"nats_per_character": ("bits_per_character", 1 / math.log(2))}
"""What papers tell in other units: the metric that it is of ours, times what."""

_COLUMNS = "preset", "measured on", "ours", "published", "MB", "minutes"


class Published(NamedTuple):
    """What a paper tells of a recurrent network.

    Attributes:
        figure: in our units.
        source: the authors and the year.
        address: of the paper.
    """

    figure: float
    source: str
    address: str


def table(folder: Path = PRETRAINED, published: Path = PUBLISHED) -> str:
    """Returns the table, a line for each preset and what it was measured on.

    Args:
        folder: where the presets are.
        published: what papers tell: see `read`.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{presets.METRICS}"))
    known = read(published)
    rows = [row for preset in found for row in _rows(preset, known)]
    return "\n".join([_line(_COLUMNS), _line(["---"] * len(_COLUMNS)), *rows])


def read(path: Path) -> dict[tuple[str, str], Published]:
    """Returns what is published, by what it was measured on and our metric's name.

    Args:
        path: a table of tabs: "measured on", as `metrics.json` has it, "metric",
            "figure", "source" and "address"; what the model is, for readers.
    """
    found = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            metric, factor = CONVERTED.get(row["metric"], (row["metric"], 1))
            key = row["measured on"], metric
            if key in found:
                raise ValueError(f"{path}: {key} is there twice.")
            figure = float(row["figure"]) * factor
            found[key] = Published(figure, row["source"], row["address"])
    return found


def _rows(preset, published):
    """Yields a line for each data set that a preset was measured on."""
    metrics = json.loads((preset / presets.METRICS).read_text("utf-8"))
    link = f"[`{preset.name}`](pretrained/{preset.name}/{presets.CARD})"
    size, minutes = _megabytes(preset), _minutes(metrics.get("training", {}))
    for source, figures in metrics["evaluations"].items():
        main = next(name for name in FIGURES if name in figures)
        digits, sentence = FIGURES[main]
        ours = sentence.format(format(figures[main], digits))
        theirs = ""
        if other := published.get((source, main)):
            told = format(other.figure, digits)
            theirs = f"{told}, [{other.source}]({other.address})"
        yield _line([link, source, ours, theirs, size, minutes])
        link = size = minutes = ""  # the others are below


def _megabytes(preset):
    """Returns how large a preset's SavedModel is."""
    return round(presets.size(preset / presets.SAVED_MODEL) / 1e6)


def _minutes(trained):
    """Returns how long a preset trained, "+" behind what isn't the whole."""
    if "minutes" not in trained:
        return ""
    minutes, is_whole = fine_tuning.minutes_on_record(trained)
    return f"{minutes:.0f}{'' if is_whole else '+'}"


def _line(cells):
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(table())
