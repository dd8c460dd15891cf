"""A cell whose step is itself a deep network."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from zoo.cells.wrapping import state_dtype
from zoo.keras_private import DropoutRNNCell, takes_training
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class DeepTransitionCell(keras.layers.Layer, DropoutRNNCell):
    """Puts multilayer perceptrons into a cell's step (Pascanu et al. 2014).

    ```
    x'<t>         = g(W_k … g(W_1 x<t> + b_1) … + b_k)              input_units
    a'<t-1>       = V g(U_k … g(U_1 a<t-1> + d_1) … + d_k) + d      transition_units
    o<t>, a<t>, … = cell(x'<t>, a'<t-1>, …)
    y<t>          = g(O_k … g(O_1 o<t> + e_1) … + e_k)              output_units
    ```

    The first is deep from input to hidden, the second from hidden to hidden, the
    third from hidden to output; each is left out where it has no units. The cell's
    own W_ax and W_aa come after them, so that k hidden layers more lie between
    x<t>, or a<t-1>, and a<t>. A memory c beside a goes into the cell unchanged.

    With `skip` each path has a shortcut around its hidden layers, v' = MLP(v) + S v,
    where S is the identity if the sizes are equal and else a learned matrix. A path
    from hidden to hidden grows longer with every layer; this shortens it again. It
    is also what to use around a GRU, whose state is its memory: without it the
    memory itself goes through the perceptron at every step.

    Args:
        cell: a recurrent cell with a state a, and any states beside it.
        input_units: sizes of the hidden layers between x<t> and the cell, a list.
        transition_units: sizes of those between a<t-1> and the cell. V brings the
            last to a's size.
        output_units: sizes of those after the cell; the last is that of y<t>.
        activation: g.
        skip: whether the paths have shortcuts.
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `cell` is no cell with a state a, there is nothing to deepen, or
            sizes are no list.
    """

    def __init__(
        self,
        cell: Any,
        input_units: Sequence[int] = (),
        transition_units: Sequence[int] = (),
        output_units: Sequence[int] = (),
        activation: str = "tanh",
        skip: bool = False,
        **kwargs: Any,
    ):
        sizes = _sizes(cell)
        for name, given in (
            ("input_units", input_units),
            ("transition_units", transition_units),
            ("output_units", output_units),
        ):
            if not isinstance(given, Iterable):
                raise ValueError(
                    f"`{name}` is a list of sizes, one for each hidden layer: "
                    f"[{given}]. Found: {given!r}."
                )
        if not any([input_units, transition_units, output_units]):
            raise ValueError(
                "DeepTransitionCell needs hidden layers to be deep. Give sizes as "
                "`input_units`, `transition_units` or `output_units`."
            )
        kwargs.setdefault("dtype", cell.dtype_policy)
        super().__init__(**kwargs)
        self.cell = cell
        self.input_units = tuple(input_units)
        self.transition_units = tuple(transition_units)
        self.output_units = tuple(output_units)
        self.activation = keras.activations.get(activation)
        self.skip = skip
        # It would make a state as short as the inputs that the cell keeps longer.
        self.autocast = self.state_dtype == self.compute_dtype

        self.input_path = self._make_path(self.input_units, "input_path")
        self.output_path = self._make_path(self.output_units, "output_path")
        self.transition_path = self._make_path(
            self.transition_units, "transition_path", back_to=sizes[0]
        )

    def _make_path(self, units, name, back_to=None):
        if not units:
            return None
        return _Path(
            units,
            self.activation,
            self.skip,
            back_to,
            name=name,
            dtype=self.dtype_policy,
        )

    @property
    def state_dtype(self) -> str:
        """The dtype in which a layer carries the cell's states from step to step."""
        return state_dtype(self.cell)

    @property
    def shows_state(self) -> bool:
        """Whether the output is the state, if not as the same tensor."""
        return not self.output_units and getattr(self.cell, "shows_state", False)

    @property
    def state_size(self) -> Any:
        """The sizes of the cell's states."""
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        """The size of y<t>."""
        if self.output_units:
            return self.output_units[-1]
        size = getattr(self.cell, "output_size", None)
        return _sizes(self.cell)[0] if size is None else size

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The gates of the cell that can be read."""
        return getattr(self.cell, "gate_names", ())

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Returns the cell's state before the first step."""
        if hasattr(self.cell, "get_initial_state"):
            return self.cell.get_initial_state(batch_size=batch_size)
        return [
            ops.zeros((batch_size, size), dtype=self.cell.compute_dtype)
            for size in _sizes(self.cell)
        ]

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""
        batch, features = input_shape[0], input_shape[-1]
        if self.input_path:
            self.input_path.build((batch, features))
            features = self.input_units[-1]
        if not self.cell.built:
            self.cell.build((batch, features))
        if self.transition_path:
            self.transition_path.build((batch, _sizes(self.cell)[0]))
        if self.output_path:
            size = getattr(self.cell, "output_size", None) or _sizes(self.cell)[0]
            self.output_path.build((batch, size))

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
            states: the cell's states of t-1, a first.
            training: whether the cell's dropout is applied.
            return_gates: whether the cell's gates are returned too, if it has any.

        Returns:
            y<t>, (batch, n_y), and the cell's new states, in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        a, *others = states if nested else [states]
        if self.transition_path:
            a = ops.cast(self.transition_path(a), a.dtype)
        inputs = ops.cast(inputs, self.compute_dtype)
        arguments: dict[str, Any] = {"return_gates": True} if return_gates else {}
        if takes_training(self.cell):
            arguments["training"] = training
        output, new, *gates = self.cell(
            self._deep_inputs(inputs), [a, *others] if nested else a, **arguments
        )
        if self.output_path:
            output = self.output_path(output)
        return output, new, *gates

    def _deep_inputs(self, inputs):
        return self.input_path(inputs) if self.input_path else inputs

    def get_dropout_mask(self, step_input: Tensor) -> None:
        """Has the cell draw the mask of its inputs, x'<t>."""
        if isinstance(self.cell, DropoutRNNCell):
            self.cell.get_dropout_mask(self._deep_inputs(step_input))

    def get_recurrent_dropout_mask(self, step_input: Tensor) -> None:
        """Has the cell draw the mask of its state."""
        if isinstance(self.cell, DropoutRNNCell):
            self.cell.get_recurrent_dropout_mask(step_input)

    def reset_dropout_mask(self) -> None:
        """Has the cell forget the mask of its inputs."""
        if isinstance(self.cell, DropoutRNNCell):
            self.cell.reset_dropout_mask()

    def reset_recurrent_dropout_mask(self) -> None:
        """Has the cell forget the mask of its state."""
        if isinstance(self.cell, DropoutRNNCell):
            self.cell.reset_recurrent_dropout_mask()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "input_units": list(self.input_units),
            "transition_units": list(self.transition_units),
            "output_units": list(self.output_units),
            "activation": keras.activations.serialize(self.activation),
            "skip": self.skip,
        }

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes the cell, and the cell in it, from its arguments."""
        config = dict(config)
        cell = keras.saving.deserialize_keras_object(
            config.pop("cell"), custom_objects=custom_objects
        )
        return cls(cell, **config)


class _Path(keras.layers.Layer):
    """A perceptron, with a shortcut around it if asked for."""

    def __init__(self, units, activation, skip, back_to, **kwargs):
        super().__init__(**kwargs)
        arguments = {"dtype": self.dtype_policy}
        self.hidden = [
            keras.layers.Dense(size, activation, name=f"hidden_{number}", **arguments)
            for number, size in enumerate(units, start=1)
        ]
        if back_to is not None:
            self.hidden.append(keras.layers.Dense(back_to, name="back", **arguments))
        self.skip = skip
        self.shortcut = None

    def build(self, input_shape):
        shape = input_shape
        for layer in self.hidden:
            layer.build(shape)
            shape = (*shape[:-1], layer.units)
        if self.skip and shape[-1] != input_shape[-1]:
            self.shortcut = keras.layers.Dense(
                shape[-1], use_bias=False, name="shortcut", dtype=self.dtype_policy
            )
            self.shortcut.build(input_shape)

    def call(self, inputs):
        outputs = inputs
        for layer in self.hidden:
            outputs = layer(outputs)
        if not self.skip:
            return outputs
        return outputs + (self.shortcut(inputs) if self.shortcut else inputs)


def _sizes(cell):
    """Returns the sizes of a cell's states, a's first."""
    sizes = getattr(cell, "state_size", None)
    sizes = [sizes] if isinstance(sizes, int) else list(sizes or [])
    if (
        not isinstance(cell, keras.layers.Layer)
        or not sizes
        or not isinstance(sizes[0], int)
    ):
        raise ValueError(
            "DeepTransitionCell wraps one recurrent cell, such as "
            f"zoo.cells.LSTMCell(64). Found: {cell!r}."
        )
    return sizes
