"""The simple recurrent unit."""

import keras
from keras import ops

from zoo.cells.dropout import drop


@keras.saving.register_keras_serializable(package="zoo")
class SimpleRNNCell(keras.layers.SimpleRNNCell):
    """One step of a fully connected recurrent unit (Elman 1990).

    ```
    a<t> = g(W_aa a<t-1> + W_ax x<t> + b_a)
    ```

    with g = `activation`, tanh by default. Arguments, weights and their layout
    are those of `keras.layers.SimpleRNNCell`: `kernel` (n_x, n_a) is W_ax,
    `recurrent_kernel` (n_a, n_a) is W_aa, `bias` (n_a,).
    """

    def call(self, inputs, states, training=False):
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
        z = ops.matmul(x, self.kernel) + ops.matmul(a, self.recurrent_kernel)
        if self.use_bias:
            z = z + self.bias
        a = self.activation(z)
        return a, [a] if nested else a
