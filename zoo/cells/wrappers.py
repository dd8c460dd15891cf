"""Wrappers that change how any cell's state or output goes on.

They nest, in each other and in Keras' `StackedRNNCells`:
`RNN(Residual(Zoneout(LSTMCell(64), rate=0.1)))`.
"""

import math

import keras
from keras import ops

# Not exported, but what Keras' recurrent layers ask for: they have an instance of it
# draw its dropout masks before the first step and forget them after the last.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from zoo.cells.gated import Gated


class _Wrapper(Gated, keras.layers.Layer, DropoutRNNCell):
    """A cell that takes the step of another cell and changes what comes out.

    States, their number and sizes are the cell's, so are its gates, and its dropout
    works as it does without the wrapper. A gate `memory` is what the wrapper passes
    on as the memory.
    """

    def __init__(self, cell, **kwargs):
        if not isinstance(cell, keras.layers.Layer) or not hasattr(cell, "state_size"):
            raise ValueError(
                f"{type(self).__name__} wraps a recurrent cell, such as "
                f"zoo.cells.LSTMCell(64). Found: {cell!r}."
            )
        kwargs.setdefault("dtype", cell.dtype_policy)
        super().__init__(**kwargs)
        self.cell = cell

    @property
    def state_size(self):
        """The sizes of the cell's states."""
        return self.cell.state_size

    @property
    def output_size(self):
        """The size of the cell's output."""
        size = getattr(self.cell, "output_size", None)
        return self._state_sizes()[0] if size is None else size

    @property
    def gate_names(self):
        """The gates of the cell that can be read."""
        return getattr(self.cell, "gate_names", ())

    def _state_sizes(self):
        sizes = self.cell.state_size
        return [sizes] if isinstance(sizes, int) else list(sizes)

    def get_initial_state(self, batch_size=None):
        """Returns the cell's state before the first step."""
        if hasattr(self.cell, "get_initial_state"):
            return self.cell.get_initial_state(batch_size=batch_size)
        return [
            ops.zeros((batch_size, size), dtype=self.cell.compute_dtype)
            for size in self._state_sizes()
        ]

    def build(self, input_shape):
        """Creates the cell's weights, for inputs of shape (batch, n_x)."""
        if not self.cell.built:
            self.cell.build(input_shape)

    def call(self, inputs, states, training=False, return_gates=False):
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
        arguments = {"return_gates": True} if return_gates else {}
        if self.cell._call_has_training_arg:
            arguments["training"] = training
        output, new, *gates = self.cell(inputs, states, **arguments)
        old = list(states) if nested else [states]
        new = list(new) if isinstance(new, list | tuple) else [new]
        output, new = self._change(inputs, old, output, new, training)
        results = (output, new if nested else new[0])
        if return_gates and "memory" in self.gate_names:
            return (*results, {**gates[0], "memory": new[-1]})
        return (*results, *gates)

    def _change(self, inputs, old, output, new, training):
        """Returns the output and the states that the wrapper makes of the cell's."""
        raise NotImplementedError

    def _output_of(self, a, inputs):
        """Returns the output that belongs to the state a."""
        return self.cell._output_of(a, inputs) if self._wraps_a_wrapper else a

    @property
    def _wraps_a_wrapper(self):
        return isinstance(self.cell, _Wrapper)

    def get_dropout_mask(self, step_input):
        """Has the cell draw all its masks: here its states' sizes are known."""
        states = self.get_initial_state(ops.shape(step_input)[0])
        _draw_masks(self.cell, step_input, states)

    def get_recurrent_dropout_mask(self, step_input):
        """Does nothing: `get_dropout_mask` has drawn all masks."""

    def reset_dropout_mask(self):
        """Has the cell forget the masks of its inputs."""
        for cell in getattr(self.cell, "cells", [self.cell]):
            if isinstance(cell, DropoutRNNCell):
                cell.reset_dropout_mask()

    def reset_recurrent_dropout_mask(self):
        """Has the cell forget the masks of its states."""
        for cell in getattr(self.cell, "cells", [self.cell]):
            if isinstance(cell, DropoutRNNCell):
                cell.reset_recurrent_dropout_mask()

    def get_config(self):
        """Returns the constructor's arguments."""
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell}

    @classmethod
    def from_config(cls, config):
        """Makes the wrapper, and the cell in it, from its arguments."""
        config = dict(config)
        cell = keras.saving.deserialize_keras_object(config.pop("cell"))
        return cls(cell, **config)


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


class _StateWrapper(_Wrapper):
    """A wrapper that changes the state a, and with it the output."""

    def __init__(self, cell, **kwargs):
        super().__init__(cell, **kwargs)
        if isinstance(cell, keras.layers.StackedRNNCells):
            raise ValueError(
                f"{type(self).__name__} needs the one state that is the cell's "
                "output, and a stack of cells has one a cell. Wrap the cells in it."
            )
        if self.output_size != self._state_sizes()[0]:
            self._refuse(f"of size {self.output_size}, not {self._state_sizes()[0]}")

    def _change(self, inputs, old, output, new, training):
        if not self._wraps_a_wrapper and output is not new[0]:
            self._refuse("made of it")
        new = self._next_states(old, new, training)
        return self._output_of(new[0], inputs), new

    def _next_states(self, old, new, training):
        """Returns the states to pass on, from those before and after the step."""
        raise NotImplementedError

    def _refuse(self, found):
        raise ValueError(
            f"{type(self).__name__} needs a cell whose output is its first state; "
            f"that of '{self.cell.name}' ({type(self.cell).__name__}) is {found}. "
            "Wrap the recurrent part alone and make the output of its state."
        )


