"""The picture of long-term memory: what is learned, and how far gradients reach."""

import os
from pathlib import Path

import numpy as np

from zoo.files import replaced_file

_COLOURS = {
    "rnn": "tab:red",
    "gru": "tab:green",
    "lstm": "tab:blue",
    "mingru": "tab:olive",
    "minlstm": "tab:cyan",
    "sru": "tab:orange",
    "rglru": "tab:purple",
}
_LEAST = 1e-12
"""Where the picture ends: what is smaller, a zero too, is drawn there."""


def draw(results: list[dict], path: str | os.PathLike) -> Path:
    """Draws losses over T, and gradient norms by distance, a column a problem.

    Args:
        results: of `memory_training.run`.
        path: the PNG to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "The picture needs matplotlib: pip install matplotlib."
        ) from error
    tasks = list(dict.fromkeys(result["task"] for result in results))
    figure = Figure(layout="constrained", figsize=(6.5 * len(tasks), 9))
    subplots = figure.subplots(2, len(tasks), squeeze=False)
    for column, task in enumerate(tasks):
        own = [result for result in results if result["task"] == task]
        _losses(subplots[0, column], task, own)
        _gradients(subplots[1, column], own)
    with replaced_file(path) as file:
        figure.savefig(file, format="png", dpi=120)
    return Path(path)


def _losses(axes, task, results):
    for cell in _cells(results):
        own = [result for result in results if result["cell"] == cell]
        lengths = [result["length"] for result in own]
        for test, style, where in (
            ("test", "-", "at T"),
            ("test_twice", "--", "at 2 T"),
        ):
            parts = [result[test]["loss"] / result[test]["baseline"] for result in own]
            label = f"{cell}, {where}"
            axes.plot(
                lengths, parts, style, marker="o", color=_COLOURS[cell], label=label
            )
    axes.set_xticks(lengths, lengths)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(title=f"{task}: loss ÷ baseline", xlabel="trained T", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()


def _gradients(axes, results):
    longest = max(result["length"] for result in results)
    for cell in _cells(results):
        (own,) = (r for r in results if (r["cell"], r["length"]) == (cell, longest))
        for when, style in (("before", "--"), ("after", "-")):
            norms = np.maximum(own[f"gradients_{when}"], _LEAST)
            label = f"{cell}, {when} training"
            axes.plot(norms, style, color=_COLOURS[cell], label=label)
    axes.set(
        title=f"‖∂a<end>/∂x<t>‖ ÷ the same at t = end, T = {longest}",
        xlabel="distance, end − t",
        yscale="log",
    )
    axes.grid(alpha=0.3)
    axes.legend()


def _cells(results):
    return list(dict.fromkeys(result["cell"] for result in results))
