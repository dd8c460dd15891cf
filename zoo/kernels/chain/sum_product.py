"""Sums over all sequences of tags, by the forward-backward algorithm.

```
α<1> = start + e<1>,    α<t>[j] = e<t>[j] + log Σ_i exp(α<t-1>[i] + transitions[i, j])
log Z = log Σ_i exp(α<T>[i] + end[i])
```

Marginals are the gradients of log Z (Rabiner 1989; Eisner 2016): going back through
this recurrence, the gradient by α<t> is `P(y<t> | e)`, and what each step gives to
`transitions`, `P(y<t-1>, y<t> | e)`.

α is kept below 0 by taking its peak out at every step. What was taken out is summed up
only after a path's scores, step by step, were taken off: log P of a sequence of a
thousand steps would otherwise be the small difference of two large numbers.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.kernels.chain.alignment import Alignment
from zoo.kernels.chain.log_product import Exact, Scaled
from zoo.kernels.chain.potentials import (
    Potentials,
    finite,
    step_scores,
    without_peak,
)
from zoo.kernels.chain.tracing import in_graph
from zoo.kernels.recurrence import written


@in_graph
def log_partition(emissions, mask, potentials):
    """Returns log Z, float (batch,), with a gradient like `log_likelihood`'s."""
    alignment = Alignment(emissions, mask)
    scores = tf.zeros(tf.shape(alignment.valid), emissions.dtype)
    return _log_partition_less(
        scores, alignment.align(emissions), alignment, potentials
    )


@in_graph
def path_score(emissions, tags, mask, potentials):
    """Returns the score of sequences of tags.

    Args:
        emissions: see `zoo.kernels.chain`.
        tags: int32 (batch, steps), in [0, K) where the mask is true.
        mask: see there.
        potentials: see there.

    Returns:
        float (batch,).
    """
    alignment = Alignment(emissions, mask)
    scores = _target_scores(alignment.align(emissions), tags, alignment, potentials)
    return tf.reduce_sum(scores, axis=0)


@in_graph
def log_likelihood(emissions, tags, mask, potentials):
    """Returns log P(tags | emissions).

    There is no second-order gradient: asking for one raises InvalidArgumentError.

    Args:
        emissions: see `zoo.kernels.chain`.
        tags: int32 (batch, steps), in [0, K) where the mask is true.
        mask: see there.
        potentials: see there.

    Returns:
        float (batch,); -inf, without a gradient, where the tags are forbidden.
    """
    alignment = Alignment(emissions, mask)
    emissions = alignment.align(emissions)
    scores = _target_scores(emissions, tags, alignment, potentials)
    forbidden = tf.reduce_any(scores == -np.inf, axis=0)
    likelihood = -_log_partition_less(scores, emissions, alignment, potentials)
    return tf.where(forbidden, tf.constant(-np.inf, likelihood.dtype), likelihood)


@in_graph
def marginals(emissions, mask, potentials):
    """Returns P(y<t> | emissions), float (batch, steps, K), zeros where masked."""
    alignment = Alignment(emissions, mask)
    passed = forward(alignment.align(emissions), alignment.valid, potentials)
    ones = tf.cast(alignment.lengths > 0, emissions.dtype)
    d_emissions, *_ = _backward(passed, ones, alignment.valid, potentials)
    return alignment.restore(d_emissions)


class Forward(NamedTuple):
    """What the way forward found.

    Attributes:
        alphas: (steps, batch, K), α less its peak.
        kept: (steps, batch, K), what the product kept for the way back.
        peaks: (steps, batch), what was taken out of α at each step; 0 where the step
            isn't valid.
        last: (batch,), log Σ of the last α, less its peak, and the end: log Z is this
            and the sum of the peaks.
        wide: bool (), whether the products were `Exact`.
    """

    alphas: tf.Tensor
    kept: tf.Tensor
    peaks: tf.Tensor
    last: tf.Tensor
    wide: tf.Tensor


def forward(emissions, valid, potentials):
    """Runs the recurrence; see `Forward`.

    Args:
        emissions: float (steps, batch, K), aligned, of one step at least.
        valid: bool (steps, batch).
        potentials: a `Potentials`.
    """
    scaled, exact = (each(potentials.transitions) for each in (Scaled, Exact))
    histories = _recur(scaled, emissions, valid, potentials.start)
    # Up to the first α that is too wide all are right, so that none goes unnoticed.
    wide = scaled.is_too_narrow_for(histories[0])
    alphas, kept, peaks = tf.cond(
        wide,
        lambda: _recur(exact, emissions, valid, potentials.start),
        lambda: histories,
    )
    last = tf.reduce_logsumexp(alphas[-1] + potentials.end, axis=-1)
    return Forward(alphas, kept, peaks, last, wide)


