"""The gated recurrent unit."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.cells.dropout import WeightDropout, drop
from zoo.cells.gated import Gated
from zoo.cells.normalization import normalize
from zoo.keras_private import layers_in
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class GRUCell(Gated, WeightDropout, keras.layers.GRUCell):
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

    `layer_normalization=True` normalises what is added up (Ba et al. 2016, whose
    unit is that with `reset_after`). In a sum `W[c<t-1>, x<t>] + b` of Γ_u and Γ_r,
    and of the simplified unit's c̃, the two products are normalised; the gates'
    columns together, the candidate's by themselves. The candidate becomes

    ```
    c̃ = tanh(LN(W_cc (Γ_r * c<t-1>)) + LN(W_cx x<t>) + b_c)
    c̃ = tanh(LN(W_cx x<t>) + b_c + Γ_r * (LN(W_cc c<t-1>) + b'_c))    reset_after
    ```

    The gains, `kernel_gain` and `recurrent_gain`, have the columns of the kernels,
    start at 1 and come after the plain unit's weights. The memory, which is the
    output, isn't normalised: the next step keeps it.

    Args:
        units: n_a, a positive integer.
        reset_after: whether Γ_r acts after the matrix product.
        relevance_gate: whether there is a Γ_r at all.
        layer_normalization: whether the sums are normalised.
        recurrent_weight_dropout: rate in [0, 1) of the weights of c<t-1> in training,
            the same at all steps of a batch.
        **kwargs: the other arguments of `keras.layers.GRUCell`.

    Raises:
        ValueError: `reset_after=True` without a relevance gate.
    """

    def __init__(
        self,
        units: int,
        *args: Any,
        reset_after: bool = False,
        relevance_gate: bool = True,
        layer_normalization: bool = False,
        **kwargs: Any,
    ):
        if reset_after and not relevance_gate:
            raise ValueError(
                "`reset_after=True` says where the relevance gate acts, but "
                "`relevance_gate=False` leaves it out. Choose one of the two."
            )
        super().__init__(units, *args, reset_after=reset_after, **kwargs)
        self.dropout_mask_count = None  # one mask for all gates: see `drop`
        self.relevance_gate = relevance_gate
        self.layer_normalization = layer_normalization

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The gates that can be read."""
        relevance = ("relevance",) if self.relevance_gate else ()
        return ("update", *relevance, "candidate", "memory")

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""
        if self.relevance_gate:
            super().build(input_shape)
        else:
            self._build_simplified(input_shape)
        if self.layer_normalization:
            columns = self.kernel.shape[-1:]
            self.kernel_gain = self.add_weight(
                shape=columns, name="kernel_gain", initializer="ones"
            )
            self.recurrent_gain = self.add_weight(
                shape=columns, name="recurrent_gain", initializer="ones"
            )

    def _build_simplified(self, input_shape):
        """Creates Keras' weights without the columns of r."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, 2 * self.units),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(2 * self.units,),
                name="bias",
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

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
            states: c<t-1>, (batch, n_a), alone or in a list.
            training: whether dropout is applied.
            return_gates: whether to return the gates too: see `gates`.

        Returns:
            c<t>, (batch, n_a), and the new state, in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        c = states[0] if nested else states
        x, c_dropped = drop(self, inputs, c, training)

        bias, recurrent_bias = self._biases()
        gates = 2 if self.relevance_gate else 1
        columns = gates * self.units
        x_gates, x_candidate = self._from_inputs(x, bias, columns)
        recurrent_kernel = self.recurrent_weights(training)
        from_c = ops.matmul(c_dropped, recurrent_kernel[:, :columns])
        from_c = self._normalized(from_c, "recurrent_gain")
        z = self.recurrent_activation(x_gates + from_c + recurrent_bias[:columns])
        update = 1 - z[:, : self.units]
        relevance = z[:, self.units :] if self.relevance_gate else 1

        seen = c_dropped if self.reset_after else relevance * c_dropped
        from_memory = ops.matmul(seen, recurrent_kernel[:, columns:])
        from_memory = self._normalized(from_memory, "recurrent_gain", columns)
        if self.reset_after:
            from_memory = relevance * (from_memory + recurrent_bias[columns:])
        candidate = self.activation(x_candidate + from_memory)

        c = update * candidate + (1 - update) * c
        states = [c] if nested else c
        if return_gates:
            read = {"update": update, "relevance": relevance}
            read |= {"candidate": candidate, "memory": c}
            return c, states, {name: read[name] for name in self.gate_names}
        return c, states

    def _from_inputs(self, x, bias, columns):
        """Returns W_x x<t> + b of the gates, the first `columns`, and of c̃."""
        product = ops.matmul(x, self.kernel)
        gates = self._normalized(product[:, :columns], "kernel_gain")
        candidate = self._normalized(product[:, columns:], "kernel_gain", columns)
        return gates + bias[:columns], candidate + bias[columns:]

    def _normalized(self, product, gain, start=0):
        """Normalises, if asked to, the columns of a product from `start` on."""
        if not self.layer_normalization:
            return product
        gain = ops.convert_to_tensor(getattr(self, gain))
        return normalize(product, gain[start : start + product.shape[-1]])

    def _biases(self):
        """Returns the biases b and b' of the inputs' and the state's product."""
        if not self.use_bias:
            zeros = ops.zeros(self.kernel.shape[-1:], dtype=self.compute_dtype)
            return zeros, zeros
        bias = ops.convert_to_tensor(self.bias)
        if self.reset_after:
            return bias[0], bias[1]
        return bias, ops.zeros_like(bias)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the weights, as `keras.layers.Layer` does."""
        check_reset_after(self, weights)
        super().set_weights(weights)

    def load_own_variables(self, store: Any) -> None:
        """Takes the weights from a file, as `keras.layers.Layer` does."""
        if len(store.keys()) == len(self.weights):
            check_reset_after(self, [store[f"{n}"] for n in range(len(self.weights))])
        super().load_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "relevance_gate": self.relevance_gate,
            "layer_normalization": self.layer_normalization,
        }


def check_reset_after(layer: keras.layers.Layer, values: Tensor) -> None:
    """Raises a ValueError if values are those of the other GRU, by `reset_after`.

    Args:
        layer: a layer or cell, with GRUs in it or not.
        values: arrays, one for each of its weights.
    """
    cells = [each for each in layers_in(layer) if isinstance(each, GRUCell)]
    by_bias = {id(cell.bias): cell for cell in cells if cell.built and cell.use_bias}
    for weight, value in zip(layer.weights, values, strict=False):
        cell = by_bias.get(id(weight))
        if cell is None:
            continue
        shapes = tuple(weight.shape), np.shape(value)
        columns = weight.shape[-1]
        if shapes in [((columns,), (2, columns)), ((2, columns), (columns,))]:
            raise ValueError(
                f"'{layer.name}' has a GRU with reset_after={cell.reset_after}, but "
                f"these weights are of one with reset_after={not cell.reset_after}: "
                f"a bias of shape {shapes[1]} where {shapes[0]} is needed. Make it by "
                f"GRU(…, reset_after={not cell.reset_after}). (Keras' default is True, "
                "here it is False, the textbook's unit.)"
            )
