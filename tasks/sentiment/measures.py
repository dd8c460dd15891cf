"""What is reported of a classifier."""

import math
from collections.abc import Sequence

import numpy as np


def measure(logits: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> dict:
    """Measures predictions against the truth.

    Args:
        logits: float (n, classes).
        labels: int (n,), places in `class_names`.
        class_names: the classes.

    Returns:
        `examples`; `accuracy`, the share whose likeliest class is right, with its
        `standard_error` √(p(1-p)/n); `cross_entropy`, the mean of -log P(label), in
        nats; `macro_f1`, the mean of the classes' F1; and for each class
        `precision`, `recall` and `f1` under `classes`.
    """
    confusion = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
    accuracy = float(np.trace(confusion) / len(labels))
    classes = {
        name: _class_figures(confusion, place) for place, name in enumerate(class_names)
    }
    rows = np.arange(len(labels))
    return {
        "examples": len(labels),
        "accuracy": accuracy,
        "standard_error": math.sqrt(accuracy * (1 - accuracy) / len(labels)),
        "cross_entropy": float(-_log_probabilities(logits)[rows, labels].mean()),
        "macro_f1": float(np.mean([figures["f1"] for figures in classes.values()])),
        "classes": classes,
    }


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Returns each class's probability, float64 (n, classes)."""
    return np.exp(_log_probabilities(logits))


def _log_probabilities(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _class_figures(confusion, place):
    hits = int(confusion[place, place])
    predicted, actual = int(confusion[:, place].sum()), int(confusion[place].sum())
    return shares(hits, predicted, actual)


def shares(hits: int, predicted: int, actual: int) -> dict:
    """Returns a class's figures: `precision`, `recall`, `f1`, and its `examples`.

    Args:
        hits: how many texts have the class and were given it.
        predicted: how many were given it.
        actual: how many have it. A share of nothing is 0.
    """
    return {
        "precision": hits / predicted if predicted else 0.0,
        "recall": hits / actual if actual else 0.0,
        "f1": 2 * hits / (predicted + actual) if predicted + actual else 0.0,
        "examples": actual,
    }


def describe(figures: dict) -> str:
    """Returns what `measure` found, or that of `label_sets`, a line each."""
    lines = [
        f"accuracy    {figures['accuracy']:.4f} ± {figures['standard_error']:.4f}",
        f"loss        {figures['cross_entropy']:.4f} nats",
        f"macro F1    {figures['macro_f1']:.4f}",
    ]
    if "micro_f1" in figures:
        lines.append(f"micro F1    {figures['micro_f1']:.4f}")
    width = max(map(len, figures["classes"]))
    for name, row in figures["classes"].items():
        lines.append(
            f"  {name:{width}}  precision {row['precision']:.4f}  "
            f"recall {row['recall']:.4f}  F1 {row['f1']:.4f}  ({row['examples']:,})"
        )
    return "\n".join(lines)
