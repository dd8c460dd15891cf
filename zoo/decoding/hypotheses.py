"""Hypotheses of a beam search, n for each row, in tensors (batch, n, …)."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.typing import Tensor


class Hypotheses(NamedTuple):
    """What a beam search found, the best first; those that have ended before others.

    Attributes:
        sequences: (batch, n, length), the inputs' dtype: ids, the end's included; then
            padding. Where a search was given its memory, length is that of the longest.
        log_probabilities: float32 (batch, n): log P(y|x), in nats.
        scores: float32 (batch, n): what they are ranked by.
        lengths: int32 (batch, n): how many ids, the end's included.
        ended: bool (batch, n): whether it has ended; false where its length did.
    """

    sequences: tf.Tensor
    log_probabilities: tf.Tensor
    scores: tf.Tensor
    lengths: tf.Tensor
    ended: tf.Tensor


class Paths(NamedTuple):
    """Hypotheses of one length, without what the step needs of them.

    Attributes:
        sequences: (batch, n, length).
        log_probabilities: float32 (batch, n), −∞ where there is none.
        coverage: Σ_t α<t,s>, float32 (batch, n, source), or () if it is of no use.
        tail: a `zoo.decoding.cycles.Tail`, or () if no circles are looked for.
    """

    sequences: tf.Tensor
    log_probabilities: tf.Tensor
    coverage: Any
    tail: Any = ()


def only(mask: Tensor | None, paths: Any) -> Any:
    """Returns paths of which those where `mask` is false are none."""
    logs = tf.where(mask, paths.log_probabilities, -np.inf)
    return paths._replace(log_probabilities=logs)


def largest(values: Tensor, n: int) -> Any:
    """Returns the places of the n largest in each row, equal ones in their order."""
    return tf.math.top_k(values, n).indices


def taken(structure: Any, places: Any) -> Any:
    """Takes places, (batch, k), of a nest of tensors (batch, n, …)."""
    return tf.nest.map_structure(
        lambda tensor: tf.gather(tensor, places, batch_dims=1), structure
    )


def first(structure: Any, n: int) -> Any:
    """Takes the first n of a nest of tensors (batch, more, …)."""
    return tf.nest.map_structure(lambda tensor: tensor[:, :n], structure)


def concatenated(one: Any, other: Any) -> Any:
    """Returns two nests of tensors (batch, n, …), concatenated along n."""
    return tf.nest.map_structure(lambda *pair: tf.concat(pair, axis=1), one, other)


def with_room(hypotheses: Any, length: Tensor | int, padding: Tensor | int) -> Any:
    """Returns hypotheses, or paths, whose sequences have `length` places at least."""
    sequences = hypotheses.sequences
    missing = tf.maximum(length - tf.shape(sequences)[2], 0)
    sequences = tf.pad(
        sequences, [[0, 0], [0, 0], [0, missing]], constant_values=padding
    )
    return hypotheses._replace(sequences=sequences)


def placed(hypotheses: Any, rows: Tensor, others: Any) -> Any:
    """Returns hypotheses in which those of `rows`, int32 (k,), are `others`."""
    return tf.nest.map_structure(
        lambda all_, new: tf.tensor_scatter_nd_update(all_, rows[:, None], new),
        hypotheses,
        others,
    )