def _recur(product, emissions, valid, start):
    """Returns `Forward`'s alphas, kept and peaks."""
    alpha, peak = without_peak(start + emissions[0])
    values = alpha, tf.zeros_like(alpha), peak * tf.cast(valid[0], peak.dtype)
    histories = [_history(valid, value) for value in values]

    def step(t, alpha, histories):
        log_sums, kept = product.forward(alpha)
        after, peak = without_peak(log_sums + emissions[t])
        after = tf.where(valid[t][:, None], after, alpha)
        peak = tf.where(valid[t], peak, 0)
        return t + 1, after, written(histories, t, (after, kept, peak))

    histories = written(histories, 0, values)
    *_, histories = tf.while_loop(
        lambda t, *_: t < tf.shape(valid)[0], step, (1, alpha, histories)
    )
    return tuple(history.stack() for history in histories)


def _backward(passed, gradient, valid, potentials):
    """Returns the gradients of `gradient` · log Z.

    Args:
        passed: a `Forward`.
        gradient: (batch,), 0 for rows without a step.
        valid: bool (steps, batch).
        potentials: the chain's.

    Returns:
        The gradients by emissions (steps, batch, K), transitions, start and end.
    """
    ending = passed.alphas[-1] + potentials.end
    d_last = gradient[:, None] * tf.exp(ending - finite(passed.last)[:, None])
    products = [each(potentials.transitions) for each in (Exact, Scaled)]
    d_emissions, d_transitions = tf.cond(
        passed.wide,
        *(lambda p=p: _recur_backward(p, passed, d_last, valid) for p in products),
    )
    d_start, d_end = (tf.reduce_sum(d, axis=0) for d in (d_emissions[0], d_last))
    return d_emissions, d_transitions, d_start, d_end


def _recur_backward(product, passed, d_last, valid):
    """Returns the gradients by emissions and by transitions."""
    alphas, kept = passed.alphas, passed.kept

    def step(t, d_alpha, d_transitions, d_emissions):
        here = tf.where(valid[t][:, None], d_alpha, 0)
        before, more = product.backward(alphas[t - 1], kept[t], here)
        d_alpha = tf.where(valid[t][:, None], before, d_alpha)
        return t - 1, d_alpha, d_transitions + more, d_emissions.write(t, here)

    _, d_first, d_transitions, d_emissions = tf.while_loop(
        lambda t, *_: t > 0,
        step,
        (
            tf.shape(valid)[0] - 1,
            d_last,
            tf.zeros_like(product.transitions),
            _history(valid, d_last),
        ),
    )
    return d_emissions.write(0, d_first).stack(), d_transitions


def _log_partition_less(scores, emissions, alignment, potentials):
    """Returns log Z less the sum of `scores` (steps, batch), for each row."""
    valid, nonempty = alignment.valid, alignment.lengths > 0

    @tf.custom_gradient
    def difference(scores, emissions, *tensors):
        potentials = Potentials(*tensors)
        passed = forward(emissions, valid, potentials)
        value = tf.reduce_sum(passed.peaks - scores, axis=0) + passed.last
        # Under two tapes TensorFlow would look for a way back through it as well.
        passed = Forward(*map(tf.stop_gradient, passed))

        @tf.custom_gradient
        def gradient(d):
            d_scores = tf.broadcast_to(-d, tf.shape(scores))
            results = [d_scores, *_backward(passed, d, valid, potentials)]
            return results, lambda *_: _refused(d)

        return value, gradient

    value = difference(scores, emissions, *potentials)
    return tf.where(nonempty, value, tf.zeros_like(value))


def _refused(gradient):
    """Stands for a second-order gradient, which there is none of.

    TensorFlow traces this as soon as two tapes are open, or a persistent one, and runs
    it only where a second-order gradient is asked for: what raises must not be an
    operation that runs for its effect, as an assertion is.
    """
    text = tf.strings.join(
        ["a chain has no second-order gradient ", tf.strings.as_string(gradient)]
    )
    return tf.strings.to_number(text, gradient.dtype)


def _target_scores(emissions, tags, alignment, potentials):
    """Returns what each step adds to the score of `tags`, (steps, batch)."""
    paths = alignment.align(tf.cast(tags, tf.int32))[..., None]
    return step_scores(emissions, paths, alignment.valid, potentials)[..., 0]


def _history(valid, like):
    """Returns room for a value of each step."""
    return tf.TensorArray(like.dtype, tf.shape(valid)[0], element_shape=like.shape)
