"""Texts with any number of labels each, which may be none: answers and figures.

As the 28 boolean columns of TFDS' `goemotions` have them. How they are read is
`label_reading`'s.
"""

import math
from collections.abc import Sequence

import numpy as np

from tasks.cli import outputs
from tasks.sentiment import measures
from tasks.sentiment.config import THRESHOLD


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
