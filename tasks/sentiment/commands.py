"""What a classifier does with texts: say which class each is of."""

import itertools
import json
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tasks.cli import input_notes
from tasks.cli.config import PredictionConfig
from zoo.models import SequenceClassifier


def predict(name: str, texts: Iterator[bytes], settings: PredictionConfig) -> None:
    """Prints each text's class and its probability, in order.

    Args:
        name: the preset's name or folder.
        texts: the texts.
        settings: how many are classified at a time, and whether to print JSON, a
            line a text, with every class.

    Raises:
        PresetError: there is no such preset, or it is damaged.
    """
    model = SequenceClassifier.from_preset(name)
    texts = input_notes.noted(texts)
    classify = tf.function(model.classify, input_signature=model.text_signature)
    while batch := list(itertools.islice(texts, settings.batch_size)):
        result = classify(tf.constant(batch))
        for text, row in zip(batch, result["probabilities"].numpy(), strict=True):
            print(_line(text, row, model.class_names, settings.json), flush=True)


def shown(text: str, probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Returns a text's likeliest class, its probability and the text, for people."""
    best = probabilities.argmax()
    start = text if len(text) <= 100 else text[:99] + "…"
    return f"{class_names[best]}  {probabilities[best]:.3f}  {start}"


def _line(text, probabilities, class_names, as_json):
    text = text.decode("utf-8", "replace")
    if not as_json:
        return shown(text, probabilities, class_names)
    best = probabilities.argmax()
    content = {
        "text": text,
        "label": class_names[best],
        "probability": float(probabilities[best]),
        "probabilities": dict(zip(class_names, probabilities.tolist(), strict=True)),
    }
    return json.dumps(content, ensure_ascii=False)
