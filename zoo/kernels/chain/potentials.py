"""A chain's own scores, and what sums and searches over them share."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.typing import Tensor


class Potentials(NamedTuple):
    """The scores of a chain of K tags; -inf forbids.

    Attributes:
        transitions: float (K, K), [from, to].
        start: float (K,), of the first tag.
        end: float (K,), of the last tag.
    """

    transitions: tf.Tensor
    start: tf.Tensor
    end: tf.Tensor


def step_scores(
    emissions: Tensor, paths: Tensor, valid: Tensor, potentials: Any
) -> Any:
    """Returns what each step adds to the score of paths.

    Args:
        emissions: float (steps, batch, K), aligned.
        paths: int32 (steps, batch, n), aligned: n sequences of tags for each row.
        valid: bool (steps, batch), aligned.
        potentials: a `Potentials`.

    Returns:
        float (steps, batch, n), 0 where a step isn't valid.
    """
    scores = tf.gather(emissions, paths, batch_dims=2)
    pairs = tf.stack([paths[:-1], paths[1:]], axis=-1)
    first = tf.gather(potentials.start, paths[:1])
    scores += tf.concat([first, tf.gather_nd(potentials.transitions, pairs)], axis=0)
    following = tf.pad(valid[1:], [[0, 1], [0, 0]])
    last = (valid & ~following)[..., None]
    scores += tf.where(last, tf.gather(potentials.end, paths), 0)
    return tf.where(valid[..., None], scores, 0)


def without_peak(scores: Tensor) -> Any:
    """Returns scores (batch, n) less the largest of each row, and that (batch,).

    Where all are -inf they stay, and 0 is what was taken.
    """
    peak = finite(tf.reduce_max(scores, axis=-1))
    return scores - peak[:, None], peak


def finite(values: Tensor) -> Any:
    """Returns values with 0 for -inf."""
    return tf.where(values == -np.inf, tf.zeros_like(values), values)
