"""Which parts of a text speak for which class: found by leaving each out."""

import math
import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# A text of more words is taken apart into spans of several.
MOST_SPANS = 64


class Span(NamedTuple):
    """A part of a text, and what it says.

    Attributes:
        start: its first character.
        end: the one after its last.
        label: the class that it speaks for.
        effect: how much, in nats of that class' log-odds.
    """

    start: int
    end: int
    label: str
    effect: float


def occlusion(model, text: str, most: int = MOST_SPANS) -> list[Span]:
    """Returns what each word of a text says, by how the answer changes without it.

    ```
    effect(s, c) = logit P(c | text) - logit P(c | text without s)
    ```

    A span speaks for the class of the largest effect. Where classes don't exclude each
    other, it may speak against all: that effect is then below 0. (Li et al. 2016,
    "Understanding neural networks through representation erasure".)

    Args:
        model: a `zoo.models.SequenceClassifier`.
        text: the text.
        most: how many spans there are at most; of a text with more words each has
            several, as many in all but the last.

    Returns:
        A span for each word, or for several, from left to right.
    """
    words = [match.span() for match in re.finditer(r"\S+", text)]
    size = math.ceil(len(words) / most)
    spans = [
        (words[first][0], words[min(first + size, len(words)) - 1][1])
        for first in range(0, len(words), size or 1)
    ]
    without = [text[:start] + text[end:] for start, end in spans]
    logits = _log_odds(model, [text, *without])
    effects = logits[0] - logits[1:]
    best = effects.argmax(axis=1)
    return [
        Span(start, end, model.class_names[label], float(row[label]))
        for (start, end), label, row in zip(spans, best, effects, strict=True)
    ]


def _log_odds(model, texts):
    """Returns each class' log-odds, (texts, classes)."""
    if model.multi_label:  # each class' own: the logits themselves
        logits = model(model.encode(tf.constant(texts)), training=False)
        return logits.numpy().astype("float64")
    found = model.classify(tf.constant(texts))["probabilities"].numpy()
    probabilities = np.maximum(found.astype("float64"), 1e-30)
    # Of what is nearly certain the sum of the others is exact, 1 - P isn't.
    classes = range(probabilities.shape[1])
    others = [np.delete(probabilities, place, axis=1).sum(axis=1) for place in classes]
    return np.log(probabilities) - np.log(np.stack(others, axis=1))
