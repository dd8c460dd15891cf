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

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.kernels import gradients
from zoo.kernels.chain.alignment import Alignment
from zoo.kernels.chain.log_product import Exact, Scaled
from zoo.kernels.chain.potentials import (
    Potentials,
    finite,
    step_scores,
    without_peak,
)
from zoo.kernels.recurrence import written
from zoo.kernels.tracing import in_graph
from zoo.typing import Tensor


@in_graph
def log_partition(emissions: Tensor, mask: Tensor | None, potentials: Any) -> Any:
    """Returns log Z, float (batch,), with a gradient like `log_likelihood`'s."""
    alignment = Alignment(emissions, mask)
    scores = tf.zeros(tf.shape(alignment.valid), emissions.dtype)
    return _log_partition_less(
        scores, alignment.align(emissions), alignment, potentials
    )


@in_graph
def path_score(
    emissions: Tensor, tags: Tensor, mask: Tensor | None, potentials: Any
) -> Any:
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
def log_likelihood(
    emissions: Tensor, tags: Tensor, mask: Tensor | None, potentials: Any
) -> Any:
    """Returns log P(tags | emissions).

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
def marginals(emissions: Tensor, mask: Tensor | None, potentials: Any) -> Any:
    """Returns P(y<t> | emissions), float (batch, steps, K), zeros where masked."""
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        value = log_partition(emissions, mask, potentials)
    return tape.gradient(value, emissions)


class Forward(NamedTuple):
    """What the forward pass found.

    Attributes:
        alphas: (steps, batch, K), α less its peak.
        kept: (steps, batch, K), what the product kept for the backward pass.
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


def forward(emissions: Tensor, valid: Tensor, potentials: Any) -> Any:
    """Runs the recurrence; see `Forward`.

    Args:
        emissions: float (steps, batch, K), aligned, of one step at least.
        valid: bool (steps, batch).
        potentials: a `Potentials`.
    """
    scaled, exact = Scaled(potentials.transitions), Exact(potentials.transitions)
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

    inputs = [scores, emissions, *potentials]
    (value,) = gradients.call(_run_forward, _run_backward, _plain, inputs, [valid])
    return tf.where(nonempty, value, tf.zeros_like(value))


def _run_forward(inputs, fixed):
    scores, emissions, *tensors = inputs
    passed = forward(emissions, *fixed, Potentials(*tensors))
    return [tf.reduce_sum(passed.peaks - scores, axis=0) + passed.last], passed


def _run_backward(inputs, fixed, passed, upstream):
    scores, _, *tensors = inputs
    (d,) = upstream
    d_scores = tf.broadcast_to(-d, tf.shape(scores))
    return d_scores, *_backward(passed, d, *fixed, Potentials(*tensors))


def _plain(inputs, fixed):
    """Returns log Z less the scores, for TensorFlow to differentiate, to any order.

    What is forbidden is very improbable here: the derivatives of -inf are no numbers.
    """
    scores, *rest = inputs
    (valid,) = fixed
    emissions, transitions, start, end = (
        tf.maximum(each, tf.constant(_IMPROBABLE, each.dtype)) for each in rest
    )
    inputs = tf.TensorArray(emissions.dtype, tf.shape(valid)[0]).unstack(emissions)

    def step(t, alpha, taken):
        peak = tf.stop_gradient(tf.reduce_max(alpha, axis=-1))
        alpha -= peak[:, None]
        sums = tf.reduce_logsumexp(alpha[:, :, None] + transitions, axis=1)
        after = tf.where(valid[t][:, None], sums + inputs.read(t), alpha)
        return t + 1, after, taken + peak

    first = start + emissions[0]
    _, alpha, taken = tf.while_loop(
        lambda t, *_: t < tf.shape(valid)[0],
        step,
        (1, first, tf.zeros_like(first[:, 0])),
        # Within a larger XLA computation the gradient needs to know the most steps.
        maximum_iterations=tf.shape(valid)[0],
    )
    last = tf.reduce_logsumexp(alpha + end, axis=-1)
    return [last + taken - tf.reduce_sum(scores, axis=0)]


# Below all that is computed, and a long sequence's sum of it is still a number.
_IMPROBABLE = -1e30


def _target_scores(emissions, tags, alignment, potentials):
    """Returns what each step adds to the score of `tags`, (steps, batch)."""
    paths = alignment.align(tf.cast(tags, tf.int32))[..., None]
    return step_scores(emissions, paths, alignment.valid, potentials)[..., 0]


def _history(valid, like):
    """Returns room for a value of each step."""
    return tf.TensorArray(like.dtype, tf.shape(valid)[0], element_shape=like.shape)
