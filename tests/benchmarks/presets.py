"""The table of the presets in the README, from the figures that `evaluate` wrote.

python -m tests.benchmarks.presets
"""

import argparse
import json
from pathlib import Path

from zoo import presets

PRETRAINED = Path(__file__).parent.parent.parent / "pretrained"
FIGURES = {
    "bleu": "BLEU {:.1f}",
    "f1": "F1 {:.4f}",
    "nats_per_frame": "{:.2f} nats a frame",
    "accuracy": "accuracy {:.4f}",
    # Of whatever tokens a model has.
    "bits_per_character": "{:.3f} bits a character",
}
"""How each figure is told; of those that a preset has, the first is its main one."""

_HEADER = "| preset | measured on | figure | MB |\n| --- | --- | --- | --- |"


def table(folder: Path = PRETRAINED) -> str:
    """Returns the table, a line for each preset and what it was measured on.

    Args:
        folder: where the presets are.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{presets.METRICS}"))
    return "\n".join([_HEADER, *(line for preset in found for line in _lines(preset))])


def _lines(preset):
    """Yields a line for each data set that a preset was measured on."""
    metrics = json.loads((preset / presets.METRICS).read_text("utf-8"))
    link = f"[`{preset.name}`](pretrained/{preset.name}/{presets.CARD})"
    size = _megabytes(preset)
    for source, figures in metrics["evaluations"].items():
        main = next(name for name in FIGURES if name in figures)
        told = FIGURES[main].format(figures[main])
        yield f"| {link} | {source} | {told} | {size} |"
        link = size = ""  # the others are below


def _megabytes(preset):
    """Returns how large a preset's SavedModel is."""
    files = (preset / presets.SAVED_MODEL).rglob("*")
    return round(sum(path.stat().st_size for path in files if path.is_file()) / 1e6)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(table())
