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
        kind: `SimpleRNN`, `GRU` or `LSTM`, the class' name in Keras and here, or one
            of ours alone.
        step: its equation.
        gates: for each block of columns +1 for a gate that is opened, -1 for one
            that is closed to let the candidate (0) become the state.
        arguments: what makes the class this unit.
        wrap: makes the cell one in a wrapper, that only `zoo.layers.RNN` runs.
    """

    name: str
    kind: str
    step: Callable
    gates: tuple[int, ...] = ()
    arguments: dict = field(default_factory=dict)
    wrap: Callable | None = None

    @property
    def states(self):
        return 2 if self.kind in ("LSTM", "SRU") else 1

    def cell(self, units=N_A, **arguments):
        arguments = {**self.arguments, **arguments}
        cell = getattr(cells, f"{self.kind}Cell")(units, **arguments)
        return self.wrap(cell) if self.wrap else cell

    def keras_cell(self, units=N_A, **arguments):
        cell_class = getattr(keras.layers, f"{self.kind}Cell")
        return cell_class(units, **self.arguments, **arguments)

    def layer(self, units=N_A, **arguments):
        if self.wrap:
            return layers.RNN(self.cell(units), **arguments)
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


POSITIVE = {"positive": True}

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

ELEMENTWISE = [
    Unit("mingru", "MinGRU", equations.min_gru),
    Unit("minlstm", "MinLSTM", equations.min_lstm),
    Unit("sru", "SRU", equations.sru),
    Unit("rglru", "RGLRU", equations.rg_lru),
]
"""The units whose state no matrix multiplies."""

ELEMENTWISE_VARIANTS = [
    Unit("mingru_positive", "MinGRU", equations.min_gru_positive, (), POSITIVE),
    Unit("minlstm_positive", "MinLSTM", equations.min_lstm_positive, (), POSITIVE),
    Unit("sru_scaled", "SRU", equations.sru_scaled, (), {"highway_scale": 1.7}),
]

NORMALIZED = {"layer_normalization": True}

VARIANTS = [
    Unit(
        "lstm_peephole", "LSTM", equations.lstm_peephole, arguments={"peephole": True}
    ),
    Unit("lstm_normalized", "LSTM", equations.lstm_normalized, arguments=NORMALIZED),
    Unit(
        "lstm_peephole_normalized",
        "LSTM",
        equations.lstm_peephole_normalized,
        arguments={"peephole": True, **NORMALIZED},
    ),
    Unit("gru_normalized", "GRU", equations.gru_full_normalized, arguments=NORMALIZED),
    Unit(
        "gru_reset_after_normalized",
        "GRU",
        equations.gru_reset_after_normalized,
        arguments={"reset_after": True, **NORMALIZED},
    ),
    Unit(
        "gru_simplified_normalized",
        "GRU",
        equations.gru_simplified_normalized,
        arguments={"relevance_gate": False, **NORMALIZED},
    ),
]

WRAPPED = [
    Unit(
        "leaky_rnn",
        "SimpleRNN",
        equations.leaky(equations.simple_rnn, 0.7),
        wrap=lambda cell: cells.Leaky(cell, alpha=0.7),
    ),
    Unit(
        "leaky_lstm_learned",
        "LSTM",
        equations.leaky_learned(equations.lstm),
        wrap=lambda cell: cells.Leaky(cell, learned=True),
    ),
    Unit(
        "zoneout_gru",
        "GRU",
        equations.zoneout(equations.gru_full, 0.3),
        wrap=lambda cell: cells.Zoneout(cell, rate=0.3),
    ),
    Unit(
        "zoneout_lstm",
        "LSTM",
        equations.zoneout(equations.lstm, 0.1, 0.6),
        wrap=lambda cell: cells.Zoneout(cell, rate=0.1, memory_rate=0.6),
    ),
    Unit(
        "leaky_zoneout_gru",
        "GRU",
        equations.leaky(equations.zoneout(equations.gru_full, 0.3), 0.7),
        wrap=lambda cell: cells.Leaky(cells.Zoneout(cell, rate=0.3), alpha=0.7),
    ),
]

every_variant = pytest.mark.parametrize("unit", VARIANTS, ids=lambda unit: unit.name)
"""Runs a test with each variant, that has weights of its own."""

every_wrapped = pytest.mark.parametrize("unit", WRAPPED, ids=lambda unit: unit.name)
"""Runs a test with cells in wrappers whose state is their output."""

every_cell = pytest.mark.parametrize(
    "unit", UNITS + VARIANTS + WRAPPED, ids=lambda unit: unit.name
)
"""Runs a test with each unit, variant and wrapped unit."""

every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
"""Runs a test with each unit as its argument `unit`."""

every_elementwise = pytest.mark.parametrize(
    "unit", ELEMENTWISE, ids=lambda unit: unit.name
)
"""Runs a test with each unit whose state no matrix multiplies."""

every_layer = pytest.mark.parametrize(
    "unit", UNITS + ELEMENTWISE, ids=lambda unit: unit.name
)
"""Runs a test with each unit that has a layer of its own."""

NAMESAKES = [unit for unit in UNITS if "relevance_gate" not in unit.arguments]

every_namesake = pytest.mark.parametrize("unit", NAMESAKES, ids=lambda unit: unit.name)
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
