"""The best sequences of tags, by the Viterbi algorithm.

```
δ<1> = start + e<1>,       δ<t>[j] = e<t>[j] + max_i (δ<t-1>[i] + transitions[i, j])
y<T> = argmax (δ<T> + end),  y<t-1> = argmax_i (δ<t-1>[i] + transitions[i, y<t>])
```

As in the sums, each step takes the peak out of δ, lest near ties drown in large scores.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.kernels.chain import sum_product
from zoo.kernels.chain.alignment import Alignment
from zoo.kernels.chain.potentials import step_scores, without_peak
from zoo.kernels.tracing import in_graph
from zoo.typing import Tensor


@in_graph
def viterbi(emissions: Tensor, mask: Tensor | None, potentials: Any) -> Any:
    """Returns the likeliest tags, int32 (batch, steps), 0 where masked.

    They have the probability 0 if all sequences of that length do.
    """
    alignment = Alignment(emissions, mask)
    paths = _best(alignment.align(emissions), alignment.valid, potentials)
    return alignment.restore(paths)


def _best(emissions, valid, potentials):
    """Returns the best path of aligned emissions, int32 (steps, batch)."""
    arriving = tf.transpose(potentials.transitions)  # [to, from]: reduced fastest
    steps = tf.shape(valid)[0]
    delta = potentials.start + emissions[0]
    deltas = tf.TensorArray(delta.dtype, steps, element_shape=delta.shape)

    def forward(t, delta, deltas):
        best = tf.reduce_max(delta[:, None] + arriving, axis=-1)
        after, _ = without_peak(best + emissions[t])
        delta = tf.where(valid[t][:, None], after, delta)
        return t + 1, delta, deltas.write(t, delta)

    _, delta, deltas = tf.while_loop(
        lambda t, *_: t < steps, forward, (1, delta, deltas.write(0, delta))
    )
    deltas = deltas.stack()
    tag = tf.argmax(delta + potentials.end, axis=-1, output_type=tf.int32)
    tags = tf.TensorArray(tf.int32, steps, element_shape=tag.shape)

    def backward(t, tag, tags):
        # Found anew for the tag on the path, where `forward` would have to for all.
        scores = deltas[t - 1] + tf.gather(arriving, tag)
        before = tf.argmax(scores, axis=-1, output_type=tf.int32)
        return t - 1, tf.where(valid[t], before, tag), tags.write(t, tag)

    _, tag, tags = tf.while_loop(lambda t, *_: t > 0, backward, (steps - 1, tag, tags))
    return tags.write(0, tag).stack()


@in_graph
def n_best(emissions: Tensor, mask: Tensor | None, potentials: Any, *, n: int) -> Any:
    """Returns the n likeliest sequences of tags, the best first, in O(T·K²·n).

    Args:
        emissions: see `zoo.kernels.chain`.
        mask: see there.
        potentials: see there.
        n: int, how many, 1 or more.

    Returns:
        The tags, int32 (batch, n, steps), 0 where masked, and log P of each sequence,
        float (batch, n). Where a row has fewer than n sequences of a probability above
        0, the rest are zeros and -inf.
    """
    alignment = Alignment(emissions, mask)
    emissions, valid = alignment.align(emissions), alignment.valid
    paths, exist = _several(emissions, n, valid, potentials)
    nonempty = (alignment.lengths > 0)[:, None]
    # Of no steps there is one sequence.
    exist &= nonempty | (tf.range(n) == 0)
    paths *= tf.cast(exist, tf.int32)

    passed = sum_product.forward(emissions, valid, potentials)
    scores = step_scores(emissions, paths, valid, potentials)
    scores = tf.reduce_sum(scores - passed.peaks[..., None], axis=0)
    probabilities = tf.where(nonempty, scores - passed.last[:, None], 0)
    probabilities = tf.where(exist, probabilities, -np.inf)
    return tf.transpose(alignment.restore(paths), [0, 2, 1]), probabilities


def _several(emissions, n, valid, potentials):
    """Returns the best paths, int32 (steps, batch, n), and which exist, (batch, n).

    δ has the n best scores of the ways to each tag, (batch, K, n), -inf where there
    are fewer. The place `i * n + r` among those of all tags is the r-th way to tag i.
    """
    steps, batch, tags = tf.unstack(tf.shape(emissions))
    arriving = tf.transpose(potentials.transitions)[:, :, None]  # [to, from, rank]
    first = (potentials.start + emissions[0])[:, :, None]
    delta = tf.pad(first, [[0, 0], [0, 0], [0, n - 1]], constant_values=-np.inf)
    none = tf.zeros([batch, tags, n], tf.int32)
    pointers = tf.TensorArray(tf.int32, steps, element_shape=none.shape)

    def forward(t, delta, pointers):
        ways = tf.reshape(delta[:, None] + arriving, [batch, tags, tags * n])
        best, places = tf.math.top_k(ways, n)
        after = best + emissions[t][:, :, None]
        after, _ = without_peak(tf.reshape(after, [batch, tags * n]))
        after = tf.reshape(after, [batch, tags, n])
        delta = tf.where(valid[t][:, None, None], after, delta)
        return t + 1, delta, pointers.write(t, places)

    _, delta, pointers = tf.while_loop(
        lambda t, *_: t < steps, forward, (1, delta, pointers.write(0, none))
    )
    pointers = tf.reshape(pointers.stack(), [steps, batch, tags * n])
    ways = tf.reshape(delta + potentials.end[:, None], [batch, tags * n])
    best, place = tf.math.top_k(ways, n)
    paths = tf.TensorArray(tf.int32, steps, element_shape=place.shape)

    def backward(t, place, paths):
        before = tf.gather(pointers[t], place, batch_dims=1)
        before = tf.where(valid[t][:, None], before, place)
        return t - 1, before, paths.write(t, place // n)

    _, place, paths = tf.while_loop(
        lambda t, *_: t > 0, backward, (steps - 1, place, paths)
    )
    return paths.write(0, place // n).stack(), best > -np.inf
