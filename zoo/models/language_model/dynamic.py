"""Dynamic evaluation: a language model that learns from what it reads."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.layers.precision import full_precision
from zoo.models.language_model import scoring
from zoo.models.text_inputs import Texts, text_batch
from zoo.text.vocabulary import PADDING_ID

# Of the mean squares of the gradients: how much of them stays with each window, and
# what keeps the division from zero.
_STAYS, _EPSILON = 0.999, 1e-5


class DynamicEvaluation:
    """Measures texts by a model that goes on learning from them while it reads.

    Behind each window of a text, whose log P is then known and stays as it is, the
    weights θ take a step that makes it more probable, and go back a little to those
    that were trained, θ₀: so what recurs in a text becomes more probable in its course.

    ```
    g = ∇ mean -log P(window),   v ← β v + (1 - β) g²,   v̂ = v / (1 - βᵏ)
    θ ← θ - η g / (√v̂ + ε) + λ (θ₀ - θ)
    ```

    That is dynamic evaluation (Mikolov et al. 2010) as Krause et al. 2018 have it ("RMS
    with decay"), but that v is the mean over what was read until now, k windows, not
    over the training data. β is 0.999, ε 1e-5.

    It changes the model's own weights that are trainable, and gives them back in the
    end. θ₀ is what they are when it is made: make no second one of the same model
    within the first one's `with`.

    ```python
    with DynamicEvaluation(model) as reader:
        print(reader.score("A long text."))
    ```

    Args:
        model: a `zoo.models.LanguageModel`.
        rate: η, the step size.
        decay: λ, in [0, 1): how much of what was learned each step forgets.
        window: tokens that are read between two steps.

    Raises:
        ValueError: a number is out of its range, or no weight is trainable.
    """

    def __init__(
        self, model: Any, rate: float = 5e-4, decay: float = 2e-3, window: int = 20
    ):
        if not 0 < rate < np.inf:
            raise ValueError(f"rate must be above 0, and finite, found {rate}.")
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), found {decay}.")
        if window < 1:
            raise ValueError(f"window must be 1 or more, found {window}.")
        self._model = model
        self._rate, self._decay, self._window = rate, decay, window
        self._weights = [weight.value for weight in model.trainable_variables]
        if not self._weights:
            raise ValueError(
                "The model has no trainable weights, and so can't learn from what it "
                "reads: set model.trainable = True."
            )
        self._trained = [tf.identity(weight) for weight in self._weights]
        # In float32 at least: half precision would lose a thousandth of v.
        self._squares = [
            tf.Variable(tf.zeros(t.shape, full_precision(t.dtype.name)))
            for t in self._trained
        ]
        self._steps = tf.Variable(0.0)
        self._learned = tf.function(self._learn, reduce_retracing=True, autograph=False)

    def __enter__(self) -> "DynamicEvaluation":
        return self

    def __exit__(self, *error: object) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets all that was learned: the weights are those that were trained."""
        for weight, trained in zip(self._weights, self._trained, strict=True):
            weight.assign(trained)
        for square in self._squares:
            square.assign(tf.zeros_like(square))
        self._steps.assign(0.0)

    def score(self, texts: Texts) -> dict[str, tf.Tensor]:
        """Says how probable texts are: see `LanguageModel.score`.

        What is learned from one text is forgotten before the next one, so that no
        answer depends on other texts; and so is, before the first one, what `nats` had
        learned. The weights are those that were trained afterwards, whatever happens.
        It goes on from window to window, and can't be part of a graph.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            What `LanguageModel.score` returns.

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: `texts` is nested.
        """
        texts = text_batch(texts)
        written, ids = self._model.language.tokens_and_ids(texts)
        ids = self._model.ended(ids)
        logs = []
        try:
            for row in ids:
                self.reset()
                logs.append(self._log_probabilities(row))
        finally:
            self.reset()
        values = tf.concat([*logs, tf.zeros([0])], axis=0)
        logs = ids.with_values(values)
        return scoring.described(self._model, texts, written, ids, logs)

    def nats(
        self, inputs: tf.Tensor, targets: tf.Tensor, state: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Says what the tokens of a window cost, and then learns from them.

        Args:
            inputs: y<t-1>, int32 (batch, steps).
            targets: y<t>, the same, 0 at padding.
            state: what an earlier call returned, or `initial_state` of the model.

        Returns:
            -log P, float32 (batch, steps), 0 at padding, and the state after it.
        """
        return self._learned(inputs, targets, list(state))

    def _log_probabilities(self, ids):
        """Returns log P of each of a text's tokens, float32 (tokens,)."""
        window = self._window
        count = len(ids)
        targets = tf.pad(ids, [[0, -count % window]])[None]
        inputs = self._model.inputs(targets)
        state, found = self._model.initial_state(1), []
        for start in range(0, count, window):
            place = slice(start, start + window)
            nats, state = self.nats(inputs[:, place], targets[:, place], state)
            found.append(-nats[0])
        return tf.concat([*found, tf.zeros([0])], axis=0)[:count]

    def _learn(self, inputs, targets, state):
        valid = targets != PADDING_ID
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._weights)
            logits, state = self._model.predict_tokens(inputs, state)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            nats = tf.where(valid, nats, 0.0)
            count = tf.cast(tf.math.count_nonzero(valid), tf.float32)
            mean = tf.math.divide_no_nan(tf.reduce_sum(nats), count)
        gradients = tape.gradient(mean, self._weights, unconnected_gradients="zero")
        self._steps.assign_add(1.0)
        unbiased = 1 - _STAYS**self._steps
        parts = self._weights, gradients, self._squares, self._trained
        for weight, gradient, square, trained in zip(*parts, strict=True):
            gradient = tf.cast(tf.convert_to_tensor(gradient), square.dtype)
            square.assign(_STAYS * square + (1 - _STAYS) * gradient**2)
            spread = tf.sqrt(square / tf.cast(unbiased, square.dtype))
            step = gradient / (spread + _EPSILON)
            back = tf.cast(trained - weight, square.dtype)
            step = self._rate * step - self._decay * back
            weight.assign_sub(tf.cast(step, weight.dtype))
        return nats, state
