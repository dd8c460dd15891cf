"""Steps of the units whose state no matrix multiplies, and their gradients.

`zoo.cells` has the equations, and says the same slowly. All products are those of the
inputs, which come in chunks of steps; what is left is element-wise,

```
h<t> = A * h<t-1> + B,   dA = dh<t> * h<t-1>,  dB = dh<t>,  dh<t-1> += A * dh<t>
```

and never leaves the cache.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from zoo.kernels.steps import Product, Step
from zoo.typing import Tensor


class ElementwiseStep(Step):
    """A step without a matrix among its weights.

    With A and B from the input alone, all steps can be taken at once: see `linear`.

    Attributes:
        is_linear: whether it has `linear`.
    """

    is_linear = True

    def linear(self, z: Tensor, weights: Any) -> tuple[Tensor, Tensor]:
        """Returns A and B of any number of steps.

        Args:
            z: what the inputs give, (…, parts · n_a).
            weights: as in `forward`.
        """
        raise NotImplementedError

    def infer(
        self, z: Tensor, states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step forward."""
        a, b = self.linear(z, weights)
        return [a * states[0] + b]

    def weight_gradients(
        self, dz: Tensor, outputs: Tensor, kept: Sequence[Tensor]
    ) -> Any:
        """Returns nothing: what weights there are have `summed` gradients."""
        return []


class _CandidateStep(ElementwiseStep):
    """A step whose candidate is a sum of the inputs as it is, unless made positive."""

    def _candidate(self, v):
        return v

    def _slope(self, candidate):
        """Returns the derivative of the candidate by v, of the candidate."""
        return tf.ones_like(candidate)


class MinGRUStep(_CandidateStep):
    """Columns Γ_u and c̃, which are kept. No weights."""

    states, parts, kept = 1, 2, 2

    def linear(self, z: Tensor, weights: Any) -> tuple[Tensor, Tensor]:
        """Returns A and B of any number of steps."""
        z_update, candidate = self.split(z)
        update = tf.sigmoid(z_update)
        return 1 - update, update * self._candidate(candidate)

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        (c,) = states
        update, candidate = tf.sigmoid(z[0]), self._candidate(z[1])
        return [c + update * (candidate - c)], [update, candidate]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        (dc,), (c,), (update, candidate) = gradients, before, kept
        written, kept_on = dc * update, dc * (1 - update)
        d_update = (candidate - c) * update * kept_on
        dz = tf.concat([d_update, written * self._slope(candidate)], axis=1)
        return dz, [kept_on]


class MinLSTMStep(_CandidateStep):
    """Columns Γ_u, Γ_f and c̃. Kept are Γ'_f, 1 - Γ_u, 1 - Γ_f and c̃. No weights."""

    states, parts, kept = 1, 3, 4

    def linear(self, z: Tensor, weights: Any) -> tuple[Tensor, Tensor]:
        """Returns A and B of any number of steps."""
        z_update, z_forget, candidate = self.split(z)
        ratio = _log_ratio(z_forget, z_update)
        return tf.sigmoid(ratio), tf.sigmoid(-ratio) * self._candidate(candidate)

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        (c,) = states
        forget, candidate = tf.sigmoid(_log_ratio(z[1], z[0])), self._candidate(z[2])
        closed = [tf.sigmoid(-z[0]), tf.sigmoid(-z[1])]
        return [candidate + forget * (c - candidate)], [forget, *closed, candidate]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        (dc,), (c,) = gradients, before
        forget, closed_update, closed_forget, candidate = kept
        written = dc * (1 - forget)
        d_ratio = (c - candidate) * forget * written
        d_candidate = written * self._slope(candidate)
        parts = [-d_ratio * closed_update, d_ratio * closed_forget, d_candidate]
        return tf.concat(parts, axis=1), [dc * forget]


class _Positive(_CandidateStep):
    """Makes a step's candidate positive: g(v) = v + 0.5 for v ≥ 0, σ(v) below."""

    def _candidate(self, v):
        return tf.where(v >= 0, v + 0.5, tf.sigmoid(v))

    def _slope(self, candidate):
        return tf.where(
            candidate >= 0.5, tf.ones_like(candidate), candidate * (1 - candidate)
        )


class PositiveMinGRUStep(_Positive, MinGRUStep):
    """The unit whose states stay above 0."""


