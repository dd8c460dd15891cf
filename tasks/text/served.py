"""What the command says of a text, from what a SavedModel says. Needs no TensorFlow."""

from tasks.beam.pipeline import Call
from tasks.errors import UserError
from tasks.text.config import Scoring


def call(preset: str, settings: Scoring) -> Call:
    """Returns how a preset's SavedModel answers as `score --json` does.

    But for `unknown`: a SavedModel has `<UNK>` there, so their places are told.

    Raises:
        UserError: the model is to learn from what it reads, which a SavedModel can't.
    """
    del preset
    if settings.dynamic:
        raise UserError(
            "--dynamic changes the model's weights, which --runner's workers can't: "
            "they have its SavedModel. Leave one of the two out."
        )
    return Call("score", {}, _scored)


def _scored(found: dict) -> dict:
    names = "text", "log_probability", "perplexity", "bits_per_character"
    return {
        **{name: found[name] for name in names},
        "tokens": found["tokens"],
        "log_probabilities": found["log_probabilities"],
        "unknown_places": [n for n, is_one in enumerate(found["unknown"]) if is_one],
    }
