"""The sequence zoo: recurrent layers and models for Keras.

from zoo.layers import LSTM          # in place of keras.layers.LSTM
model = zoo.from_preset("sentiment_en")
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo import (
        cells,
        decoding,
        errors,
        layers,
        metrics,
        models,
        music,
        plots,
        presets,
        tags,
        text,
    )

__all__ = [
    "__version__",
    "cells",
    "decoding",
    "errors",
    "from_preset",
    "layers",
    "metrics",
    "models",
    "music",
    "plots",
    "presets",
    "tags",
    "text",
]


def __getattr__(name):
    """Imports a part of the zoo when it is first used: TensorFlow takes seconds."""
    if name in __all__:
        return importlib.import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


def from_preset(name_or_path: str | os.PathLike) -> Any:
    """Returns a trained model, ready to use or to train on.

    Args:
        name_or_path: a preset's folder; or a name, looked up in the folder
            `$ZOO_PRETRAINED`, among the presets that come with the zoo, and in
            `$ZOO_PRESETS_URL`; or an archive's URL, `https://…/NAME.zip`.

    Raises:
        zoo.errors.PresetError: there is no such preset, it can't be fetched, may not
            be read, is damaged or of a newer zoo.
    """
    from zoo import presets

    return presets.load(name_or_path)
