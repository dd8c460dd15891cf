"""Draws from what a model puts out.

A sampler is any `sample(outputs, seed) → draw`: outputs (batch, …) of one step, seed
int64 (2,), another at each step; or (batch, 2), where rows have their own. For
`log_probabilities` in a generation it also has `log_probability(outputs, draw)`,
float32 (batch,), in nats.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.decoding import filters
from zoo.decoding.seeds import uniform
from zoo.typing import Tensor


class Categorical:
    """Draws one id for each row from softmax(logits), after some filters.

    A row's draw depends on the seed, on the row's number and on its own logits: other
    rows, and how many there are, don't change it. It is the same under XLA.

    Args:
        temperature: 0 takes the most probable; see `filters.temperature`.
        top_k: how many of the most probable may be drawn; see `filters.top_k`.
        top_p: how much probability those that may be drawn have; see `filters.top_p`.
        forbid: ids that are never drawn; see `filters.forbid`.

    Call arguments:
        outputs: logits, floating (batch, V).
        seed: int (2,), or (batch, 2): see `zoo.decoding.seeds.uniform`.

    Returns:
        int32 (batch,).

    Raises:
        ValueError: a number is out of its range, or `top_k` has a fraction.
    """

    def __init__(
        self,
        temperature: Tensor | float = 1.0,
        top_k: Tensor | int | None = None,
        top_p: Tensor | float | None = None,
        forbid: Sequence[int] = (),
    ):
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.forbid = tuple(forbid)
        # Of tensors, whether they filter anything is found here, outside of a loop.
        self._filters = None
        limits: Any = top_k, top_p
        if all(map(tf.is_tensor, limits)):
            self._filters = tf.reduce_any(limits[0] >= 1) | tf.reduce_any(limits[1] < 1)

    def __call__(self, outputs: Tensor, seed: Any) -> Any:
        """Returns an id for each row of logits."""
        logits = self.logits(outputs)
        weights = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
        return _first_beyond(weights, uniform(tf.shape(logits)[:1], seed))

    def logits(self, outputs: Tensor) -> Any:
        """Returns the logits that are drawn from, float32 (batch, V)."""
        logits = filters.forbid(outputs, self.forbid)
        logits = filters.temperature(logits, self.temperature)

        def filtered():
            return filters.top_p(filters.top_k(logits, self.top_k), self.top_p)

        if self._filters is None:
            return filtered()
        # They sort all ids, which takes longer than all else of a step.
        return tf.cond(self._filters, filtered, lambda: tf.identity(logits))

    @staticmethod
    def log_probability(outputs: Tensor, draw: Tensor) -> Any:
        """Returns log P of ids (batch,) under the model, before any filter."""
        logs = tf.nn.log_softmax(tf.cast(outputs, tf.float32))
        return tf.gather(logs, draw, batch_dims=1)


class Bernoulli:
    """Draws frames of 0 and 1, each entry by itself, as the notes of a piano roll.

    ```
    P(1) = σ(logit / temperature)
    ```

    A row's draw depends on what `Categorical`'s does.

    Args:
        temperature: a number or a tensor, of shape () or (batch,). At 0, the limit, or
            for a tensor below, an entry is 1 where its logit is positive, 0 where it
            is negative.

    Call arguments:
        outputs: logits, floating (batch, n).
        seed: int (2,), or (batch, 2): see `zoo.decoding.seeds.uniform`.

    Returns:
        float32 (batch, n).

    Raises:
        ValueError: a number is negative.
    """

    def __init__(self, temperature: Tensor | float = 1.0):
        self.temperature = temperature

    def __call__(self, outputs: Tensor, seed: Any) -> Any:
        """Returns a frame for each row of logits."""
        filters.check_temperature(self.temperature)
        warmth = tf.maximum(filters.column(self.temperature), 1e-30)
        logits = tf.cast(outputs, tf.float32) / warmth
        points = uniform(tf.shape(logits), seed)
        return tf.cast(points < tf.cast(tf.sigmoid(logits), tf.float64), tf.float32)

    @staticmethod
    def log_probability(outputs: Tensor, draw: Tensor) -> Any:
        """Returns log P of frames (batch, n) under the model, at temperature 1."""
        costs = tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.cast(draw, tf.float32), logits=tf.cast(outputs, tf.float32)
        )
        return -tf.reduce_sum(costs, axis=-1)


def _first_beyond(weights, points):
    """Returns the first id by which the weights' sum exceeds a point's share of it.

    One without weight never is. Sums are in float64, where 2⁻⁵² of the whole still has
    its share; and of blocks of ids first, for a running sum is one of TensorFlow's
    slowest operations.

    Args:
        weights: float32 (batch, V), not negative.
        points: float64 (batch,), in [0, 1).

    Returns:
        int32 (batch,).
    """
    rows, size = tf.shape(weights)[0], weights.shape[-1] or tf.shape(weights)[1]
    if weights.shape[-1] and size <= _BLOCK:
        own = tf.cast(weights, tf.float64)
        points = points[:, None] * tf.reduce_sum(own, axis=1, keepdims=True)
        return _first_of_block(own, tf.cumsum(own, axis=1), points, size)
    missing = -size % _BLOCK
    blocks = tf.pad(tf.cast(weights, tf.float64), [[0, 0], [0, missing]])
    blocks = tf.reshape(blocks, [rows, (size + missing) // _BLOCK, _BLOCK])
    sums = tf.cumsum(tf.reduce_sum(blocks, axis=2), axis=1)
    points = points[:, None] * sums[:, -1:]
    block = tf.reduce_sum(tf.cast(sums <= points, tf.int32), axis=1)
    before = tf.gather(tf.pad(sums, [[0, 0], [1, 0]]), block, batch_dims=1)
    own = tf.gather(blocks, block, batch_dims=1)
    sums = before[:, None] + tf.cumsum(own, axis=1)
    return block * _BLOCK + _first_of_block(own, sums, points, _BLOCK)


def _first_of_block(weights, sums, points, size):
    """Returns the first place whose sum exceeds a point, of those with a weight.

    Args:
        weights: float64 (batch, n).
        sums: float64 (batch, n), up to each of them.
        points: float64 (batch, 1).
        size: n.
    """
    place = tf.reduce_sum(tf.cast(sums <= points, tf.int32), axis=1)
    # Rounded otherwise, a block's sum may not exceed the point after all.
    places = np.arange(size, dtype="int32")
    last = tf.reduce_max(tf.where(weights > 0, places, 0), axis=1)
    return tf.minimum(place, last)


_BLOCK = 128
