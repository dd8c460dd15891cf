"""What the units have in common whose state no matrix multiplies."""

from typing import Any

import keras
from keras import ops

from zoo.cells.arguments import check_rate, positive_integer
from zoo.cells.gated import Gated
from zoo.keras_private import DropoutRNNCell
from zoo.typing import Tensor


class ElementwiseCell(Gated, keras.layers.Layer, DropoutRNNCell):
    """A cell with an element-wise recurrence, `h<t> = A<t> * h<t-1> + B<t>`.

    Each unit sees its own last state alone, so that what the inputs give is one matrix
    product over the whole sequence, `kernel`, and the rest is element-wise.

    Args:
        units: n_a, a positive integer.
        use_bias: whether the gates have biases.
        kernel_initializer: of `kernel`.
        bias_initializer: of `bias`.
        kernel_regularizer: of `kernel`.
        bias_regularizer: of `bias`.
        kernel_constraint: of `kernel`.
        bias_constraint: of `bias`.
        dropout: rate in [0, 1) of the inputs in training, the same at all steps.
        seed: an integer for the dropout to be repeatable.
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `units` is not positive, or `dropout` is out of range.
    """

    # There are no recurrent weights to drop, and a dropped state would be a lost one.
    recurrent_dropout = 0.0
    recurrent_weight_dropout = 0.0

    @property
    def state_dtype(self) -> str:
        """The dtype in which a layer carries states from step to step."""
        return self.compute_dtype

    def __init__(
        self,
        units: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        units = positive_integer("units", units)
        check_rate("dropout", dropout)
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def state_size(self) -> Any:
        """The size of the state."""
        return self.units

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Returns the states before the first step, zeros."""
        return [
            ops.zeros((batch_size, size), dtype=self.compute_dtype)
            for size in keras.tree.flatten(self.state_size)
        ]

    def _add_kernel(self, inputs, blocks, biases, bias_initializer=None):
        """Creates `kernel`, (n_x, blocks · n_a), and `bias`, (biases · n_a,)."""
        self.kernel = self.add_weight(
            shape=(inputs, blocks * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(biases * self.units,),
                name="bias",
                initializer=bias_initializer or self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _dropped(self, x: Tensor, training: bool | None) -> Any:
        """Returns a step's input, parts of it dropped in training."""
        if training and self.dropout > 0:
            return x * self.get_dropout_mask(x)
        return x

    def _sums(self, x: Tensor) -> list:
        """Returns W x<t> + b, a tensor for each block of columns."""
        z = ops.matmul(x, ops.cast(self.kernel, self.compute_dtype))
        parts = ops.split(z, z.shape[-1] // self.units, axis=-1)
        if not self.use_bias:
            return parts
        bias = ops.cast(self.bias, self.compute_dtype)
        biases = ops.split(bias, bias.shape[-1] // self.units)
        sums = [part + bias for part, bias in zip(parts, biases, strict=False)]
        return [*sums, *parts[len(biases) :]]

    def _result(self, output, states, nested, gates, return_gates):
        """Returns what a step does: output and states, and its gates if asked for."""
        states = states if nested else states[0]
        if not return_gates:
            return output, states
        return output, states, {name: gates[name] for name in self.gate_names}

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "seed": self.seed,
        }


def positive_part(v: Tensor) -> Any:
    """Returns g(v), v + 0.5 for v ≥ 0 and σ(v) below, which is above 0 everywhere."""
    return ops.where(v >= 0, v + 0.5, ops.sigmoid(v))
