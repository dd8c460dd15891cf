"""Texts with any number of labels each, which may be none: a column a label.

As the 28 boolean columns of TFDS' `goemotions` have them.
"""

import math
from collections.abc import Sequence

import numpy as np

from tasks.cli import outputs
from tasks.data import builders as data
from tasks.errors import UserError
from tasks.sentiment import measures
from tasks.sentiment.config import THRESHOLD

_TRUE = {"1", "true", "yes", "1.0"}
_FALSE = {"0", "false", "no", "0.0"}


def read(builder, split: str, text: str, columns: Sequence[str]) -> list[np.ndarray]:
    """Reads texts and their labels from a dataset.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        text: path of a string feature.
        columns: paths of bools, or of numbers that are 0 or 1.

    Returns:
        Texts, bytes objects (n,), and labels, float32 (n, columns), 0 or 1.

    Raises:
        UserError: there is no such split, or a column has other values.
    """
    texts, *values = data.read(builder, split, [text, *columns])
    for name, column in zip(columns, values, strict=True):
        wrong = np.flatnonzero(~np.isin(column, (0, 1)))
        if len(wrong):
            raise UserError(
                f"Column {name!r} of {builder.info.full_name}/{split} is "
                f"{column[wrong[0]]} in example {wrong[0]}: a label of several is true "
                "or false, 1 or 0."
            )
    return [texts, np.stack(values, axis=1).astype(np.float32)]


def chosen(builder, columns: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that a user chose, if they are some of a dataset's.

    Raises:
        UserError: one isn't there, is no truth value, or is there twice.
    """
    fits = data.is_bool, data.is_integer
    for name in columns:
        data.choose_column(builder, "label", name, *fits)
    return distinct(columns)


def distinct(columns: Sequence[str]) -> tuple[str, ...]:
    """Returns names of columns; a UserError is raised where one is there twice."""
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"--label-columns names {twice!r} twice.")
    return tuple(columns)


def truth(cell, line: int, column: str, path: str) -> float:
    """Returns whether a file's cell says that a text has a label, as 0 or 1.

    Raises:
        UserError: it says neither.
    """
    said = str(cell).strip().lower() if isinstance(cell, str | int | float) else None
    if said in _TRUE or said in _FALSE:
        return float(said in _TRUE)
    raise UserError(
        f"{path}, line {line:,}: {column!r} is {cell!r}: a label of several is 1 or 0, "
        "true or false."
    )


def placed(
    labels: np.ndarray,
    found: Sequence[str],
    class_names: Sequence[str] | None,
    source: str,
    known_by: str,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns labels in the order that a model has them, and the labels' names.

    Args:
        labels: (n, columns).
        found: what each column is called.
        class_names: the model's labels; None to take those that are found.
        source: what they are of, for messages.
        known_by: who knows `class_names`.

    Raises:
        UserError: there are others than those.
    """
    if class_names is None:
        return labels, tuple(found)
    if {*found} != {*class_names}:
        raise UserError(
            f"{source} has the labels {', '.join(found)}, but {known_by} knows "
            f"{', '.join(class_names)}. Name those with --label-columns."
        )
    order = [list(found).index(name) for name in class_names]
    return labels[:, order], tuple(class_names)


def names_of(probabilities: np.ndarray, class_names: Sequence[str]) -> list[str]:
    """Returns the labels that a text is given, the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return [class_names[place] for place in order if probabilities[place] >= THRESHOLD]


def shown(text: str, probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Returns a text's labels, each with its probability, and the text, for people."""
    by_name = dict(zip(class_names, probabilities, strict=True))
    names = names_of(probabilities, class_names)
    told = ", ".join(f"{name} {by_name[name]:.3f}" for name in names) or "no label"
    return f"{told}  {outputs.shortened(text)}"


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Returns each label's probability, float64 (n, labels)."""
    return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))


def measure(logits: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> dict:
    """Measures predictions against the truth.

    Args:
        logits: float (n, labels).
        labels: 0 or 1, (n, labels).
        class_names: the labels.

    Returns:
        `examples`; `micro_f1`, of all labels' decisions together, `macro_f1`, the mean
        of the labels' F1; `accuracy`, the share of the texts all of whose labels are
        right, with its `standard_error` √(p(1-p)/n); `cross_entropy`, the mean over
        texts and labels of -log P, in nats; and for each label `precision`, `recall`,
        `f1` and `examples` under `classes`.
    """
    given, truth = logits >= 0, labels > 0
    exact = float((given == truth).all(axis=1).mean())
    losses = np.logaddexp(0, np.where(truth, -logits, logits).astype(np.float64))
    hits, guessed, there = ((given & truth).sum(0), given.sum(0), truth.sum(0))
    totals = hits.sum(), guessed.sum(), there.sum()
    classes = {
        name: measures.shares(*map(int, counts))
        for name, *counts in zip(class_names, hits, guessed, there, strict=True)
    }
    return {
        "examples": len(labels),
        "micro_f1": measures.shares(*map(int, totals))["f1"],
        "macro_f1": float(np.mean([figures["f1"] for figures in classes.values()])),
        "accuracy": exact,
        "standard_error": math.sqrt(exact * (1 - exact) / len(labels)),
        "cross_entropy": float(losses.mean()),
        "classes": classes,
    }
