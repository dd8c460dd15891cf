"""What it takes to wrap any cell: its states, gates, dropout and configuration."""

from typing import Any

import keras
from keras import ops

from zoo.cells.gated import Gated
from zoo.keras_private import DropoutRNNCell, takes_training
from zoo.typing import Tensor


class Wrapper(Gated, keras.layers.Layer, DropoutRNNCell):
    """A cell that takes the step of another cell and changes what comes out.

    States, their number and sizes are the cell's, so are its gates, and its dropout
    works as it does without the wrapper. A gate `memory` is what the wrapper passes
    on as the memory.
    """

    def __init__(self, cell: Any, **kwargs: Any):
        if not isinstance(cell, keras.layers.Layer) or not hasattr(cell, "state_size"):
            raise ValueError(
                f"{type(self).__name__} wraps a recurrent cell, such as "
                f"zoo.cells.LSTMCell(64). Found: {cell!r}."
            )
        kwargs.setdefault("dtype", cell.dtype_policy)
        super().__init__(**kwargs)
        self.cell = cell
        # It would make a state as short as the inputs that the cell keeps longer.
        self.autocast = self.state_dtype == self.compute_dtype

    @property
    def state_dtype(self) -> str:
        """The dtype in which a layer carries the cell's states from step to step."""
        return state_dtype(self.cell)

    @property
    def state_size(self) -> Any:
        """The sizes of the cell's states."""
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        """The size of the cell's output."""
        size = getattr(self.cell, "output_size", None)
        return self._state_sizes()[0] if size is None else size

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The gates of the cell that can be read."""
        return getattr(self.cell, "gate_names", ())

    def _state_sizes(self):
        sizes = self.cell.state_size
        return [sizes] if isinstance(sizes, int) else list(sizes)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Returns the cell's state before the first step."""
        if hasattr(self.cell, "get_initial_state"):
            return self.cell.get_initial_state(batch_size=batch_size)
        return [
            ops.zeros((batch_size, size), dtype=self.cell.compute_dtype)
            for size in self._state_sizes()
        ]

    def build(self, input_shape: Any) -> None:
        """Creates the cell's weights, for inputs of shape (batch, n_x)."""
        if not self.cell.built:
            self.cell.build(input_shape)

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
            states: the cell's states of t-1.
            training: whether dropout, and zoneout, are applied.
            return_gates: whether to return the gates too: see `gates`.

        Returns:
            The output, (batch, n_a), and the new states, in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        arguments: dict[str, Any] = {"return_gates": True} if return_gates else {}
        if takes_training(self.cell):
            arguments["training"] = training
        inputs = ops.cast(inputs, self.compute_dtype)
        output, new, *gates = self.cell(inputs, states, **arguments)
        old = list(states) if nested else [states]
        # In the form of those given, which a stack of one cell of Keras' doesn't keep.
        new = keras.tree.pack_sequence_as(old, keras.tree.flatten(new))
        inner = self.cell if self._wraps_a_wrapper else None
        shown = output is new[0] or getattr(self.cell, "shows_state", False)
        self._state_is_shown = inner._state_is_shown if inner else shown
        output, new = self._change(inputs, old, output, new, training)
        new = keras.tree.map_structure(_in_dtype_of, old, new)
        results = (output, new if nested else new[0])
        if return_gates and "memory" in self.gate_names:
            memory = ops.cast(new[-1], self.compute_dtype)
            return (*results, {**gates[0], "memory": memory})
        return (*results, *gates)

    def _change(self, inputs, old, output, new, training):
        """Returns the output and the states that the wrapper makes of the cell's."""
        raise NotImplementedError

    def _output_of(self, a, inputs):
        """Returns the output that belongs to the state a."""
        return self.cell._output_of(a, inputs) if self._wraps_a_wrapper else a

    @property
    def _wraps_a_wrapper(self):
        return isinstance(self.cell, Wrapper)

    def get_dropout_mask(self, step_input: Tensor) -> None:
        """Has the cell draw all its masks: here its states' sizes are known."""
        states = self.get_initial_state(ops.shape(step_input)[0])
        _draw_masks(self.cell, step_input, states)

    def get_recurrent_dropout_mask(self, step_input: Tensor) -> None:
        """Does nothing: `get_dropout_mask` has drawn all masks."""

    def reset_dropout_mask(self) -> None:
        """Has the cell forget the masks of its inputs."""
        for cell in getattr(self.cell, "cells", [self.cell]):
            if isinstance(cell, DropoutRNNCell):
                cell.reset_dropout_mask()

    def reset_recurrent_dropout_mask(self) -> None:
        """Has the cell forget the masks of its states."""
        for cell in getattr(self.cell, "cells", [self.cell]):
            if isinstance(cell, DropoutRNNCell):
                cell.reset_recurrent_dropout_mask()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """Makes the wrapper, and the cell in it, from its arguments."""
        config = dict(config)
        cell = keras.saving.deserialize_keras_object(config.pop("cell"))
        return cls(cell, **config)


def state_dtype(cell: Any) -> str:
    """Returns the dtype in which a layer carries the states of any cell.

    Keras' cells, and those of others, have no `state_dtype`: it is the one that they
    compute in.
    """
    computed = getattr(cell, "compute_dtype", keras.config.floatx())
    return getattr(cell, "state_dtype", computed)


def _in_dtype_of(before, after):
    """Returns a state after the step in the dtype that it came in."""
    return ops.cast(after, before.dtype)


def _draw_masks(cell, inputs, states):
    """Draws a cell's dropout masks; `inputs` and `states` give their shapes."""
    if isinstance(cell, DropoutRNNCell):
        cell.get_dropout_mask(inputs)
        first = states[0] if isinstance(states, list | tuple) else states
        cell.get_recurrent_dropout_mask(first)
    elif isinstance(cell, keras.layers.StackedRNNCells):
        for one, state in zip(cell.cells, states, strict=True):
            _draw_masks(one, inputs, state)
            rows = ops.shape(inputs)[0]
            inputs = ops.zeros((rows, one.output_size), dtype=inputs.dtype)


class StateWrapper(Wrapper):
    """A wrapper that changes the state a, and with it the output."""

    def __init__(self, cell: Any, **kwargs: Any):
        super().__init__(cell, **kwargs)
        while isinstance(cell, Wrapper):
            cell = cell.cell
        if isinstance(cell, keras.layers.StackedRNNCells):
            raise ValueError(
                f"{type(self).__name__} needs the one state that is the cell's "
                "output, and a stack of cells has one a cell. Wrap the cells in it."
            )
        if self.output_size != self._state_sizes()[0]:
            self._refuse(f"of size {self.output_size}, not {self._state_sizes()[0]}")

    def _change(self, inputs, old, output, new, training):
        if not self._state_is_shown:
            self._refuse("made of it")
        new = self._next_states(old, new, training)
        a = ops.cast(new[0], self.compute_dtype)
        return self._output_of(a, inputs), new

    def _next_states(self, old, new, training):
        """Returns the states to pass on, from those before and after the step."""
        raise NotImplementedError

    def _refuse(self, found):
        raise ValueError(
            f"{type(self).__name__} needs a cell whose output is its first state; "
            f"that of '{self.cell.name}' ({type(self.cell).__name__}) is {found}. "
            "Wrap the recurrent part alone and make the output of its state."
        )
