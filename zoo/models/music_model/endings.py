"""How a piece ends: three ways to give each length a probability.

An ending is a layer. Beside its own, it has the attributes

- `steps_after`: how many more steps than frames it looks at;
- `features`: how many inputs it adds to each step;

and the methods `nats`, what the ending of given pieces costs; `draw`, whether a piece
that is being generated ends here; and `inputs` and `draw_lengths` where it has any
features.

Hidden states h<t> are those that predict frame t: they know of frames 1..t-1.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.decoding import Categorical
from zoo.layers.bernoulli_output import is_drawn
from zoo.typing import Tensor

# A length is drawn from this many, beginning with the least that is possible.
_LENGTHS = 2**14


class _Decision(keras.layers.Layer):
    """At each step the piece ends, or it doesn't.

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.
    """

    features = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1, dtype=self.dtype_policy, name="dense")

    def nats(self, hidden, frames, lengths):
        """Returns -log P of ending where the pieces do, and not before.

        Args:
            hidden: h, float (batch, steps + `steps_after`, n).
            frames: float (batch, steps, keys).
            lengths: int32 (batch,).

        Returns:
            float (batch,).
        """
        logits = self.logits(hidden, frames)
        last = lengths[:, None] + self.steps_after - 1
        places = tf.range(tf.shape(logits)[1])
        ends = tf.cast(places == last, logits.dtype)
        costs = tf.nn.sigmoid_cross_entropy_with_logits(ends, logits)
        return tf.reduce_sum(tf.where(places <= last, costs, 0.0), axis=1)

    def draw(self, hidden, frames, remaining, points, temperature):
        """Says whether pieces end at this step.

        Args:
            hidden: h<t>, float (batch, n).
            frames: what was drawn at this step, float (batch, keys).
            remaining: unused: nobody knows how long a piece will be.
            points: (batch,), uniform in [0, 1).
            temperature: of `zoo.layers.bernoulli_output.is_drawn`.

        Returns:
            bool (batch,).
        """
        logits = self.logits(hidden, frames)[:, None]
        return is_drawn(logits, points[:, None], temperature)[:, 0]


@keras.saving.register_keras_serializable(package="zoo")
class EndSymbol(_Decision):
    """A frame `<EOS>`, that comes after a piece's last one.

    ```
    P(y<t> = <EOS> | y<1..t-1>) = σ(w h<t> + b),   else y<t> is a frame of notes
    ```

    It is one more unit of each frame, the first that is decided: where it is on, no
    key sounds. A piece may be empty.
    """

    steps_after = 1

    def build(self, hidden_shape: Any, frames_shape: Any = None) -> None:
        """Creates w and b."""
        self.dense.build(hidden_shape)

    def logits(self, hidden: Tensor, frames: Tensor) -> Any:
        """Returns the logits of `<EOS>`, (batch, steps)."""
        return self.dense(hidden)[..., 0]


@keras.saving.register_keras_serializable(package="zoo")
class Halt(_Decision):
    """An output "stop now" beside each frame.

    ```
    P(T = t | y<1..t>, T ≥ t) = σ(w [h<t>, y<t>] + b)
    ```

    It sees the frame that it is drawn with. A piece has one frame at least.
    """

    steps_after = 0

    def build(self, hidden_shape: Any, frames_shape: Any) -> None:
        """Creates w and b."""
        self.dense.build((*hidden_shape[:-1], hidden_shape[-1] + frames_shape[-1]))

    def logits(self, hidden: Tensor, frames: Tensor) -> Any:
        """Returns the logits of stopping, (batch, steps)."""
        frames = tf.cast(frames, hidden.dtype)
        return self.dense(tf.concat([hidden, frames], axis=-1))[..., 0]


@keras.saving.register_keras_serializable(package="zoo")
class PredictedLength(keras.layers.Layer):
    """The length comes first, then the piece: P(x, T) = P(T) P(x | T).

    ```
    P(T) = Γ(n + r) / (Γ(r) n!) · (r / (r + μ))^r · (μ / (r + μ))^n,   n = T - 1
    ```

    That is the negative binomial distribution of mean μ and variance μ + μ²/r;
    `adapt` finds μ and r. Each step knows how many frames are left after its own:
    its inputs are log(1 + T - t) and 1 / (1 + T - t). A piece has one frame at least.

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.
    """

    steps_after = 0
    features = 2

    def build(self, hidden_shape: Any = None, frames_shape: Any = None) -> None:
        """Creates μ and r; before `adapt`, pieces have 64 frames on the average."""
        self.mean = self._number("mean", 63.0)
        self.shape = self._number("shape", 1.0)

    def _number(self, name, value):
        initializer = keras.initializers.Constant(value)
        return self.add_weight(
            name=name, shape=(), initializer=initializer, trainable=False
        )

    def adapt(self, lengths: Sequence[int]) -> None:
        """Sets μ and r to fit the lengths of training's pieces, by their moments.

        Lengths that vary less than a Poisson distribution would get one.

        Args:
            lengths: T of each piece, integers, at least 1.

        Raises:
            ValueError: there are none, or one is below 1.
        """
        found = np.asarray(lengths, "float64")
        if not found.size or found.min() < 1:
            raise ValueError(
                "A distribution of lengths takes those of some pieces of at least one "
                f"frame each, found {found.astype(int).tolist()[:10]}."
            )
        # Of a mean of 0 there would be no logarithm.
        mean = max(found.mean() - 1, 1e-3)
        beyond = max(found.var() - mean, mean**2 * 1e-6)
        self.mean.assign(mean)
        self.shape.assign(mean**2 / beyond)

    def log_probability(self, lengths: Tensor) -> Any:
        """Returns log P(T), float64, of int32 lengths ≥ 1 of any shape."""
        mean, shape = (tf.cast(each, tf.float64) for each in (self.mean, self.shape))
        n = tf.cast(lengths - 1, tf.float64)
        ways = tf.math.lgamma(n + shape) - tf.math.lgamma(shape) - tf.math.lgamma(n + 1)
        whole = tf.math.log(shape + mean)
        return (
            ways
            + shape * (tf.math.log(shape) - whole)
            + n * (tf.math.log(mean) - whole)
        )

    def inputs(self, remaining: Tensor) -> Any:
        """Returns a step's two inputs, float (…, 2).

        Args:
            remaining: T - t, int32 (…); below 0, at padding, it counts as 0.
        """
        remaining = tf.cast(tf.maximum(remaining, 0), self.compute_dtype)
        return tf.stack([tf.math.log1p(remaining), 1 / (1 + remaining)], axis=-1)

    def nats(self, hidden: Tensor, frames: Tensor, lengths: Tensor) -> Any:
        """Returns -log P(T), float (batch,), 0 for a piece without frames."""
        nats = -self.log_probability(tf.maximum(lengths, 1))
        return tf.where(lengths > 0, tf.cast(nats, hidden.dtype), 0.0)

    def draw(
        self,
        hidden: Tensor,
        frames: Tensor,
        remaining: Tensor,
        points: Tensor,
        temperature: Tensor | float,
    ) -> Any:
        """Says whether pieces end, bool (batch,): whether `remaining` is 0."""
        return remaining <= 0

    def draw_lengths(
        self, rows: Tensor, beyond: Any, seed: Any, temperature: Tensor | float
    ) -> Any:
        """Draws lengths from P(T | T > beyond), among the first 16 384 of them.

        Args:
            rows: how many, int32 scalar.
            beyond: int32 scalar.
            seed: int64 (2,).
            temperature: of `zoo.decoding.Categorical`.

        Returns:
            int32 (rows,).
        """
        least = beyond + 1
        logits = self.log_probability(least + tf.range(_LENGTHS))
        logits = tf.repeat(logits[None] - tf.reduce_max(logits), rows, axis=0)
        return least + Categorical(temperature)(logits, seed)


BY_NAME = {"eos": EndSymbol, "halt": Halt, "length": PredictedLength}
"""The endings by the names that a model's `ending` takes."""
