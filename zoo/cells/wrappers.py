"""Wrappers that change how any cell's state or output goes on.

They nest, in each other and in Keras' `StackedRNNCells`:
`RNN(Residual(Zoneout(LSTMCell(64), rate=0.1)))`.
"""

import math
from typing import Any

import keras
from keras import ops

from zoo.cells.wrapping import StateWrapper, Wrapper


@keras.saving.register_keras_serializable(package="zoo")
class Leaky(StateWrapper):
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

    def __init__(
        self, cell: Any, alpha: float = 0.5, learned: bool = False, **kwargs: Any
    ):
        super().__init__(cell, **kwargs)
        if not 0 <= alpha < 1 or (learned and alpha == 0):
            interval = "(0, 1) to be learned" if learned else "[0, 1)"
            raise ValueError(f"`alpha` must be in {interval}. Found: {alpha}.")
        self.alpha = alpha
        self.learned = learned

    def build(self, input_shape: Any) -> None:
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
            w = ops.cast(self.leak, old[0].dtype)
            stays, goes = ops.sigmoid(w), ops.sigmoid(-w)
        return [stays * old[0] + goes * new[0], *new[1:]]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = {"alpha": self.alpha, "learned": self.learned}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="zoo")
class Zoneout(StateWrapper):
    """Keeps some units' previous state in training (Krueger et al. 2017).

    With s for a state (a at `rate`, a memory c at `memory_rate`) and z its rate:

    ```
    training    s<t> = d * s<t-1> + (1 - d) * cell(s<t-1>, x<t>),   P(d = 1) = z
    inference   s<t> = z * s<t-1> + (1 - z) * cell(s<t-1>, x<t>)
    ```

    d is drawn anew for every unit, row and step. On the JAX backend a loop over
    time can't draw: there, train with `unroll=True`. A step that is computed twice
    (`keras.RematScope`, checkpoints) would draw twice: don't use it in there.

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

    def __init__(
        self,
        cell: Any,
        rate: float = 0.1,
        memory_rate: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ):
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

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = {
            "rate": self.rate,
            "memory_rate": self.memory_rate,
            "seed": self.seed,
        }
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="zoo")
class Residual(Wrapper):
    """Adds a cell's input to its output, `y<t> = cell(a<t-1>, x<t>) + x<t>`.

    The state goes on untouched.

    Args:
        cell: any recurrent cell with as many outputs as inputs, or a stack of them.
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: when built for inputs of another size.
    """

    def build(self, input_shape: Any) -> None:
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
