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
        state: (batch, n) for each of the model's `state_specs`.

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
        self._cache, self._split_state = model.cache, model.split_state
        table = tf.convert_to_tensor(model.output_embedding.embeddings)
        self._output_kernel = self._steps.turn(tf.transpose(table))
        self._offsets = model.softmax.offsets()

    def __call__(self, ids, state):
        """Takes one step."""
        recurrent, cached = self._split_state(state)
        a, recurrent = self._recur(ids, recurrent)
        hidden = self._project(a)
        logits = tf.cast(hidden, tf.float32)
        logits = self._steps.times(logits, self._output_kernel) + self._offsets
        if self._cache:
            logits, cached = self._cache.step(hidden, ids, logits, cached)
        return logits, [*recurrent, *cached]

    def _recur(self, ids, state):
        """Returns the last layer's output, (batch, n_a), and the layers' new state."""
        z = tf.gather(self._table, ids)
        return self._steps(z, state, is_product=self._is_product)

    def read(self, ids, mask, state):
        """Takes a step for each token of texts, without looking at what follows.

        Args:
            ids: int32 (batch, steps).
            mask: bool (batch, steps), false after a text's end: there a step changes
                nothing.
            state: the state before the first step.

        Returns:
            The state after the last step.
        """
        recurrent, cached = self._split_state(state)
        # One step at least: an empty array of outputs would have no shape.
        ids, valid = tf.pad(ids, [[0, 0], [0, 1]]), tf.pad(mask, [[0, 0], [0, 1]])
        steps = tf.shape(ids)[1]

        def go_on(t, state, outputs):
            a, new = self._recur(ids[:, t], state)
            if self._cache:
                outputs = outputs.write(t, a)
            chosen = valid[:, t, None]
            return (
                t + 1,
                [tf.where(chosen, n, o) for n, o in zip(new, state, strict=True)],
                outputs,
            )

        outputs = tf.TensorArray(
            recurrent[0].dtype, steps, element_shape=[None, recurrent[-1].shape[-1]]
        )
        _, recurrent, outputs = tf.while_loop(
            lambda t, *_: t < steps, go_on, (0, recurrent, outputs)
        )
        if self._cache:
            hidden = self._project(tf.transpose(outputs.stack(), [1, 0, 2]))
            lengths = tf.math.count_nonzero(mask, axis=1, dtype=tf.int32)
            cached = self._cache.remember(hidden, ids, cached, lengths)
        return [*recurrent, *cached]
