"""The simple recurrent unit."""

from typing import Any

import keras
from keras import ops

from zoo.cells.dropout import WeightDropout, drop
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class SimpleRNNCell(WeightDropout, keras.layers.SimpleRNNCell):
    """One step of a fully connected recurrent unit (Elman 1990).

    ```
    a<t> = g(W_aa a<t-1> + W_ax x<t> + b_a)
    ```

    with g = `activation`, tanh by default. Arguments, weights and their layout
    are those of `keras.layers.SimpleRNNCell`: `kernel` (n_x, n_a) is W_ax,
    `recurrent_kernel` (n_a, n_a) is W_aa, `bias` (n_a,).

    Args:
        units: n_a, a positive integer.
        recurrent_weight_dropout: rate in [0, 1) of the weights W_aa in training, the
            same at all steps of a batch.
        **kwargs: the other arguments of `keras.layers.SimpleRNNCell`.
    """

    def call(self, inputs: Tensor, states: Any, training: bool | None = False) -> Any:
        """Takes one step.

        Args:
            inputs: x<t>, (batch, n_x).
            states: a<t-1>, (batch, n_a), alone or in a list.
            training: whether dropout is applied.

        Returns:
            a<t>, (batch, n_a), and the new state, in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        x, a = drop(self, inputs, states[0] if nested else states, training)
        z = ops.matmul(x, self.kernel) + ops.matmul(a, self.recurrent_weights(training))
        if self.use_bias:
            z = z + self.bias
        a = self.activation(z)
        return a, [a] if nested else a
