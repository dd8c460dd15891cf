"""What the command says of a text, from what a SavedModel says. Needs no TensorFlow."""

import functools

from tasks.beam.pipeline import Call
from tasks.errors import UserError
from tasks.translation.config import NO_ATTENTION, Translation
from zoo import presets


def call(preset: str, settings: Translation) -> Call:
    """Returns how a preset's SavedModel answers as `translate --json` does.

    Raises:
        UserError: the settings ask for what the SavedModel can't do.
        PresetError: there is no such preset.
    """
    if settings.beam not in (1, _BEAM):
        raise UserError(
            f"--runner searches as the SavedModel does: with --beam {_BEAM}, or 1, "
            f"found {settings.beam}."
        )
    for name in ("resume", "attention_plot"):
        if getattr(settings, name):
            flag = "--" + name.replace("_", "-")
            raise UserError(f"--runner doesn't go with {flag}.")
    own = presets.config(preset)
    attends = own.get("attention", "general") is not None
    if settings.coverage_penalty and not attends:
        raise UserError(NO_ATTENTION)
    row = functools.partial(_translated, n_best=settings.n_best)
    if settings.beam == 1:
        if settings.max_length is not None:
            raise UserError(
                "--runner with --beam 1 translates as the SavedModel does greedily, "
                f"without --max-length: leave that out, or take --beam {_BEAM}."
            )
        return Call("greedy", {}, row)
    longest = -1 if settings.max_length is None else settings.max_length
    numbers = {**settings.penalties(own), "max_length": longest}
    return Call("translate", numbers, row)


# What SavedModels search with, as `zoo.models.translator.serving` has it.
_BEAM = 4
# Below it a score is of a translation that there isn't.
_NOTHING = -3e38


def _translated(found: dict, n_best: int) -> dict:
    columns = (found[name] for name in ("translations", "scores", "log_probabilities"))
    hypotheses = [
        {"translation": text, "score": score, "log_probability": log}
        for text, score, log in zip(*columns, strict=True)
        if score > _NOTHING
    ][:n_best]
    row = {"text": found["text"], **hypotheses[0]}
    return {**row, "translations": hypotheses} if n_best > 1 else row
