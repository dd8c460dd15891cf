"""An output that predicts tokens, or copies those that attention looks at."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.backend import require_tensorflow
from zoo.layers.precision import full_precision
from zoo.layers.sampled_softmax import IMPOSSIBLE
from zoo.typing import Tensor

# b at first: a new model, or one that didn't copy, copies little, g = .05.
SELDOM = -3.0


@keras.saving.register_keras_serializable(package="zoo")
class PointerGenerator(keras.layers.Layer):
    """Mixes what a softmax predicts with a copy of what attention looks at.

    ```
    g<t>        = σ(wᵀ ã<t> + b)                         how much is copied
    c<t>_k      = Σ_{s: x<s> = k} α<t,s>                 copied, over the ids k
    P(y<t> = k) = (1 - g<t> Σ_k c<t>_k) softmax(z<t>)_k + g<t> c<t>_k
    ```

    (See et al. 2017, whose p_gen is 1 - g; Gu et al. 2016.) Names and numbers that no
    training text had are so written as they are in the source. What can't be copied,
    id 0 of padding or of a token that the target's vocabulary lacks, is left to the
    softmax: the sum over k is 1 whatever α looks at.

    It computes in float32 at least, under mixed precision too.

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        logits: z, float (batch, steps, V), or (batch, V) of one step.
        hidden: ã, float (batch, steps, n) or (batch, n).
        weights: α, float (batch, steps, source) or (batch, source).
        ids: x, the source's tokens by their ids in the target's vocabulary, int32
            (batch, source); 0 where there is nothing to copy.

    Returns:
        log P, of the shape of z: logits whose softmax is P.

    Raises:
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, **kwargs: Any):
        require_tensorflow("PointerGenerator")
        kwargs["dtype"] = full_precision(kwargs.get("dtype"))
        super().__init__(**kwargs)

    def build(
        self,
        logits_shape: Any,
        hidden_shape: Any = None,
        weights_shape: Any = None,
        ids_shape: Any = None,
    ) -> None:
        """Creates w and b, for ã of (…, n)."""
        self.gate = keras.layers.Dense(
            1,
            bias_initializer=keras.initializers.Constant(SELDOM),
            dtype=self.dtype_policy,
            name="gate",
        )
        self.gate.build(hidden_shape)

    def call(self, logits: Tensor, hidden: Tensor, weights: Tensor, ids: Tensor) -> Any:
        """Returns log P."""
        logits, hidden, weights = [
            tf.cast(each, self.compute_dtype) for each in (logits, hidden, weights)
        ]
        gate = self.gate(hidden)  # before its sigmoid
        if len(logits.shape) == 2:
            return _of_step(logits, gate, weights, ids)
        copied = _copied(weights, ids)
        possible = tf.cast(ids != 0, weights.dtype)[:, None]
        taken = tf.sigmoid(gate[..., 0]) * tf.reduce_sum(weights * possible, axis=-1)
        logs = tf.nn.log_softmax(logits) + tf.math.log(_left(taken))[..., None]

        # Only the source's tokens gain: they are changed, each once.
        places = _places(ids, tf.shape(logs)[1])
        before = tf.gather_nd(logs, places)
        more = tf.where(
            copied > 0,
            tf.math.log_sigmoid(gate) + tf.math.log(tf.maximum(copied, 1e-30)),
            tf.cast(IMPOSSIBLE, copied.dtype),
        )
        gained = ops.logaddexp(before, more) - before
        gained = tf.where(_is_first(ids)[:, None], gained, 0)
        return tf.tensor_scatter_nd_add(logs, places, gained)


def _of_step(logits, gate, weights, ids):
    """Returns log P of one step, by fewer operations: a search takes many of them.

    What is less probable than a float32 can tell has log P = -∞.
    """
    shares = tf.where(ids != 0, tf.sigmoid(gate) * weights, 0)
    left = _left(tf.reduce_sum(shares, axis=-1, keepdims=True))
    rows = tf.broadcast_to(tf.range(tf.shape(ids)[0])[:, None], tf.shape(ids))
    p = tf.tensor_scatter_nd_add(
        tf.nn.softmax(logits) * left, tf.stack([rows, ids], axis=-1), shares
    )
    return tf.math.log(p)


def _left(taken):
    """Returns the share that is not copied: more than 0, in spite of rounding."""
    return tf.maximum(1 - taken, 1e-6)


def _copied(weights, ids):
    """Returns c<t>_k of k = x<s>, (batch, steps, source); 0 where x<s> is 0."""
    same = (ids[:, None] == ids[:, :, None]) & (ids != 0)[:, None]
    return tf.matmul(weights, tf.cast(same, weights.dtype))


def _places(ids, steps):
    """Returns where the source's tokens are, int32 (batch, steps, source, 3)."""
    rows, source = tf.unstack(tf.shape(ids))
    shape = [rows, steps, source]
    row = tf.broadcast_to(tf.range(rows)[:, None, None], shape)
    step = tf.broadcast_to(tf.range(steps)[None, :, None], shape)
    return tf.stack([row, step, tf.broadcast_to(ids[:, None], shape)], axis=-1)


def _is_first(ids):
    """Returns whether a token is none of those before it, bool (batch, source)."""
    places = tf.range(tf.shape(ids)[1])
    earlier = places[None, :] < places[:, None]
    return ~tf.reduce_any((ids[:, None] == ids[:, :, None]) & earlier, axis=2)
