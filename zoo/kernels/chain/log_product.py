"""One step of the sums, `log Σ_i exp(α[i] + transitions[i, j])`, forward and backward.

α is (batch, K), with 0 as the largest of each row; -inf is an exact 0 in the sum.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.kernels.chain.potentials import finite
from zoo.typing import Tensor


class Scaled:
    """The sum as a matrix product.

    An exponential that is too small to be held as a number is lost. That does no harm
    while α and the transitions are no wider than those that are held.
    """

    def __init__(self, transitions: Tensor):
        self.transitions = transitions
        self.peaks = finite(tf.reduce_max(transitions, axis=0))
        self.matrix = tf.exp(transitions - self.peaks)

    def forward(self, alpha: Tensor) -> Any:
        """Returns the log of the sums, and the sums."""
        sums = tf.matmul(tf.exp(alpha), self.matrix)
        return tf.math.log(sums) + self.peaks, sums

    def backward(self, alpha: Tensor, sums: Tensor, d_log_sums: Tensor) -> Any:
        """Returns the gradients by `alpha` and by the transitions."""
        weights, shares = tf.exp(alpha), tf.math.divide_no_nan(d_log_sums, sums)
        return (
            weights * tf.matmul(shares, self.matrix, transpose_b=True),
            self.matrix * tf.matmul(weights, shares, transpose_a=True),
        )

    def is_too_narrow_for(self, alphas: Tensor) -> Any:
        """Says whether a finite one among the `alphas` may have been lost."""
        width = _width(alphas) + _width(self.transitions - self.peaks)
        return width > -0.9 * np.log(np.finfo(alphas.dtype.as_numpy_dtype).tiny)


class Exact:
    """As `Scaled`, of any width, in several times the time."""

    def __init__(self, transitions: Tensor):
        self.transitions = transitions

    def forward(self, alpha: Tensor) -> Any:
        """Returns the log of the sums, twice."""
        log_sums = tf.reduce_logsumexp(alpha[:, :, None] + self.transitions, axis=1)
        return log_sums, log_sums

    def backward(self, alpha: Tensor, log_sums: Tensor, d_log_sums: Tensor) -> Any:
        """Returns the gradients by `alpha` and by the transitions."""
        scores = alpha[:, :, None] + self.transitions - finite(log_sums)[:, None]
        shares = tf.exp(scores) * d_log_sums[:, None]
        return tf.reduce_sum(shares, axis=2), tf.reduce_sum(shares, axis=0)


def _width(values):
    """Returns how far below 0 finite values go."""
    return -tf.reduce_min(finite(values))
