"""Pictures of what people would rather see than read. Needs the extra `plots`."""

import os
from collections.abc import Sequence

from zoo.files import replaced_file


def _figure(**kwargs):
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "Pictures need matplotlib: pip install 'sequence-zoo[plots]'."
        ) from error
    return Figure(layout="constrained", **kwargs)


def learning_curves(history: Sequence[dict], path: str | os.PathLike) -> None:
    """Draws each metric of a training and its validation over the epochs.

    Args:
        history: a dict an epoch, with `epoch` and metrics; `val_x` is `x` on the
            validation set.
        path: the PNG to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    names = [n.removeprefix("val_") for n in history[0] if n.startswith("val_")]
    names = names or [n for n in history[0] if n not in ("epoch", "seconds")]
    figure = _figure(figsize=(5 * len(names), 4))
    epochs = [row["epoch"] for row in history]
    subplots = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(subplots, names, strict=True):
        for label, column in (("training", name), ("validation", f"val_{name}")):
            if column in history[0]:
                values = [row[column] for row in history]
                axes.plot(epochs, values, marker="o", label=label)
        axes.set(title=name, xlabel="epoch")
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    with replaced_file(path) as file:
        figure.savefig(file, format="png", dpi=120)
