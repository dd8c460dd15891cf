"""Dropout inside a cell: masks for its inputs, its state, its recurrent weights."""

import numpy as np
import pytest

from tests.zoo.cells.units import (
    N_A,
    N_X,
    UNITS,
    VARIANTS,
    draw,
    draw_weights,
    every_unit,
)

ROWS = 6


def inputs_and_states(unit):
    states = [draw(ROWS, N_A, seed=8 + place) for place in range(unit.states)]
    return draw(ROWS, N_X), states


@every_unit
@pytest.mark.parametrize("kind", ["dropout", "recurrent_dropout"])
def test_nothing_is_dropped_at_inference(unit, kind):
    cell = unit.cell(**{kind: 0.5})
    cell.build((None, N_X))
    draw_weights(cell)
    x, states = inputs_and_states(unit)

    output, _ = cell(x, states)

    expected, *_ = unit.step(x, states, *cell.get_weights()[:3])
    np.testing.assert_allclose(output, expected, atol=1e-6)
    dropped, _ = cell(x, states, training=True)
    assert np.abs(dropped - output).max() > 1e-3


@every_unit
def test_all_gates_see_the_same_dropped_inputs(unit):
    cell = unit.cell(dropout=0.5, seed=3)
    cell.build((None, N_X))
    draw_weights(cell)
    x, states = inputs_and_states(unit)

    output, _ = cell(x, states, training=True)

    mask = np.asarray(cell.get_dropout_mask(x))
    assert set(np.unique(mask)) == {0.0, 2.0}
    expected, *_ = unit.step(mask * x, states, *cell.get_weights()[:3])
    np.testing.assert_allclose(output, expected, atol=1e-6)


@every_unit
def test_masks_stay_until_they_are_reset(unit):
    cell = unit.cell(dropout=0.5, recurrent_dropout=0.5, seed=3)
    cell.build((None, N_X))
    draw_weights(cell)
    x, states = inputs_and_states(unit)

    first, _ = cell(x, states, training=True)
    second, _ = cell(x, states, training=True)
    cell.reset_dropout_mask()
    cell.reset_recurrent_dropout_mask()
    third, _ = cell(x, states, training=True)

    np.testing.assert_array_equal(first, second)
    assert np.abs(third - first).max() > 1e-3


@every_unit
@pytest.mark.parametrize("kind", ["dropout", "recurrent_dropout"])
def test_dropout_preserves_the_expectation(unit, kind):
    cell = unit.cell(activation="linear", **{kind: 0.25})
    cell.build((None, N_A))
    unit.make_linear(cell, recurrence=1.0)
    ones = np.ones((5000, N_A), "float32")

    output, _ = cell(ones, [ones] * unit.states, training=True)

    # Without dropout every output is 1 + 1.
    assert set(np.unique(np.round(output, 4))) == {1.0, np.float32(2.3333)}
    assert np.mean(output) == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("unit", UNITS + VARIANTS, ids=lambda unit: unit.name)
def test_step_in_training_is_the_equation_with_the_dropped_weights(unit):
    cell = unit.cell(recurrent_weight_dropout=0.25, seed=3)
    cell.build((None, N_X))
    draw_weights(cell)
    x, states = inputs_and_states(unit)
    kernel = cell.recurrent_kernel

    whole, _ = cell(x, states)
    output, _ = cell(x, states, training=True)

    dropped = np.asarray(cell.recurrent_weights(training=True))
    ratios = dropped / np.asarray(kernel)
    assert set(np.round(np.unique(ratios), 4)) == {0.0, np.float32(1.3333)}
    kernel.assign(dropped)
    expected, *_ = unit.step(x, states, *cell.get_weights())
    np.testing.assert_allclose(output, expected, atol=5e-6)
    assert np.abs(expected - whole).max() > 1e-3


@pytest.mark.slow
@every_unit
def test_dropped_weights_are_on_average_the_whole_ones(unit):
    cell = unit.cell(recurrent_weight_dropout=0.5, seed=3)
    cell.build((None, N_X))
    draw_weights(cell)
    kernel = np.asarray(cell.recurrent_kernel)
    draws = []
    for _ in range(200):
        draws.append(np.asarray(cell.recurrent_weights(training=True)))
        cell.reset_recurrent_dropout_mask()

    # A weight's draws are 0 or twice the weight: a standard deviation of its size.
    np.testing.assert_allclose(np.mean(draws, axis=0) / kernel, 1, atol=5 / 200**0.5)
    kept = np.array(draws) != 0
    # Each weight is dropped by itself.
    flat = kept.reshape(len(draws), -1)
    correlations = np.corrcoef(flat.T) - np.eye(flat.shape[1])
    assert np.abs(correlations).max() < 5 / 200**0.5


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_of_weights_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match=rf"in \[0, 1\). Found: {rate}"):
        UNITS[0].cell(recurrent_weight_dropout=rate)
