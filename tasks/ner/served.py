"""What the command says of a text, from what a SavedModel says. Needs no TensorFlow."""

import functools

from tasks.beam.pipeline import Call
from tasks.errors import UserError
from tasks.ner import entities
from tasks.ner.config import Prediction
from zoo import presets, tags


def call(preset: str, settings: Prediction) -> Call:
    """Returns how a preset's SavedModel answers as `predict --json` does.

    Raises:
        UserError: the settings ask for what is no text or no JSON.
    """
    for name in ("tokens", "tokens_column", "conll"):
        if getattr(settings, name) not in (None, False):
            flag = "--" + name.replace("_", "-")
            raise UserError(f"--runner takes texts and writes JSON: leave {flag} out.")
    row = functools.partial(_tagged, scheme=presets.config(preset)["scheme"])
    return Call("serving_default", {}, row)


def _tagged(found: dict, scheme: str) -> dict:
    text = found["text"]
    names = "tokens", "starts", "ends", "tags", "scores"
    columns = [found[name] for name in names]
    if scheme != tags.PLAIN:
        return {"text": text, "entities": entities.entities(text, *columns, scheme)}
    names = "text", "start", "end", "label", "score"
    rows = zip(*columns, strict=True)
    return {"text": text, "tags": [dict(zip(names, row, strict=True)) for row in rows]}
