"""Pictures of what people would rather see than read. Needs the extra `plots`."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.files import replaced_file


def new_figure(**kwargs: Any) -> Any:
    """Returns an empty figure of matplotlib, or says what to install."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "Pictures need matplotlib, of the extra 'plots': pip install matplotlib."
        ) from error
    return Figure(layout="constrained", **kwargs)


def write_figure(figure: Any, path: str | os.PathLike) -> None:
    """Writes a figure as a PNG; a character that matplotlib's font lacks is a box."""
    with replaced_file(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")
        figure.savefig(file, format="png", dpi=120)


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
    figure = new_figure(figsize=(5 * len(names), 4))
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
    write_figure(figure, path)


def gates(gates: Mapping, tokens: Sequence[str], path: str | os.PathLike) -> None:
    """Draws what a layer's gates do over the tokens of one example, as heat maps.

    A panel a gate, tokens from left to right, and the units from top to bottom in
    one order everywhere: by the mean of the first gate, the most open on top. Gates
    are dark at 0 and bright at 1; the candidate and the memory are red above and
    blue below 0. What matplotlib's font lacks is a box.

    Args:
        gates: (steps, units) arrays of one example under the names that
            `layer.gates` gives them; (1, steps, units) will do. Or a dict of such
            dicts, as of the directions of `Bidirectional`: a column each.
        tokens: what stands at each step.
        path: the PNG to write.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: a gate has another number of steps than there are tokens.
    """
    columns = gates if isinstance(next(iter(gates.values())), Mapping) else {"": gates}
    columns = {
        title: {name: _of_one_example(name, g, tokens) for name, g in column.items()}
        for title, column in columns.items()
    }
    rows = max(map(len, columns.values()))
    width = (1.5 + max(3, 0.3 * len(tokens))) * len(columns)
    figure = new_figure(figsize=(width, 0.5 + 1.6 * rows))
    panels = figure.subplots(rows, len(columns), squeeze=False)
    for place, (title, column) in enumerate(columns.items()):
        first = next(iter(column.values()))
        order = np.argsort(-first.mean(axis=0), kind="stable")
        for axes in panels[len(column) :, place]:
            axes.set_axis_off()
        for axes, (name, gate) in zip(panels[:, place], column.items(), strict=False):
            label = f"{title}: {name}" if title else name
            _heat_map(axes, gate[:, order].T, name, label)
        axes = panels[len(column) - 1, place]
        axes.set_xticks(range(len(tokens)), _labels(tokens), rotation=90)
    write_figure(figure, path)


def attention(
    weights: np.ndarray,
    tokens: Sequence[str],
    source_tokens: Sequence[str],
    path: str | os.PathLike,
) -> None:
    """Draws what each token of an output attended to, as a heat map.

    Tokens of the source from left to right, those of the output from top to bottom;
    dark is 0, bright is 1. What matplotlib's font lacks is a box.

    Args:
        weights: α, (tokens, source tokens).
        tokens: of the output.
        source_tokens: of the source.
        path: the PNG to write.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there aren't as many weights as tokens.
    """
    weights = np.asarray(weights).astype("float32")
    if weights.shape != (len(tokens), len(source_tokens)):
        raise ValueError(
            f"Attention from {len(tokens)} tokens to {len(source_tokens)} must be of "
            f"the shape ({len(tokens)}, {len(source_tokens)}), found {weights.shape}."
        )
    size = 2.5 + 0.3 * len(source_tokens), 1.5 + 0.3 * len(tokens)
    figure = new_figure(figsize=size)
    axes = figure.subplots()
    image = axes.imshow(weights, aspect="equal", cmap="viridis", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(source_tokens)), _labels(source_tokens), rotation=90)
    axes.set_yticks(range(len(tokens)), _labels(tokens))
    write_figure(figure, path)


def _labels(tokens):
    """Returns tokens as matplotlib takes them: a $ would begin a formula."""
    return [str(token).replace("$", r"\$") for token in tokens]


def _of_one_example(name, gate, tokens):
    """Returns a gate's values, (steps, units), in float32."""
    gate = np.asarray(gate).astype("float32")  # NumPy knows bfloat16 by its bytes
    values = gate[0] if gate.ndim == 3 and len(gate) == 1 else gate
    if values.ndim != 2 or len(values) != len(tokens):
        raise ValueError(
            f"The gate '{name}' must be that of one example, with one step for each "
            f"of the {len(tokens)} tokens: ({len(tokens)}, units). Found the shape "
            f"{gate.shape}. Take one row of the batch, and its valid steps."
        )
    return values


def _heat_map(axes, values, name, title):
    """Draws (units, steps)."""
    if name in ("candidate", "memory"):
        bound = max(1.0, float(np.abs(values).max(initial=0)))
        colors = {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound}
    else:
        colors = {"cmap": "viridis", "vmin": 0, "vmax": 1}
    image = axes.imshow(values, aspect="auto", interpolation="nearest", **colors)
    axes.figure.colorbar(image, ax=axes)
    axes.set(title=title, ylabel="unit")
    axes.set_xticks([])
    axes.set_yticks([])
