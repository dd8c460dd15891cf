"""Small music models with weights drawn at random, as presets."""

import functools
import json

import numpy as np

from tests.zoo.models.music_models import make


@functools.cache
def model(keys=88, **arguments):
    """Returns what `own` makes: the same for all, whose graphs are traced once."""
    return own(keys, **arguments)


def own(keys=88, **arguments):
    """Returns a model with a few notes in a frame, and some twenty frames a piece."""
    made = make(keys, ending="halt", name="music", **arguments)
    made.frame_output.visible_bias.bias.assign(np.full(keys, -3))
    made.ending.dense.bias.assign([-3])
    return made


def pretend(monkeypatch, folder, made, **training):
    """Makes a folder the preset of a model, without the time that saving takes."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "metrics.json").write_text(json.dumps({"training": training}))
    monkeypatch.setattr("zoo.models.MusicModel.from_preset", lambda name: made)
    return folder
