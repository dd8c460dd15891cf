"""The gated recurrent unit."""

import keras
from keras import ops

from zoo.cells.dropout import drop


@keras.saving.register_keras_serializable(package="zoo")
class GRUCell(keras.layers.GRUCell):
    """One step of a gated recurrent unit (Cho et al. 2014).

    The full unit, the default, whose state is its memory, a<t> = c<t>:

    ```
    Γ_u  = σ(W_u[c<t-1>, x<t>] + b_u)              update
    Γ_r  = σ(W_r[c<t-1>, x<t>] + b_r)              relevance
    c̃    = tanh(W_c[Γ_r * c<t-1>, x<t>] + b_c)     candidate
    c<t> = Γ_u * c̃ + (1 - Γ_u) * c<t-1>
    ```

    `reset_after=True` applies the relevance gate after the matrix product, as
    cuDNN and torch do, `c̃ = tanh(W_cx x<t> + b_c + Γ_r * (W_cc c<t-1> + b'_c))`.
    `relevance_gate=False` is the simplified unit, in which Γ_r = 1.

    σ is `recurrent_activation` and tanh `activation`. Arguments, weights and
    their layout are those of `keras.layers.GRUCell`, but for `reset_after`,
    which is false by default: the columns of `kernel` (n_x, 3 n_a),
    `recurrent_kernel` (n_a, 3 n_a) and `bias`, (3 n_a,) or with `reset_after`
    (2, 3 n_a), belong to z, r and c̃. Keras, like torch, stores the weights of
    z = 1 - Γ_u, the gate that *keeps*; since 1 - σ(v) = σ(-v) those are the
    weights of Γ_u with the opposite sign. The simplified unit has no r columns.

    Args:
        units: n_a, a positive integer.
        reset_after: whether Γ_r acts after the matrix product.
        relevance_gate: whether there is a Γ_r at all.
        **kwargs: the other arguments of `keras.layers.GRUCell`.

    Raises:
        ValueError: `reset_after=True` without a relevance gate.
    """

    def __init__(self, units, *args, reset_after=False, relevance_gate=True, **kwargs):
        if reset_after and not relevance_gate:
            raise ValueError(
                "`reset_after=True` says where the relevance gate acts, but "
                "`relevance_gate=False` leaves it out. Choose one of the two."
            )
        super().__init__(units, *args, reset_after=reset_after, **kwargs)
        self.dropout_mask_count = None  # one mask for all gates: see `drop`
        self.relevance_gate = relevance_gate

    def build(self, input_shape):
        """Creates the weights, for inputs of shape (batch, n_x)."""
        if self.relevance_gate:
            super().build(input_shape)
            return
        for name, shape in {
            "kernel": (input_shape[-1], 2 * self.units),
            "recurrent_kernel": (self.units, 2 * self.units),
            "bias": (2 * self.units,),
        }.items():
            role = name.removesuffix("_kernel")
            weight = None
            if name != "bias" or self.use_bias:
                weight = self.add_weight(
                    shape=shape,
                    name=name,
                    initializer=getattr(self, f"{role}_initializer"),
                    regularizer=getattr(self, f"{role}_regularizer"),
                    constraint=getattr(self, f"{role}_constraint"),
                )
            setattr(self, name, weight)

    def call(self, inputs, states, training=False):
        """Takes one step.

        Args:
            inputs: x<t>, (batch, n_x).
            states: c<t-1>, (batch, n_a), alone or in a list.
            training: whether dropout is applied.

        Returns:
            c<t>, (batch, n_a), and the new state, in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        c = states[0] if nested else states
        x, c_dropped = drop(self, inputs, c, training)

        bias, recurrent_bias = self._biases()
        from_x = ops.matmul(x, self.kernel) + bias
        gates = 2 if self.relevance_gate else 1
        gate_columns = gates * self.units
        from_c = ops.matmul(c_dropped, self.recurrent_kernel[:, :gate_columns])
        z = from_x[:, :gate_columns] + from_c + recurrent_bias[:gate_columns]
        z = self.recurrent_activation(z)
        update = 1 - z[:, : self.units]
        relevance = z[:, self.units :] if self.relevance_gate else 1

        candidate_kernel = self.recurrent_kernel[:, gate_columns:]
        if self.reset_after:
            from_memory = ops.matmul(c_dropped, candidate_kernel)
            from_memory = relevance * (from_memory + recurrent_bias[gate_columns:])
        else:
            from_memory = ops.matmul(relevance * c_dropped, candidate_kernel)
        candidate = self.activation(from_x[:, gate_columns:] + from_memory)

        c = update * candidate + (1 - update) * c
        return c, [c] if nested else c

    def _biases(self):
        """Returns the biases b and b' of the inputs' and the state's product."""
        if not self.use_bias:
            zeros = ops.zeros(self.kernel.shape[-1:], dtype=self.compute_dtype)
            return zeros, zeros
        bias = ops.convert_to_tensor(self.bias)
        if self.reset_after:
            return bias[0], bias[1]
        return bias, ops.zeros_like(bias)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "relevance_gate": self.relevance_gate}
