"""A language model one token at a time, for loops of many steps."""

from typing import Any

import tensorflow as tf

from zoo.layers.stepping import Product, stepper
from zoo.typing import Tensor


class Stepper:
    """Takes a language model's step, with all prepared that is the same at each.

    It is the model's as the weights are when it is made: make one for each generation,
    outside of the loop. See `zoo.layers.stepper`.

    Args:
        model: a `zoo.models.LanguageModel`.
        compiled: whether XLA is to compile the loop.

    Call arguments:
        ids: int32, (batch,).
        state: a list of (batch, n_a), all layers' states.

    Returns:
        logits, float32 (batch, V), and the new state.
    """

    def __init__(self, model: Any, compiled: bool = False):
        embeddings = model.embedding.embeddings
        self._recur = stepper(model.recurrent, table=embeddings, compiled=compiled)
        self._project = model.projected
        # In float32, as the softmax, whatever the embedding is in.
        table = tf.cast(model.output_embedding.embeddings, tf.float32)
        self._product = Product(tf.transpose(table), compiled)
        self._offsets = model.softmax.offsets()

    def __call__(self, ids: Tensor, state: Any) -> Any:
        """Takes one step."""
        a, state = self._recur(ids, state)
        hidden = tf.cast(self._project(a), tf.float32)
        return self._product(hidden) + self._offsets, state

    def read(self, ids: Tensor, mask: Tensor | None, state: Any) -> Any:
        """Takes a step for each token of texts, without looking at what follows.

        Args:
            ids: int32 (batch, steps).
            mask: bool (batch, steps); where it is false a step changes nothing.
            state: the state before the first step.

        Returns:
            The state after the last step.
        """

        def go_on(t, state):
            _, new = self._recur(ids[:, t], state)
            valid = mask[:, t, None]
            return t + 1, [
                tf.where(valid, n, o) for n, o in zip(new, state, strict=True)
            ]

        steps = tf.shape(ids)[1]
        _, state = tf.while_loop(lambda t, _: t < steps, go_on, (0, list(state)))
        return state
