"""The gates that a cell's step returns."""

import keras
import numpy as np
import pytest

from tests.zoo.cells import equations
from tests.zoo.cells.units import N_A, N_X, UNITS, VARIANTS, WRAPPED, draw, draw_weights
from zoo import cells

GATED = {
    "gru": equations.gru_full_with_gates,
    "gru_reset_after": equations.gru_reset_after_with_gates,
    "gru_simplified": equations.gru_simplified_with_gates,
    "lstm": equations.lstm_with_gates,
    "lstm_peephole": equations.lstm_peephole_with_gates,
}
BY_NAME = {unit.name: unit for unit in UNITS + VARIANTS + WRAPPED}


def build(cell):
    cell.build((None, N_X))
    draw_weights(cell)
    return cell


def inputs_and_states(unit):
    return draw(2, N_X), [draw(2, N_A, seed=8 + n) for n in range(unit.states)]


@pytest.mark.parametrize("name", GATED)
def test_gates_follow_the_equation(name):
    unit = BY_NAME[name]
    cell = build(unit.cell())
    x, states = inputs_and_states(unit)

    gates = cell.gates(x, states)

    _, expected = GATED[name](x, states, *cell.get_weights())
    assert list(gates) == list(expected) == list(cell.gate_names)
    for gate, value in expected.items():
        np.testing.assert_allclose(gates[gate], value, atol=1e-6)


@pytest.mark.parametrize("unit", VARIANTS + WRAPPED[2:], ids=lambda unit: unit.name)
def test_gates_make_the_step(unit):
    cell = build(unit.cell())
    x, states = inputs_and_states(unit)

    output, new, gates = cell(x, states, return_gates=True)

    assert set(gates) == set(cell.gate_names)
    expected_output, expected = cell(x, states)
    np.testing.assert_array_equal(output, expected_output)
    np.testing.assert_array_equal(new, expected)
    np.testing.assert_array_equal(gates["memory"], new[-1])
    if unit.wrap is None:
        kept = gates["forget"] if unit.kind == "LSTM" else 1 - gates["update"]
        memory = gates["update"] * gates["candidate"] + kept * states[-1]
        np.testing.assert_allclose(gates["memory"], memory, atol=1e-6)


def test_gates_under_dropout_are_those_of_the_step():
    cell = build(cells.GRUCell(N_A, dropout=0.5, recurrent_dropout=0.5, seed=3))
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    dropped = cell.gates(x, [c], training=True)

    output, _ = cell(x, [c], training=True)
    np.testing.assert_array_equal(dropped["memory"], output)
    assert np.abs(dropped["memory"] - cell.gates(x, [c])["memory"]).max() > 1e-3


@pytest.mark.parametrize(
    "cell",
    [
        cells.Residual(cells.SimpleRNNCell(N_X)),
        cells.Zoneout(keras.layers.LSTMCell(N_X)),
    ],
)
def test_cell_without_gates_says_so(cell):
    with pytest.raises(ValueError, match=r"has no gates that can be read: its cell"):
        cell.gates(draw(2, N_X), cell.get_initial_state(2))
