"""A batch's valid steps, moved together."""

from typing import Any

import tensorflow as tf

from zoo.typing import Tensor


class Alignment:
    """Moves the valid steps of each row to the left, and results back again.

    What is aligned has time first, which the loops want, and one step at least,
    which saves them the case of none.

    Attributes:
        lengths: int32 (batch,), valid steps.
        valid: bool (steps', batch), where an aligned row has a step; steps' is
            `steps`, or 1 if that is 0.
    """

    def __init__(self, emissions: Tensor, mask: Tensor | None):
        batch, steps = tf.unstack(tf.shape(emissions)[:2])
        self._mask, self._order = mask, None
        self.lengths = tf.fill([batch], steps)
        if mask is not None:
            # Of equal values `top_k` takes the leftmost first.
            self._order = tf.math.top_k(tf.cast(mask, tf.int32), steps).indices
            self.lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        self._steps = steps
        self._missing = tf.cast(steps == 0, tf.int32)
        self.valid = tf.range(steps + self._missing)[:, None] < self.lengths

    def align(self, tensor: Tensor) -> Any:
        """Returns (steps', batch, …) of (batch, steps, …), zeros beyond a row's end."""
        if self._order is not None:
            tensor = tf.gather(tensor, self._order, batch_dims=1)
        others = len(tensor.shape) - 2
        tensor = tf.pad(tensor, [[0, 0], [0, self._missing]] + [[0, 0]] * others)
        tensor = tf.transpose(tensor, [1, 0, *range(2, others + 2)])
        # Chosen, not multiplied: what is masked may be no number.
        return tf.where(_with_axes(self.valid, others), tensor, tf.zeros_like(tensor))

    def restore(self, tensor: Tensor) -> Any:
        """Returns (batch, steps, …) of (steps', batch, …), zeros where masked."""
        others = len(tensor.shape) - 2
        tensor = tf.transpose(tensor, [1, 0, *range(2, others + 2)])[:, : self._steps]
        if self._mask is None:
            return tensor
        places = tf.cumsum(tf.cast(self._mask, tf.int32), axis=1, exclusive=True)
        # A masked step may come after the last place; any will do for it.
        places = tf.minimum(places, tf.maximum(self._steps - 1, 0))
        tensor = tf.gather(tensor, places, batch_dims=1)
        return tf.where(_with_axes(self._mask, others), tensor, tf.zeros_like(tensor))


def _with_axes(tensor, count):
    for _ in range(count):
        tensor = tensor[..., None]
    return tensor
