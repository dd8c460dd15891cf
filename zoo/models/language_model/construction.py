"""A language model's layers, and which options it may have."""

from collections.abc import Sequence
from typing import Any

import keras

from zoo.layers import BY_CELL, ContinuousCache, DeepRNN
from zoo.layers.continuous_cache import check_numbers
from zoo.models.construction import check_choice, check_least
from zoo.models.texts import LEVELS
from zoo.text import Subwords, Vocabulary


def check(config: dict[str, Any], vocabulary: Vocabulary | Sequence[str]) -> None:
    """Raises a ValueError if an argument is none of those that are known."""
    check_choice("level", config["level"], LEVELS)
    if config["level"] != "subword" and isinstance(vocabulary, Subwords):
        raise ValueError(
            "A vocabulary of Subwords needs level='subword', found "
            f"{config['level']!r}."
        )
    check_choice("cell", config["cell"], BY_CELL)
    if config["recurrent_weight_dropout"] and not _has_recurrent_weights(config):
        raise ValueError(
            "recurrent_weight_dropout drops the weights of the recurrence, and cell="
            f"{config['cell']!r} has none. Leave it out, or take dropout."
        )
    check_least(1, layers=config["layers"])
    check_least(0, cache=config["cache"])
    check_numbers(config["cache_sharpness"], config["cache_threshold"], "cache_")


def dropouts(config: dict[str, Any]) -> list[keras.layers.Dropout]:
    """Returns the dropout after the embedding, and that before the softmax."""
    locked = {"noise_shape": (None, 1, None)} if config["variational"] else {}
    rates = {"embedding": config["embedding_dropout"], "output": config["dropout"]}
    return [
        keras.layers.Dropout(rate, name=f"{place}_dropout", **locked)
        for place, rate in rates.items()
    ]


def _has_recurrent_weights(config):
    return hasattr(BY_CELL[config["cell"]], "recurrent_weight_dropout")


def recurrent(config: dict[str, Any]) -> DeepRNN:
    """Returns the recurrent layers, built."""
    cell, rate = config["cell"], config["dropout"]
    dropped = {}
    if _has_recurrent_weights(config):
        dropped["recurrent_weight_dropout"] = config["recurrent_weight_dropout"]
    # What is locked over a window is the layers' own dropout of their inputs.
    between = rate if config["variational"] else 0.0
    layers = [
        BY_CELL[cell](
            config["units"],
            dropout=between if number > 1 else 0.0,
            **dropped,
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


def cache(config: dict[str, Any], units: int) -> ContinuousCache:
    """Returns the cache for h of (…, units), built."""
    layer = ContinuousCache(
        config["cache"],
        sharpness=config["cache_sharpness"],
        threshold=config["cache_threshold"],
        dtype="float32",
        name="cache",
    )
    layer.build((None, None, units))
    return layer
