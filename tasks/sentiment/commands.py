"""What a classifier does with texts: say which class each is of."""

import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tasks.cli import answers, input_notes, inputs, outputs
from tasks.data import json_lines
from tasks.sentiment import label_sets
from tasks.sentiment.config import Prediction
from zoo.models import SequenceClassifier

# What is added to a table.
COLUMNS = "predicted_label", "predicted_probability"
SETS = ("predicted_labels",)


def predict(name: str, texts: inputs.Texts, settings: Prediction) -> None:
    """Prints each text's class and its probability, in order, or adds them to a table.

    Args:
        name: the preset's name or folder.
        texts: the texts.
        settings: how many are classified at a time, and whether to print JSON, a
            line a text, with every class; or where to write it.

    Raises:
        UserError: what is found can't be written.
        PresetError: there is no such preset, or it is damaged.
    """
    answers.check(texts, settings, COLUMNS + SETS)
    model = SequenceClassifier.from_preset(name)
    answers.write(_classified(name, model, texts, settings), texts, settings)


def _classified(name, model, texts, settings):
    """Yields what is found for each text, in order."""
    texts = input_notes.noted(texts)
    classify = tf.function(
        model.classify, input_signature=model.text_signature, autograph=False
    )
    while batch := list(itertools.islice(texts, settings.batch_size)):
        probabilities = classify(tf.constant(batch))["probabilities"].numpy()
        answers.check_numbers(name, probabilities.flat)
        for text, row in zip(batch, probabilities, strict=True):
            if model.multi_label:
                yield _set(text, row, model.class_names, settings.json)
                continue
            best = row.argmax()
            found = model.class_names[best], float(row[best])
            yield answers.Answer(
                _line(text, row, model.class_names, settings.json),
                dict(zip(COLUMNS, found, strict=True)),
            )


def _set(text, probabilities, class_names, as_json):
    """Returns what is found for a text that may have several labels."""
    text = text.decode("utf-8", "replace")
    names = label_sets.names_of(probabilities, class_names)
    line = label_sets.shown(text, probabilities, class_names)
    if as_json:
        by_name = dict(zip(class_names, probabilities.tolist(), strict=True))
        content = {"text": text, "labels": names, "probabilities": by_name}
        line = json_lines.line(content)
    return answers.Answer(line, dict.fromkeys(SETS, names))


def shown(text: str, probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Returns a text's likeliest class, its probability and the text, for people."""
    best = probabilities.argmax()
    return f"{class_names[best]}  {probabilities[best]:.3f}  {outputs.shortened(text)}"


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
    return json_lines.line(content)
