"""The recurrent units under test, each with the equation and the Keras namesake."""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest

from tests.zoo.cells import equations
from zoo import cells, layers

N_X, N_A = 3, 4
"""Features of the input and of the state, wherever a test does not say otherwise."""


@dataclass(frozen=True)
class Unit:
    """A recurrent unit.

    Attributes:
        name: what pytest shows.
        kind: `SimpleRNN`, `GRU` or `LSTM`: the class' name in Keras and here.
        step: its equation.
        gates: for each block of columns +1 for a gate that is opened, -1 for one
            that is closed to let the candidate (0) become the state.
        arguments: what makes the class this unit.
    """

    name: str
    kind: str
    step: Callable
    gates: tuple[int, ...]
    arguments: dict = field(default_factory=dict)

    @property
    def states(self):
        return 2 if self.kind == "LSTM" else 1

    def cell(self, units=N_A, **arguments):
        return getattr(cells, f"{self.kind}Cell")(units, **self.arguments, **arguments)

    def keras_cell(self, units=N_A, **arguments):
        cell_class = getattr(keras.layers, f"{self.kind}Cell")
        return cell_class(units, **self.arguments, **arguments)

    def layer(self, units=N_A, **arguments):
        return getattr(layers, self.kind)(units, **self.arguments, **arguments)

    def keras_layer(self, units=N_A, **arguments):
        layer_class = getattr(keras.layers, self.kind)
        return layer_class(units, **self.arguments, **arguments)

    def make_linear(self, layer, recurrence):
        """Gives a built `layer` weights so that a<t> = x<t> + recurrence * a<t-1>.

        Every gate is saturated in favour of the candidate; `layer` must have as many
        units as features and a linear `activation`.
        """
        identity = np.eye(layer.units)
        open_gate = np.ones(layer.units)
        kernel = [identity * (gate == 0) for gate in self.gates]
        bias = np.concatenate([50 * gate * open_gate for gate in self.gates])
        if self.arguments.get("reset_after"):
            bias = np.stack([bias, 0 * bias])
        kernel = np.concatenate(kernel, axis=1)
        layer.set_weights([kernel, recurrence * kernel, bias])


UNITS = [
    Unit("rnn", "SimpleRNN", equations.simple_rnn, (0,)),
    Unit("gru", "GRU", equations.gru_full, (-1, 1, 0), {"reset_after": False}),
    Unit(
        "gru_reset_after",
        "GRU",
        equations.gru_reset_after,
        (-1, 1, 0),
        {"reset_after": True},
    ),
    Unit(
        "gru_simplified",
        "GRU",
        equations.gru_simplified,
        (-1, 0),
        {"relevance_gate": False},
    ),
    Unit("lstm", "LSTM", equations.lstm, (1, -1, 0, 1)),
]

every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
"""Runs a test with each unit as its argument `unit`."""

every_namesake = pytest.mark.parametrize(
    "unit",
    [unit for unit in UNITS if "relevance_gate" not in unit.arguments],
    ids=lambda unit: unit.name,
)
"""Runs a test with each unit that Keras has too."""


def draw(*shape, seed=0):
    """Returns standard normal float32 numbers, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def draw_weights(layer, seed=1):
    """Gives a built `layer` weights (biases too) that leave nothing at its default."""
    layer.set_weights(
        [
            0.5 * draw(*weight.shape, seed=seed + place)
            for place, weight in enumerate(layer.get_weights())
        ]
    )
