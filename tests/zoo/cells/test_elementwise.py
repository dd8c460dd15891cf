"""The units whose state no matrix multiplies, against their equations."""

import keras
import numpy as np
import pytest

from tests.zoo.cells import equations
from tests.zoo.cells.units import (
    ELEMENTWISE,
    ELEMENTWISE_VARIANTS,
    N_A,
    N_X,
    draw,
    draw_weights,
    every_elementwise,
)
from zoo import cells

WITH_GATES = {
    "mingru": equations.min_gru_with_gates,
    "mingru_positive": equations.min_gru_positive_with_gates,
    "minlstm": equations.min_lstm_with_gates,
    "minlstm_positive": equations.min_lstm_positive_with_gates,
    "sru": equations.sru_with_gates,
    "sru_scaled": equations.sru_scaled_with_gates,
    "rglru": equations.rg_lru_with_gates,
}


def make(unit, inputs=N_X, **arguments):
    cell = unit.cell(**arguments)
    cell.build((None, inputs))
    draw_weights(cell)
    return cell


def states_of(unit, rows=2):
    return [draw(rows, N_A, seed=8 + place) for place in range(unit.states)]


@pytest.mark.parametrize("inputs", [N_X, N_A])
@pytest.mark.parametrize(
    "unit", ELEMENTWISE + ELEMENTWISE_VARIANTS, ids=lambda unit: unit.name
)
def test_step_and_gates_follow_the_equation(unit, inputs):
    cell = make(unit, inputs)
    x, states = draw(2, inputs), states_of(unit)

    output, new = cell(x, states)
    gates = cell.gates(x, states)

    expected, values = WITH_GATES[unit.name](x, states, *cell.get_weights())
    np.testing.assert_allclose(output, expected[0], atol=1e-6)
    np.testing.assert_allclose(new, expected, atol=1e-6)
    assert list(gates) == list(values) == list(cell.gate_names)
    for gate, value in values.items():
        np.testing.assert_allclose(gates[gate], value, atol=1e-6)


@every_elementwise
def test_step_without_bias_has_biases_of_zero(unit):
    cell, bare = make(unit), make(unit, use_bias=False)
    assert len(bare.get_weights()) == len(cell.get_weights()) - 1
    kernel, *others = bare.get_weights()
    cell.set_weights([kernel, 0 * cell.get_weights()[1], *others])
    x, states = draw(2, N_X), states_of(unit)
    np.testing.assert_array_equal(bare(x, states)[0], cell(x, states)[0])


@every_elementwise
def test_config_makes_the_same_cell(unit):
    cell = make(unit, dropout=0.1, kernel_initializer="ones", seed=3)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cell)
    )
    assert type(copy) is type(cell)
    assert copy.get_config() == cell.get_config()


@every_elementwise
def test_inputs_are_dropped_in_training_alone(unit):
    cell = make(unit, N_A, dropout=0.5, seed=3)
    x, states = draw(6, N_A), states_of(unit, 6)

    output, _ = cell(x, states, training=True)

    mask = np.asarray(cell.get_dropout_mask(x))
    assert set(np.unique(mask)) == {0.0, 2.0}
    expected, *_ = unit.step(mask * x, states, *cell.get_weights())
    np.testing.assert_allclose(output, expected, atol=1e-6)
    expected, *_ = unit.step(x, states, *cell.get_weights())
    np.testing.assert_allclose(cell(x, states)[0], expected, atol=1e-6)


def test_closed_gates_of_a_min_lstm_still_share_out_the_memory():
    cell = cells.MinLSTMCell(1, kernel_initializer="zeros")
    cell.build((None, 1))
    for update, forget in ((-200, -199), (-199, -200), (-200, -200), (200, 200)):
        cell.bias.assign([update, forget, 3.0])
        gates = cell.gates(np.zeros((1, 1)), np.ones((1, 1)))
        # Γ_u / Γ_f is e to the power of the difference, if both are closed.
        kept = 0.5 if forget > 0 else equations.sigmoid(forget - update)
        np.testing.assert_allclose(gates["forget"], [[kept]], rtol=1e-6)
        np.testing.assert_allclose(gates["memory"], [[kept + (1 - kept) * 3]], 1e-6)


def test_forget_bias_of_a_min_lstm_alone_starts_at_one():
    for chosen in (True, False):
        cell = cells.MinLSTMCell(N_A, unit_forget_bias=chosen)
        cell.build((None, N_X))
        update, forget, candidate = np.split(cell.get_weights()[1], 3)
        np.testing.assert_array_equal(forget, chosen)
        np.testing.assert_array_equal([update, candidate], 0)


def test_rg_lru_starts_with_what_it_keeps_spread_over_the_range():
    cell = cells.RGLRUCell(2000)
    cell.build((None, 3))
    kept = np.exp(np.asarray(cell.decay()))
    assert kept.min() > 0.9
    assert kept.max() < 0.999
    low, high = 0.9**2, 0.999**2
    quartiles = np.sqrt(low + (high - low) * np.array([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(np.quantile(kept, [0.25, 0.5, 0.75]), quartiles, 0.01)
    with pytest.raises(ValueError, match=r"Found: 0.9 and 1"):
        cells.RetentionUniform(0.9, 1)


@pytest.mark.parametrize("units", [0, -1, 2.5, None])
def test_units_that_are_none_are_refused(units):
    with pytest.raises(ValueError, match=f"positive integer. Found: {units}"):
        cells.SRUCell(units)
    with pytest.raises(ValueError, match=r"in \[0, 1\). Found: 1"):
        cells.SRUCell(3, dropout=1)
