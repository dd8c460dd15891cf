"""Long short-term memory."""

from typing import Any

import keras
from keras import ops

from zoo.cells.dropout import WeightDropout, drop
from zoo.cells.gated import Gated
from zoo.cells.normalization import normalize
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class LSTMCell(Gated, WeightDropout, keras.layers.LSTMCell):
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

    `peephole=True` lets the gates see the memory cell too (Gers & Schmidhuber
    2000). The rows of `peephole_kernel` (3, n_a), which start at 0, are p_u, p_f
    and p_o:

    ```
    Γ_u  = σ(W_u[a<t-1>, x<t>] + p_u * c<t-1> + b_u)
    Γ_f  = σ(W_f[a<t-1>, x<t>] + p_f * c<t-1> + b_f)
    Γ_o  = σ(W_o[a<t-1>, x<t>] + p_o * c<t> + b_o)
    ```

    `layer_normalization=True` normalises what is added up (Ba et al. 2016): W x
    and W a, over all 4 n_a columns at once, with gains `kernel_gain` and
    `recurrent_gain` (4 n_a,), and c<t> with `memory_gain` and `memory_bias`
    (n_a,). Gains start at 1. The memory itself is kept as it is.

    ```
    W[a<t-1>, x<t>] + b   becomes   LN(W_a a<t-1>) + LN(W_x x<t>) + b
    a<t> = Γ_o * tanh(LN(c<t>) + b_m)
    ```

    The variants' weights come after those of the plain unit, in this order.

    Args:
        units: n_a, a positive integer.
        peephole: whether the gates see the memory.
        layer_normalization: whether sums and memory are normalised.
        recurrent_weight_dropout: rate in [0, 1) of the weights of a<t-1> in training,
            the same at all steps of a batch.
        **kwargs: the other arguments of `keras.layers.LSTMCell`.
    """

    gate_names = ("update", "forget", "output", "candidate", "memory")

    def __init__(
        self,
        units: int,
        *args: Any,
        peephole: bool = False,
        layer_normalization: bool = False,
        **kwargs: Any,
    ):
        super().__init__(units, *args, **kwargs)
        self.dropout_mask_count = None  # one mask for all gates: see `drop`
        self.peephole = peephole
        self.layer_normalization = layer_normalization

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""
        super().build(input_shape)
        if self.peephole:
            self.peephole_kernel = self.add_weight(
                shape=(3, self.units), name="peephole_kernel", initializer="zeros"
            )
        if self.layer_normalization:
            self.kernel_gain = self._gain("kernel_gain", 4 * self.units)
            self.recurrent_gain = self._gain("recurrent_gain", 4 * self.units)
            self.memory_gain = self._gain("memory_gain", self.units)
            self.memory_bias = None
            if self.use_bias:
                self.memory_bias = self.add_weight(
                    shape=(self.units,), name="memory_bias", initializer="zeros"
                )

    def _gain(self, name, size):
        return self.add_weight(shape=(size,), name=name, initializer="ones")

    def call(
        self,
        inputs: Tensor,
        states: Any,
        training: bool | None = False,
        return_gates: bool = False,
    ) -> Any:
        """Takes one step.

        Args:
            inputs: x<t>, (batch, n_x).
            states: a<t-1> and c<t-1>, each (batch, n_a).
            training: whether dropout is applied.
            return_gates: whether to return the gates too: see `gates`.

        Returns:
            a<t>, (batch, n_a), and the new states [a<t>, c<t>].
        """
        a, c = states
        x, a = drop(self, inputs, a, training)
        z_update, z_forget, z_candidate, z_output = self._sums(x, a, training)
        if self.peephole:
            p_update, p_forget, p_output = ops.unstack(
                ops.convert_to_tensor(self.peephole_kernel), 3
            )
            z_update = z_update + p_update * c
            z_forget = z_forget + p_forget * c
        update = self.recurrent_activation(z_update)
        forget = self.recurrent_activation(z_forget)
        candidate = self.activation(z_candidate)
        c = update * candidate + forget * c
        if self.peephole:
            z_output = z_output + p_output * c
        output = self.recurrent_activation(z_output)
        a = output * self.activation(self._normalized_memory(c))
        if return_gates:
            gates = (update, forget, output, candidate, c)
            return a, [a, c], dict(zip(self.gate_names, gates, strict=True))
        return a, [a, c]

    def _sums(self, x, a, training):
        """Returns W[a<t-1>, x<t>] + b for Γ_u, Γ_f, c̃ and Γ_o."""
        from_x = ops.matmul(x, self.kernel)
        from_a = ops.matmul(a, self.recurrent_weights(training))
        if self.layer_normalization:
            from_x = normalize(from_x, self.kernel_gain)
            from_a = normalize(from_a, self.recurrent_gain)
        z = from_x + from_a
        if self.use_bias:
            z = z + self.bias
        return ops.split(z, 4, axis=-1)

    def _normalized_memory(self, c):
        if not self.layer_normalization:
            return c
        c = normalize(c, self.memory_gain)
        return c + self.memory_bias if self.use_bias else c

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "peephole": self.peephole,
            "layer_normalization": self.layer_normalization,
        }
