"""What the command says of a text, from what a SavedModel says. Needs no TensorFlow."""

from tasks.beam.pipeline import Call
from tasks.cli.config import PredictionConfig


def call(preset: str, settings: PredictionConfig) -> Call:
    """Returns how a preset's SavedModel answers as `score --json` does.

    But for `unknown`: a SavedModel has `<UNK>` there, so their places are told.
    """
    del preset, settings
    return Call("score", {}, _scored)


def _scored(found: dict) -> dict:
    names = "text", "log_probability", "perplexity", "bits_per_character"
    return {
        **{name: found[name] for name in names},
        "tokens": found["tokens"],
        "log_probabilities": found["log_probabilities"],
        "unknown_places": [n for n, is_one in enumerate(found["unknown"]) if is_one],
    }
