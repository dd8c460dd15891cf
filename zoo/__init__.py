"""The sequence zoo: recurrent layers and models for Keras.

from zoo.layers import LSTM          # in place of keras.layers.LSTM
model = zoo.from_preset("sentiment_imdb")
"""

import os

from zoo.version import __version__

__all__ = ["__version__", "from_preset"]


def from_preset(name_or_path: str | os.PathLike):
    """Returns a trained model, ready to use or to train on.

    Args:
        name_or_path: a preset's folder; or a name, looked up in the folder
            `$ZOO_PRETRAINED`, then in `pretrained/` of the checkout.

    Raises:
        zoo.errors.PresetError: there is no such preset, or it is damaged.
    """
    from zoo import presets  # imports TensorFlow, which takes seconds

    return presets.load(name_or_path)
