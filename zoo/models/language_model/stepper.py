"""A language model one token at a time, for loops of many steps."""

import tensorflow as tf

from zoo.layers import fused
from zoo.models.recurrent_steps import RecurrentSteps

# A table with more numbers than this costs more to make than a text saves.
_LARGEST_TABLE = 2**22


class Stepper:
    """Takes a language model's step, with all prepared that is the same at each.

    ```
    z<t>    = T w<t>,   T = E W_x + b         the embedding times the kernel, a table
    a[1]<t> = step(z<t>, a[1]<t-1>)           the kernels' step, its weights split once
    ```

    It is the model's as the weights are when it is made: make one for each generation,
    outside of the loop. Many tokens' table would cost more than it saves; they are
    embedded, then multiplied.

    Args:
        model: a `zoo.models.LanguageModel`.
        compiled: whether XLA is to compile the loop: see `RecurrentSteps`.

    Call arguments:
        ids: int32, (batch,).
        state: a list of (batch, n_a), all layers' states.

    Returns:
        logits, float32 (batch, V), and the new state.
    """

    def __init__(self, model, compiled: bool = False):
        self._steps = RecurrentSteps(model.recurrent.layers, compiled)
        _, kernel, bias, _ = fused.recurrence(model.recurrent.layers[0])
        self._table = tf.cast(model.embedding.embeddings, kernel.dtype)
        self._is_product = len(model.vocabulary) * kernel.shape[1] <= _LARGEST_TABLE
        if self._is_product:
            self._table = tf.matmul(self._table, kernel) + bias
        self._project = model.projected
        table = tf.convert_to_tensor(model.output_embedding.embeddings)
        self._output_kernel = self._steps.turn(tf.transpose(table))
        self._offsets = model.softmax.offsets()

    def __call__(self, ids, state):
        """Takes one step."""
        a, state = self._recur(ids, state)
        hidden = tf.cast(self._project(a), tf.float32)
        return self._steps.times(hidden, self._output_kernel) + self._offsets, state

    def _recur(self, ids, state):
        """Returns the last layer's output, (batch, n_a), and the new state."""
        z = tf.gather(self._table, ids)
        return self._steps(z, state, is_product=self._is_product)

    def read(self, ids, mask, state):
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
