"""An output that predicts tokens, or copies those that attention looks at."""

from typing import Any

import keras
import tensorflow as tf

from zoo.layers.backend import require_tensorflow
from zoo.layers.precision import full_precision
from zoo.layers.shapes import DenseInputs, SpecOfCall, check_axes, exactly
from zoo.layers.wrong_values import right_or_nan
from zoo.typing import Tensor

# b at first: a new model, or one that didn't copy, copies little, g = .05.
SELDOM = -3.0
# log P of a token that the softmax rules out, or less: beside it, as beside -10⁹,
# float32 has no place for what a copy adds.
_RULED_OUT = -1e4


@keras.saving.register_keras_serializable(package="zoo")
class PointerGenerator(SpecOfCall, DenseInputs):
    """Mixes what a softmax predicts with a copy of what attention looks at.

    ```
    g<t>        = σ(wᵀ ã<t> + Σ_s α<t,s> uᵀ h<s> + b)     how much is copied
    c<t>_k      = Σ_{s: x<s> = k} α<t,s>                 copied, over the ids k
    P(y<t> = k) = (1 - g<t> Σ_k c<t>_k) softmax(z<t>)_k + g<t> c<t>_k
    ```

    (See et al. 2017, whose p_gen is 1 - g, and knows y<t-1> as well, which ã does here;
    Gu et al. 2016.) Names and numbers that no training text had are so written as they
    are in the source. By u each place of the source tells whether it is to be copied,
    which ã alone tells badly; without values h it isn't there. What can't be copied,
    id 0 of padding or of a token that the target's vocabulary lacks, is left to the
    softmax: the sum over k is 1 whatever α looks at.

    It computes in float32 at least, under mixed precision too. Over V it is a softmax
    and one addition; only the source's tokens are changed. For a loop of many steps
    take `mix`, and `firsts` and `cues` outside of it.

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        logits: z, float (batch, steps, V), or (batch, V) of one step.
        hidden: ã, float (batch, steps, n) or (batch, n).
        weights: α, float (batch, steps, source) or (batch, source).
        ids: x, the source's tokens by their ids in the target's vocabulary, int32
            (batch, source), in [0, V); 0 where there is nothing to copy.
        values: h, what attention takes its mean of, float (batch, source, m), or None.

    Returns:
        log P, of the shape of z: logits whose softmax is P. It is NaN in a row whose
        source has what is none of the ids.

    Raises:
        RuntimeError: Keras runs on another backend than TensorFlow.
        ValueError: inputs don't fit together.
        InvalidArgumentError: the same, of what is known only when a graph runs.
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
        values_shape: Any = None,
    ) -> None:
        """Creates w and b, for ã of (…, n), and u, for h of (…, m)."""
        self.gate = keras.layers.Dense(
            1,
            bias_initializer=keras.initializers.Constant(SELDOM),
            dtype=self.dtype_policy,
            name="gate",
        )
        self.gate.build(hidden_shape)
        self.cue = None
        if values_shape is not None:
            self.cue = keras.layers.Dense(
                1,
                use_bias=False,
                kernel_initializer="zeros",
                dtype=self.dtype_policy,
                name="cue",
            )
            self.cue.build(values_shape)

    def call(
        self,
        logits: Tensor,
        hidden: Tensor,
        weights: Tensor,
        ids: Tensor,
        values: Tensor | None = None,
    ) -> Any:
        """Returns log P."""
        steps = "rows, steps" if len(logits.shape) == 3 else "rows"
        check_axes(
            self,
            logits=(logits, f"{steps}, V"),
            hidden=(hidden, f"{steps}, n"),
            weights=(weights, f"{steps}, source"),
            ids=(ids, "rows, source"),
        )
        if values is not None:
            check_axes(
                self, ids=(ids, "rows, source"), values=(values, "rows, source, m")
            )
        ids = exactly(ids, tf.shape(logits)[0], tf.shape(weights)[-1])
        size = logits.shape[-1] or tf.shape(logits)[-1]
        within = tf.clip_by_value(ids, 0, tf.cast(size - 1, ids.dtype))
        within = tf.cast(within, tf.int32)
        cues = None if values is None else self.cues(values)
        firsts = self.firsts(within, size)
        found = self.mix(logits, hidden, weights, within, firsts, cues)
        are_ids = tf.reduce_all(ids == tf.cast(within, ids.dtype), axis=1)
        are_ids = tf.reshape(are_ids, [-1] + [1] * (len(logits.shape) - 1))
        return right_or_nan(found, are_ids)

    def compute_output_shape(
        self,
        logits_shape: Any,
        hidden_shape: Any = None,
        weights_shape: Any = None,
        ids_shape: Any = None,
        values_shape: Any = None,
    ) -> Any:
        """Returns the shape of z."""
        return logits_shape

    def cues(self, values: Tensor) -> Any:
        """Returns uᵀ h, float32 (batch, source), of values h, for `mix`.

        It is 0 where the layer was built without h.
        """
        if self.cue is None:
            return tf.zeros(tf.shape(values)[:2], self.compute_dtype)
        return self.cue(tf.cast(values, self.compute_dtype))[..., 0]

    @staticmethod
    def firsts(ids: Tensor, size: Tensor | int) -> Any:
        """Returns where a source has each of its tokens first, for `mix`.

        Args:
            ids: x, int32 (batch, source), all of them in [0, V).
            size: V.

        Returns:
            int32 (batch, source), in [0, source); the lowest number that there is where
            there is nothing to copy.
        """
        keys = ids + size * tf.range(tf.shape(ids)[0])[:, None]
        places = tf.broadcast_to(tf.range(tf.shape(ids)[1]), tf.shape(ids))
        count = size * tf.shape(ids)[0]
        firsts = tf.gather(tf.math.unsorted_segment_min(places, keys, count), keys)
        return tf.where(ids != 0, firsts, tf.int32.min)

    def mix(
        self,
        logits: Tensor,
        hidden: Tensor,
        weights: Tensor,
        ids: Tensor,
        firsts: Tensor,
        cues: Tensor | None = None,
    ) -> Any:
        """Returns log P, as a call, with that prepared which is the same at each step.

        What the softmax rules out, with z of -10 000 or less, is not copied either.

        Args:
            logits: z, float (batch, steps, V), or (batch · beams, V) of one step, in
                which rows i · beams to (i + 1) · beams - 1 have row i of the source.
            hidden: ã, of as many dimensions.
            weights: α, of as many dimensions.
            ids: x, int32 (batch, source), all of them in [0, V).
            firsts: of `firsts(ids, V)`.
            cues: of `cues`, or None.
        """
        logits, hidden, weights = [
            tf.cast(each, self.compute_dtype) for each in (logits, hidden, weights)
        ]
        gate = self.gate(hidden)  # before its sigmoid
        # A line of numbers for each of the logits: a single one is not for all.
        gate = tf.reshape(gate, tf.concat([tf.shape(logits)[:-1], [1]], axis=0))
        batch, source = tf.unstack(tf.shape(ids))
        size, count = logits.shape[-1] or tf.shape(logits)[-1], tf.size(gate)
        # Each row has as many lines of numbers as there are steps, or beams.
        many = count // tf.maximum(batch, 1)
        lines = tf.reshape(tf.range(count), [batch, many, 1])
        shape = [batch, many, source]
        weights = tf.reshape(weights, shape)
        if cues is not None:
            gate += tf.reshape(tf.matmul(weights, cues[..., None]), tf.shape(gate))

        # c of a token is where the source has it first, and 0 where it has it again.
        copied = tf.math.unsorted_segment_sum(
            weights,
            firsts[:, None] + source * lines,
            source * count,
        )
        copied = tf.reshape(copied, shape)
        total = tf.reshape(tf.reduce_sum(copied, axis=-1), tf.shape(gate))
        # More than 0, in spite of rounding.
        left = tf.math.log(tf.maximum(1 - tf.sigmoid(gate) * total, 1e-6))
        logs = tf.reshape(tf.nn.log_softmax(logits) + left, [-1])

        # Only the source's tokens gain: what they do is all that is added.
        places = (ids[:, None] + size * lines)[..., None]
        before = tf.maximum(tf.gather_nd(logs, places), _RULED_OUT)
        share = tf.reshape(tf.math.log_sigmoid(gate), [batch, many, 1])
        more = share + tf.math.log(tf.maximum(copied, 1e-30))
        gained = tf.where(copied > 0, tf.math.softplus(more - before), 0)
        logs = tf.tensor_scatter_nd_add(logs, places, gained)
        return tf.reshape(logs, tf.shape(logits))
