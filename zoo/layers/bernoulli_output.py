"""Frames of notes, each key by itself."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from zoo.cells.arguments import positive_integer
from zoo.layers.backend import require_tensorflow
from zoo.layers.shapes import DenseInputs, SpecOfCall
from zoo.layers.wrong_values import right_or_nan
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class BernoulliOutput(SpecOfCall, DenseInputs):
    """Predicts which keys sound, each independent of the others.

    ```
    P(v | h) = Π_k P(v_k | h),   P(v_k = 1 | h) = σ(z_k),   z = W h + b
    ```

    It knows how likely each note is, not which go together: for chords that hold
    together see `NADEOutput`.

    Args:
        keys: K, how many keys there are.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        hidden: h, float (…, units).
        frames: v, 0 and 1, (…, K).

    Returns:
        -log P(v | h) in nats, float (…); NaN of a frame that has others than 0 and 1.

    Raises:
        ValueError: `frames` is not (…, K) with the axes of `hidden` before K.
    """

    def __init__(self, keys: int, **kwargs: Any):
        require_tensorflow("BernoulliOutput")
        super().__init__(**kwargs)
        self.keys = positive_integer("keys", keys)
        self.dense = keras.layers.Dense(
            self.keys, dtype=self.dtype_policy, name="dense"
        )

    def build(self, hidden_shape: Any, frames_shape: Any = None) -> None:
        """Creates W and b, for h of shape (…, units)."""
        self.dense.build(hidden_shape)

    def call(self, hidden: Tensor, frames: Tensor) -> Any:
        """Returns the frames' cost in nats."""
        check_frames(hidden, frames, self.keys)
        logits = self.dense(hidden)
        frames, are_right = binary(frames, logits.dtype)
        costs = tf.nn.sigmoid_cross_entropy_with_logits(frames, logits)
        return right_or_nan(tf.reduce_sum(costs, axis=-1), are_right)

    def draw(
        self, hidden: Tensor, points: Tensor, temperature: Tensor | float = 1.0
    ) -> tf.Tensor:
        """Draws a frame for each row.

        Args:
            hidden: h, float (batch, units).
            points: (batch, K), independent and uniform in [0, 1). A key whose point
                is negative sounds for certain, one whose point is 1 is silent.
            temperature: a number or a tensor, of shape () or (batch,): P = σ(z / T).

        Returns:
            0 and 1, float32 (batch, K).
        """
        return self.drawer(temperature)(hidden, points)

    def drawer(self, temperature: Tensor | float = 1.0) -> Callable:
        """Returns `draw` at a temperature, a function of `hidden` and `points`.

        It is for a loop of many draws: weights are read here, once.
        """
        dense = read_once(self.dense)

        def draw(hidden, points):
            return tf.cast(is_drawn(dense(hidden), points, temperature), tf.float32)

        return draw

    def compute_output_shape(self, hidden_shape: Any, frames_shape: Any = None) -> Any:
        """Returns the shape of the costs: that of `hidden` without its last axis."""
        return hidden_shape[:-1]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "keys": self.keys}


def read_once(*layers: keras.layers.Dense) -> Callable:
    """Returns what several `Dense` layers give, one beside the other, by one product.

    Args:
        *layers: built, without activations.

    Returns:
        A function of (batch, n).
    """
    dtype = layers[0].compute_dtype
    if any(each.dtype_policy.quantization_mode for each in layers):
        # Its kernel is whole numbers, of which the layer alone knows the scale.
        return lambda x: tf.concat([each(x) for each in layers], axis=1)
    kernel = tf.concat([tf.cast(each.kernel, dtype) for each in layers], axis=1)
    bias = tf.concat([tf.cast(each.bias, dtype) for each in layers], axis=0)
    return lambda x: tf.nn.bias_add(tf.matmul(tf.cast(x, dtype), kernel), bias)


def check_frames(hidden: Tensor, frames: Tensor, keys: int) -> None:
    """Raises a ValueError unless there is a frame of all keys for each h.

    Args:
        hidden: (…, n).
        frames: what should be (…, keys).
        keys: K.
    """
    wanted = tf.TensorShape([*hidden.shape[:-1], keys])
    if not wanted.is_compatible_with(frames.shape):
        raise ValueError(
            f"Frames must have the shape {tuple(wanted)}, {keys} keys for each hidden "
            f"state of shape {tuple(hidden.shape)}, found {tuple(frames.shape)}."
        )


def binary(frames: Tensor, dtype: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns frames as numbers, and which of them are right: 0 and 1 alone.

    Args:
        frames: (…, keys), of any dtype.
        dtype: a floating dtype.

    Returns:
        The frames, of `dtype`, those that aren't right as silence; bool (…).
    """
    frames = tf.convert_to_tensor(frames)
    is_note = frames == tf.cast(1, frames.dtype)
    is_silent = frames == tf.cast(0, frames.dtype)
    are_right = tf.reduce_all(is_note | is_silent, axis=-1)
    return tf.cast(is_note & are_right[..., None], dtype), are_right


def is_drawn(
    logits: Tensor, points: Tensor, temperature: Tensor | float = 1.0
) -> tf.Tensor:
    """Says which of independent events happen, each with P = σ(logit / temperature).

    Args:
        logits: float (batch, n).
        points: (batch, n), uniform in [0, 1).
        temperature: a number or a tensor, of shape () or (batch,). At 0, the limit,
            and below, what happens is what has a positive logit.

    Returns:
        bool (batch, n).
    """
    warmth = tf.maximum(tf.cast(temperature, tf.float32)[..., None], 1e-30)
    chances = tf.sigmoid(tf.cast(logits, tf.float32) / warmth)
    return points < tf.cast(chances, points.dtype)
