"""What a step of a translator's training draws and measures."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.text.vocabulary import PADDING_ID, START_ID
from zoo.typing import Tensor


def with_draws(
    ids: Tensor, logits: Tensor, rate: float, seed: keras.random.SeedGenerator
) -> Any:
    """Returns y<t-1>, some of them draws from what was predicted for them.

    Args:
        ids: y<t-1>, int32 (batch, steps), 0 at the padding.
        logits: of y<t>, float (batch, steps, V).
        rate: how many are drawn, in [0, 1).
        seed: of the draws.
    """
    rows, steps, size = ops.shape(logits)
    draws = keras.random.categorical(
        ops.reshape(logits, (rows * steps, size)), 1, dtype="int32", seed=seed
    )
    draws = ops.reshape(draws, (rows, steps))
    draws = ops.concatenate([ids[:, :1], draws[:, :-1]], axis=1)
    # In float32: half precision has too few numbers to draw from.
    drawn = keras.random.uniform((rows, steps), dtype="float32", seed=seed) < rate
    return ops.where(drawn & (ids != PADDING_ID), draws, ids)


def mean_nats(logs: Tensor) -> Any:
    """Returns the mean over all possible tokens of -log ŷ, (batch, steps).

    Args:
        logs: log ŷ, float32 (batch, steps, V).
    """
    possible = np.ones(logs.shape[-1], "float32")
    possible[[PADDING_ID, START_ID]] = 0
    return -tf.linalg.matvec(logs, possible / possible.sum())
