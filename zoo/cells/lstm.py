"""Long short-term memory."""

import keras
from keras import ops

from zoo.cells.dropout import drop


@keras.saving.register_keras_serializable(package="zoo")
class LSTMCell(keras.layers.LSTMCell):
    """One step of long short-term memory (Hochreiter & Schmidhuber 1997).

    ```
    Γ_u  = σ(W_u[a<t-1>, x<t>] + b_u)        update
    Γ_f  = σ(W_f[a<t-1>, x<t>] + b_f)        forget (Gers et al. 2000)
    c̃    = tanh(W_c[a<t-1>, x<t>] + b_c)     candidate
    Γ_o  = σ(W_o[a<t-1>, x<t>] + b_o)        output
    c<t> = Γ_u * c̃ + Γ_f * c<t-1>
    a<t> = Γ_o * tanh(c<t>)
    ```

    with σ = `recurrent_activation` and tanh = `activation`. Arguments, weights
    and their layout are those of `keras.layers.LSTMCell`: the columns of
    `kernel` (n_x, 4 n_a), `recurrent_kernel` (n_a, 4 n_a) and `bias` (4 n_a,)
    belong to Γ_u, Γ_f, c̃ and Γ_o, in this order (Keras calls them i, f, c, o).
    The forget gate's bias starts at 1 (`unit_forget_bias`).
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dropout_mask_count = None  # one mask for all gates: see `drop`

    def call(self, inputs, states, training=False):
        """Takes one step.

        Args:
            inputs: x<t>, (batch, n_x).
            states: a<t-1> and c<t-1>, each (batch, n_a).
            training: whether dropout is applied.

        Returns:
            a<t>, (batch, n_a), and the new states [a<t>, c<t>].
        """
        a, c = states
        x, a = drop(self, inputs, a, training)
        z = ops.matmul(x, self.kernel) + ops.matmul(a, self.recurrent_kernel)
        if self.use_bias:
            z = z + self.bias
        z_update, z_forget, z_candidate, z_output = ops.split(z, 4, axis=-1)
        update = self.recurrent_activation(z_update)
        forget = self.recurrent_activation(z_forget)
        candidate = self.activation(z_candidate)
        output = self.recurrent_activation(z_output)
        c = update * candidate + forget * c
        a = output * self.activation(c)
        return a, [a, c]
