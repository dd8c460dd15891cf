"""What a language model is made of, and which numbers its arguments may be."""

import keras

from zoo.layers import BY_CELL, ContinuousCache, DeepRNN
from zoo.layers.continuous_cache import check_numbers
from zoo.models.construction import check_choice


def check(*, cell, layers, cache, cache_sharpness, cache_threshold, **_):
    """Raises a ValueError if an argument is out of its range."""
    check_choice("cell", cell, BY_CELL)
    for name, value, least in (("layers", layers, 1), ("cache", cache, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, found {value}.")
    check_numbers(cache_sharpness, cache_threshold, "cache_")


def dropouts(config):
    """Returns the dropout after the embedding, and that before the softmax."""
    locked = {"noise_shape": (None, 1, None)} if config["variational"] else {}
    rates = {"embedding": config["embedding_dropout"], "output": config["dropout"]}
    return [
        keras.layers.Dropout(rate, name=f"{place}_dropout", **locked)
        for place, rate in rates.items()
    ]


def recurrent(config):
    """Returns the recurrent layers, built."""
    cell, rate = config["cell"], config["dropout"]
    # What is locked over a window is the layers' own dropout of their inputs.
    between = rate if config["variational"] else 0.0
    layers = [
        BY_CELL[cell](
            config["units"],
            dropout=between if number > 1 else 0.0,
            recurrent_weight_dropout=config["recurrent_weight_dropout"],
            name=f"{cell}_{number}",
        )
        for number in range(1, config["layers"] + 1)
    ]
    stack = DeepRNN(
        layers,
        dropout=rate - between,
        return_sequences=True,
        return_state=True,
        name="recurrent",
    )
    stack.build((None, None, config["embedding_units"]))
    return stack


def cache(config, units):
    """Returns the cache for h of (…, units), built, or None."""
    if not config["cache"]:
        return None
    layer = ContinuousCache(
        config["cache"],
        sharpness=config["cache_sharpness"],
        threshold=config["cache_threshold"],
        dtype="float32",
        name="cache",
    )
    layer.build((None, None, units))
    return layer
