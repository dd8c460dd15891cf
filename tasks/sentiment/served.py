"""What the command says of a text, from what a SavedModel says. Needs no TensorFlow."""

import functools
from collections.abc import Sequence

from tasks.beam.pipeline import Call
from tasks.sentiment.config import THRESHOLD, Prediction
from zoo import presets


def call(preset: str, settings: Prediction) -> Call:
    """Returns how a preset's SavedModel answers as `predict --json` does."""
    config = presets.config(preset)
    told = _labels if config.get("multi_label") else _classes
    row = functools.partial(told, class_names=config["class_names"])
    return Call("serving_default", {}, row)


def _classes(found: dict, class_names: Sequence[str]) -> dict:
    by_name = dict(zip(class_names, found["probabilities"], strict=True))
    return {
        "text": found["text"],
        "label": found["label"],
        "probability": found["probability"],
        "probabilities": by_name,
    }


def _labels(found: dict, class_names: Sequence[str]) -> dict:
    by_name = dict(zip(class_names, found["probabilities"], strict=True))
    names = [name for name, probability in by_name.items() if probability >= THRESHOLD]
    return {"text": found["text"], "labels": names, "probabilities": by_name}