class PositiveMinLSTMStep(_Positive, MinLSTMStep):
    """The unit whose states stay above 0."""


class SRUStep(ElementwiseStep):
    """Columns Γ_f, Γ_r and c̃, and x itself; states a and c.

    Weights: v_f and v_r, (n_a,). Kept are the four parts.
    """

    states, parts, kept = 2, 4, 4
    takes_inputs, summed = True, 2
    unread = 1
    is_linear = False

    def infer(
        self, z: Tensor, states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step forward."""
        c, z = states[1], self.split(z)
        forget = tf.sigmoid(z[0] + weights[0] * c)
        relevance = tf.sigmoid(z[1] + weights[1] * c)
        c = z[2] + forget * (c - z[2])
        return [z[3] + relevance * (c - z[3]), c]

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        z_forget, z_relevance, candidate, past = z
        c = states[1]
        forget = tf.sigmoid(z_forget + weights[0] * c)
        relevance = tf.sigmoid(z_relevance + weights[1] * c)
        c = candidate + forget * (c - candidate)
        return [past + relevance * (c - past), c], [forget, relevance, candidate, past]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        (da, dc), c = gradients, before[1]
        forget, relevance, candidate, past = kept
        from_forget, from_relevance = transposed
        d_relevance = da * (after[1] - past) * relevance * (1 - relevance)
        dc = dc + da * relevance
        d_forget = dc * (c - candidate) * forget * (1 - forget)
        parts = [d_forget, d_relevance, dc * (1 - forget), da * (1 - relevance)]
        sums = [d_forget * c, d_relevance * c]
        dc = dc * forget + from_forget * d_forget + from_relevance * d_relevance
        # Zeros, which depend on da, for a Jacobian: see `recurrence.connected`.
        da = tf.where(relevance >= 0, tf.zeros_like(da), da)
        return tf.concat([*parts, *sums], axis=1), [da, dc]


class ProjectedSRUStep(SRUStep):
    """The same with a projection of x, another part of the product, instead of x."""

    takes_inputs = False


class RGLRUStep(ElementwiseStep):
    """Columns Γ_r and Γ_i, and x itself; the three are kept.

    Weights: log A where Γ_r is open, (n_a,). All that a step is given is float32 at
    least, as the states of an `RGLRUCell` are: in half precision A would be 1.
    """

    states, parts, kept = 1, 3, 3
    takes_inputs, summed = True, 1

    def linear(self, z: Tensor, weights: Any) -> tuple[Tensor, Tensor]:
        """Returns A and B of any number of steps."""
        z_relevance, z_input, x = self.split(z)
        a, scale = _retention(tf.sigmoid(z_relevance), weights[0])
        return a, scale * (tf.sigmoid(z_input) * x)

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        relevance, entering, x = tf.sigmoid(z[0]), tf.sigmoid(z[1]), z[2]
        a, scale = _retention(relevance, weights[0])
        return [a * states[0] + scale * (entering * x)], [relevance, entering, x]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        (dh,), (h,), (decay,) = gradients, before, transposed
        relevance, entering, x = kept
        a, scale = _retention(relevance, decay)
        written = dh * scale
        some = scale > 0  # else A = 1, where all that this divides is 0
        slope = tf.where(some, a * a / tf.where(some, scale, 1), 0)
        d_log = dh * (a * h - slope * entering * x)
        parts = [
            d_log * decay * relevance * (1 - relevance),
            written * x * entering * (1 - entering),
            written * entering,
            d_log * relevance,
        ]
        return tf.concat(parts, axis=1), [dh * a]


class ProjectedRGLRUStep(RGLRUStep):
    """The same with a projection of x, another part of the product, instead of x."""

    takes_inputs = False


def _log_ratio(z_forget, z_update):
    """Returns log(Γ_f / Γ_u), for closed gates as well."""
    return tf.math.softplus(-z_update) - tf.math.softplus(-z_forget)


def _retention(relevance, decay):
    """Returns A and sqrt(1 - A²), whose gradient is 0 where A is 1."""
    log_a = decay * relevance
    square = -tf.math.expm1(2 * log_a)
    some = square > 0
    scale = tf.where(some, tf.sqrt(tf.where(some, square, 1)), 0)
    return tf.exp(log_a), scale
