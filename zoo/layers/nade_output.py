"""Frames of notes that know of each other."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.cells.arguments import positive_integer
from zoo.layers.backend import require_tensorflow
from zoo.layers.bernoulli_output import (
    binary,
    check_frames,
    is_drawn,
    read_once,
)
from zoo.layers.shapes import DenseInputs, SpecOfCall
from zoo.layers.wrong_values import right_or_nan
from zoo.typing import Tensor

HIGH_TO_LOW, LOW_TO_HIGH = "high_to_low", "low_to_high"


@keras.saving.register_keras_serializable(package="zoo")
class NADEOutput(SpecOfCall, DenseInputs):
    """Predicts which keys sound, one after another: each knows those before it.

    ```
    P(v | h) = Π_k P(v_k | v_before k, h)
    P(v_k = 1 | v_before k, h) = σ(b_v,k + V_k · σ(a_k)),   a_k = b_h + Σ_j v_j W_j
    b_v = c_v + U_v h,   b_h = c_h + U_h h                    the sum over j before k
    ```

    That is the neural autoregressive distribution estimator (Larochelle & Murray
    2011), its biases made by a recurrent network (RNN-NADE, Boulanger-Lewandowski et
    al. 2012). The likelihood is exact.

    a changes only after a key that sounds. So a frame of n notes is computed from its
    n + 1 different a, not from one for each key, and is drawn in n + 1 passes: with
    four notes on 88 keys that is less than a tenth of the work, to the same numbers.
    Time and memory grow with the notes that there are.

    Args:
        keys: K, how many keys there are.
        units: size of a.
        order: "high_to_low" or "low_to_high": in which the keys know each other.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        hidden: h, float (…, n).
        frames: v, 0 and 1, (…, K).

    Returns:
        -log P(v | h) in nats, float (…); NaN of a frame that has others than 0 and 1.

    Raises:
        ValueError: `order` is not one of the two; or `frames` is not (…, K) with the
            axes of `hidden` before K.
    """

    def __init__(
        self, keys: int, units: int = 128, order: str = HIGH_TO_LOW, **kwargs: Any
    ):
        require_tensorflow("NADEOutput")
        super().__init__(**kwargs)
        if order not in (HIGH_TO_LOW, LOW_TO_HIGH):
            raise ValueError(
                f"order must be {HIGH_TO_LOW!r} or {LOW_TO_HIGH!r}, found {order!r}."
            )
        # How many notes a batch has is known only when it runs.
        self.supports_jit = False
        self.keys = positive_integer("keys", keys)
        self.units = positive_integer("units", units)
        self.order = order
        self.visible_bias, self.hidden_bias = (
            keras.layers.Dense(size, dtype=self.dtype_policy, name=name)
            for name, size in (("visible_bias", self.keys), ("hidden_bias", self.units))
        )

    def build(self, hidden_shape: Any, frames_shape: Any = None) -> None:
        """Creates U, c, W (K, units) and V (units, K), for h of shape (…, n)."""
        self.visible_bias.build(hidden_shape)
        self.hidden_bias.build(hidden_shape)
        self.from_keys = self.add_weight(
            name="from_keys",
            shape=(self.keys, self.units),
            initializer="glorot_uniform",
        )
        self.to_keys = self.add_weight(
            name="to_keys", shape=(self.units, self.keys), initializer="glorot_uniform"
        )

    def call(self, hidden: Tensor, frames: Tensor) -> Any:
        """Returns the frames' cost in nats."""
        check_frames(hidden, frames, self.keys)
        shape = tf.shape(hidden)[:-1]
        hidden = tf.reshape(hidden, [-1, hidden.shape[-1]])
        frames = tf.reshape(frames, [-1, self.keys])
        frames, are_right = binary(frames, self.compute_dtype)
        logits = self.visible_bias(hidden) + self._scores(hidden, frames)
        costs = tf.nn.sigmoid_cross_entropy_with_logits(frames, logits)
        costs = right_or_nan(tf.reduce_sum(costs, axis=-1), are_right)
        return tf.reshape(costs, shape)

    def _scores(self, hidden, frames):
        """Returns V_k · σ(a_k), (n, K), of frames (n, K)."""
        downwards = self.order == HIGH_TO_LOW
        before = tf.cumsum(frames, axis=1, exclusive=True, reverse=downwards)
        before = tf.cast(before, tf.int32)
        # A row for each different a: before any note of the frame, after one, after
        # two … All rows stand below each other, frame by frame.
        rows = 1 + tf.cast(tf.reduce_sum(frames, axis=1), tf.int32)
        first = tf.cumsum(rows, exclusive=True)
        frame = tf.repeat(tf.range(tf.shape(rows)[0]), rows)
        notes = tf.range(tf.shape(frame)[0]) - tf.gather(first, frame)
        heard = tf.gather(before, frame) < notes[:, None]
        heard = tf.gather(frames, frame) * tf.cast(heard, frames.dtype)
        a = tf.gather(self.hidden_bias(hidden), frame)
        a += tf.matmul(heard, tf.cast(self.from_keys, a.dtype))
        scores = tf.matmul(tf.sigmoid(a), tf.cast(self.to_keys, a.dtype))
        places = (first[:, None] + before) * self.keys + tf.range(self.keys)
        return tf.gather(tf.reshape(scores, [-1]), places)

    def draw(
        self, hidden: Tensor, points: Tensor, temperature: Tensor | float = 1.0
    ) -> tf.Tensor:
        """Draws a frame for each row, key by key.

        With points that decide the first keys in the layer's order, the others are
        drawn given those: P(others | first, h), exactly.

        Args:
            hidden: h, float (batch, n).
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
        biases = read_once(self.visible_bias, self.hidden_bias)
        from_keys = tf.cast(self.from_keys, self.compute_dtype)
        # A row more, for what is behind the last key.
        from_keys = tf.pad(from_keys, [[0, 1], [0, 0]])
        to_keys = tf.cast(self.to_keys, self.compute_dtype)
        order = np.arange(self.keys, dtype="int32")
        if self.order == HIGH_TO_LOW:
            order = order[::-1]

        def draw(hidden, points):
            visible, a = tf.split(biases(hidden), [self.keys, self.units], axis=1)
            # A loop keeps its shapes, and points seldom say how many rows they are for.
            points = tf.ensure_shape(points, visible.shape)

            def go_on(place, a, frame):
                """Decides all keys from `place` up to the next that sounds."""
                logits = visible + tf.matmul(tf.sigmoid(a), to_keys)
                sounds = is_drawn(logits, points, temperature)
                sounds &= order >= place[:, None]
                found = tf.reduce_min(tf.where(sounds, order, self.keys), axis=1)
                frame += tf.cast(order == found[:, None], tf.float32)
                key = order[0] - found if order[0] else found
                key = tf.where(found < self.keys, key, self.keys)
                return found + 1, a + tf.gather(from_keys, key), frame

            silence = tf.zeros_like(visible, tf.float32)
            start = tf.zeros_like(points[:, 0], tf.int32), a, silence
            *_, frame = tf.while_loop(
                lambda place, *_: tf.reduce_any(place < self.keys), go_on, start
            )
            return frame

        return draw

    def compute_output_shape(self, hidden_shape: Any, frames_shape: Any = None) -> Any:
        """Returns the shape of the costs: that of `hidden` without its last axis."""
        return hidden_shape[:-1]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "keys": self.keys,
            "units": self.units,
            "order": self.order,
        }
