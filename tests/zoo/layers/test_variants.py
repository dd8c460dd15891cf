"""Variants and wrapped cells over time: masks, files, precision, gradients."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.equations import over_time
from tests.zoo.cells.units import (
    N_A,
    N_X,
    VARIANTS,
    WRAPPED,
    draw,
    draw_weights,
)
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import cells, layers

ROWS = len(ALL_PATTERNS)

every_new_cell = pytest.mark.parametrize(
    "unit", VARIANTS + WRAPPED, ids=lambda unit: unit.name
)


def make(unit, **arguments):
    layer = unit.layer(**arguments)
    layer.build((None, None, N_X))
    draw_weights(layer)
    return layer


def draw_states(unit):
    return [draw(ROWS, N_A, seed=20 + place) for place in range(unit.states)]


@pytest.mark.parametrize(
    ("unit", "go_backwards"),
    [
        pytest.param(unit, backwards, id=f"{unit.name}-{backwards}")
        for backwards, units in (
            (False, VARIANTS + WRAPPED),
            (True, (VARIANTS[2], WRAPPED[-1])),
        )
        for unit in units
    ],
)
def test_masked_steps_are_skipped(unit, go_backwards):
    layer = make(
        unit, return_sequences=True, return_state=True, go_backwards=go_backwards
    )
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(unit)

    outputs, *last = layer(sequences, initial_state=states, mask=ALL_PATTERNS)

    order = slice(None, None, -1 if go_backwards else 1)
    expected, expected_last = over_time(
        unit.step,
        layer.get_weights(),
        sequences[:, order],
        states,
        ALL_PATTERNS[:, order],
    )
    np.testing.assert_allclose(outputs, expected, atol=5e-6)
    np.testing.assert_allclose(last, expected_last, atol=5e-6)


@pytest.mark.slow
def test_residual_adds_each_step_of_the_input():
    cell = cells.LSTMCell(N_A)
    layer = layers.RNN(cells.Residual(cell), return_sequences=True)
    plain = layers.RNN(cell, return_sequences=True)
    sequences = draw(ROWS, STEPS, N_A)

    outputs = np.asarray(layer(sequences, mask=ALL_PATTERNS))

    expected = plain(sequences, mask=ALL_PATTERNS) + sequences
    np.testing.assert_allclose(outputs[ALL_PATTERNS], expected[ALL_PATTERNS], atol=1e-6)


@pytest.mark.slow
@every_new_cell
def test_gradients_reach_every_weight_input_and_state(unit):
    layer = make(unit)
    sequences = tf.constant(draw(ROWS, STEPS, N_X))
    states = [tf.constant(state) for state in draw_states(unit)]
    sources = [sequences, *states, *(w.value for w in layer.trainable_variables)]

    with tf.GradientTape() as tape:
        tape.watch([sequences, *states])
        outputs = layer(
            sequences, initial_state=states, mask=ALL_PATTERNS, training=True
        )
        loss = tf.reduce_sum(outputs * draw(ROWS, N_A, seed=30))

    for gradient in tape.gradient(loss, sources):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 1e-4


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(
            unit,
            id=unit.name,
            marks=() if unit.name == "lstm_peephole" else pytest.mark.slow,
        )
        for unit in VARIANTS
    ],
)
def test_saved_layer_loads_by_itself_and_gives_identical_outputs(unit, tmp_path):
    layer = unit.layer(dropout=0.2, return_sequences=True)
    check_saved(layer, tmp_path)
    for name, value in unit.arguments.items():
        assert getattr(layer, name) == layer.get_config()[name] == value


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(
            cells.Leaky(cells.LSTMCell(N_X, peephole=True), learned=True),
            id="leaky",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            cells.Residual(
                cells.Zoneout(keras.layers.GRUCell(N_X, dropout=0.1), seed=3)
            ),
            id="nested",
        ),
        pytest.param(
            keras.layers.StackedRNNCells(
                [
                    cells.GRUCell(N_A),
                    cells.Zoneout(cells.LSTMCell(N_A), memory_rate=0.5),
                ]
            ),
            id="stack",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_saved_wrapper_loads_by_itself_and_gives_identical_outputs(cell, tmp_path):
    check_saved(layers.RNN(cell, return_sequences=True), tmp_path)


def check_saved(layer, tmp_path):
    both = layers.Bidirectional(layer)
    model = keras.Sequential(
        [keras.Input((None, N_X)), keras.layers.Masking(), layer, both]
    )
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    configs = [json.dumps(made.get_config()) for made in (copy.layers[-2], layer)]
    assert configs[0] == configs[1]  # as text: tuples of shapes come back as lists
    sequences = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None]
    np.testing.assert_array_equal(copy(sequences), model(sequences))


@every_new_cell
@pytest.mark.parametrize(
    "dtype",
    ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)],
)
def test_half_precision_stays_close_to_float32(unit, dtype):
    with_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        half = make(unit, return_sequences=True)
    finally:
        keras.config.set_dtype_policy(with_policy)
    full = make(unit, return_sequences=True)
    sequences = draw(ROWS, STEPS, N_X)

    outputs = half(sequences, mask=ALL_PATTERNS)

    assert outputs.dtype == dtype.removeprefix("mixed_")
    assert {weight.dtype for weight in half.weights} == {"float32"}
    expected = full(sequences, mask=ALL_PATTERNS)
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, atol=0.06)
    half(sequences, mask=ALL_PATTERNS, training=True)


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        (layers.LSTM, {"peephole": True}),
        (layers.LSTM, {"layer_normalization": True}),
        (layers.GRU, {"reset_after": True, "layer_normalization": True}),
        (layers.GRU, {"relevance_gate": False}),
    ],
)
def test_variants_keep_away_from_cudnn_that_has_plain_units_alone(layer, arguments):
    both = layers.Bidirectional(layer(N_A, **arguments))
    for made in (both.forward_layer, both.backward_layer, layer(N_A, **arguments)):
        assert made.use_cudnn is False
    with pytest.raises(ValueError, match="`use_cudnn=True`, but cuDNN has plain units"):
        layer(N_A, use_cudnn=True, **arguments)


def test_plain_layers_are_made_as_before():
    assert layers.LSTM(N_A).use_cudnn == "auto"
    assert layers.GRU(N_A, use_cudnn=True).use_cudnn is True
