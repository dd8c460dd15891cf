"""The picture of the units' quality over the time that they were trained."""

import os
from pathlib import Path

from zoo.files import replaced_file


def draw(results: list[dict], tasks: dict, path: str | os.PathLike) -> Path:
    """Draws the best so far over minutes, a panel a task, a line a training.

    Args:
        results: of `cells.train`, with what they were trained on.
        tasks: `cells.TASKS`.
        path: the PNG to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib import colormaps
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "The picture needs matplotlib: pip install matplotlib."
        ) from error
    names = list(dict.fromkeys(result["task"] for result in results))
    units = list(dict.fromkeys((r["cell"], r["layers"]) for r in results))
    colours = dict(zip(units, colormaps["tab20"].colors, strict=False))
    figure = Figure(layout="constrained", figsize=(6 * len(names), 5))
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, task in zip(panels, names, strict=True):
        better, named = tasks[task].better, set()
        for result in (r for r in results if r["task"] == task):
            unit, so_far = (result["cell"], result["layers"]), None
            minutes, values = [], []
            for spent, value in result["points"]:
                if so_far is None or better * value > better * so_far:
                    so_far = value
                minutes.append(spent)
                values.append(so_far)
            label = None if unit in named else f"{unit[0]} × {unit[1]}"
            named.add(unit)
            axes.plot(minutes, values, marker=".", color=colours[unit], label=label)
        axes.set(title=task, xlabel="minutes of training", ylabel=tasks[task].measure)
        axes.grid(alpha=0.3)
        axes.legend()
    with replaced_file(path) as file:
        figure.savefig(file, format="png", dpi=120)
    return Path(path)