@keras.saving.register_keras_serializable(package="zoo")
class Leaky(_StateWrapper):
    """Lets a cell's state leak into the next: it changes at its own, slower pace.

    ```
    a<t> = α * a<t-1> + (1 - α) * cell(a<t-1>, x<t>)
    ```

    A memory cell c is not leaked; a GRU's memory is its state a, and is.

    Args:
        cell: any recurrent cell whose output is its first state.
        alpha: α in [0, 1), the part of the state that stays.
        learned: whether α is learned, for each unit by itself, as α = σ(w). Then
            `alpha`, above 0, is what it starts at; the weight `leak` is w, (n_a,).
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `alpha` is out of range, or the cell's output isn't its state.
    """

    def __init__(self, cell, alpha=0.5, learned=False, **kwargs):
        super().__init__(cell, **kwargs)
        if not 0 <= alpha < 1 or (learned and alpha == 0):
            interval = "(0, 1) to be learned" if learned else "[0, 1)"
            raise ValueError(f"`alpha` must be in {interval}. Found: {alpha}.")
        self.alpha = alpha
        self.learned = learned

    def build(self, input_shape):
        """Creates the weights, for inputs of shape (batch, n_x)."""
        super().build(input_shape)
        if self.learned:
            start = math.log(self.alpha) - math.log1p(-self.alpha)
            self.leak = self.add_weight(
                shape=(self.output_size,),
                name="leak",
                initializer=keras.initializers.Constant(start),
            )

    def _next_states(self, old, new, training):
        stays, goes = self.alpha, 1 - self.alpha
        if self.learned:
            w = ops.convert_to_tensor(self.leak)
            stays, goes = ops.sigmoid(w), ops.sigmoid(-w)
        return [stays * old[0] + goes * new[0], *new[1:]]

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {"alpha": self.alpha, "learned": self.learned}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="zoo")
class Zoneout(_StateWrapper):
    """Keeps some units' previous state in training (Krueger et al. 2017).

    With s for a state (a at `rate`, a memory c at `memory_rate`) and z its rate:

    ```
    training    s<t> = d * s<t-1> + (1 - d) * cell(s<t-1>, x<t>),   P(d = 1) = z
    inference   s<t> = z * s<t-1> + (1 - z) * cell(s<t-1>, x<t>)
    ```

    d is drawn anew for every unit, row and step. On the JAX backend a loop over
    time can't draw: there, train with `unroll=True`.

    Args:
        cell: any recurrent cell whose output is its first state.
        rate: z of a, in [0, 1].
        memory_rate: z of c, in [0, 1], and of any further state.
        seed: an integer for the draws to be repeatable.
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: a rate is out of range, the cell has no memory for a
            `memory_rate`, or its output isn't its state.
    """

    draws_each_step = True

    def __init__(self, cell, rate=0.1, memory_rate=0.0, seed=None, **kwargs):
        super().__init__(cell, **kwargs)
        for name, value in (("rate", rate), ("memory_rate", memory_rate)):
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` must be in [0, 1]. Found: {value}.")
        if memory_rate and len(self._state_sizes()) == 1:
            raise ValueError(
                f"'{cell.name}' ({type(cell).__name__}) has one state and no memory "
                f"beside it, but `memory_rate` is {memory_rate}. Give `rate` alone."
            )
        self.rate = rate
        self.memory_rate = memory_rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def _next_states(self, old, new, training):
        rates = [self.rate] + [self.memory_rate] * (len(new) - 1)
        return [
            self._zone_out(*pair, rate, training)
            for *pair, rate in zip(old, new, rates, strict=True)
        ]

    def _zone_out(self, old, new, rate, training):
        if rate == 0:
            return new
        if not training:
            return rate * old + (1 - rate) * new
        # In float32: half precision has too few numbers to draw from.
        drawn = keras.random.uniform(
            ops.shape(new), dtype="float32", seed=self.seed_generator
        )
        return ops.where(drawn < rate, old, new)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {
            "rate": self.rate,
            "memory_rate": self.memory_rate,
            "seed": self.seed,
        }
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="zoo")
class Residual(_Wrapper):
    """Adds a cell's input to its output, `y<t> = cell(a<t-1>, x<t>) + x<t>`.

    The state goes on untouched.

    Args:
        cell: any recurrent cell with as many outputs as inputs, or a stack of them.
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: when built for inputs of another size.
    """

    def build(self, input_shape):
        """Creates the cell's weights, for inputs of shape (batch, n_x)."""
        if input_shape[-1] != self.output_size:
            raise ValueError(
                "Residual adds a cell's input to its output, so that their sizes must "
                f"be equal. Found: {input_shape[-1]} inputs and {self.output_size} "
                f"outputs of '{self.cell.name}'. Project the inputs first, or change "
                "the cell's units."
            )
        super().build(input_shape)

    def _change(self, inputs, old, output, new, training):
        return output + inputs, new

    def _output_of(self, a, inputs):
        return super()._output_of(a, inputs) + inputs
