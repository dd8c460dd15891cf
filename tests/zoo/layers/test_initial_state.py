"""An initial state that is learned."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import N_A, N_X, UNITS, draw, draw_weights
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import cells
from zoo.layers import GRU, LSTM, RNN, Bidirectional, DeepRNN, LearnedInitialState

ROWS = len(ALL_PATTERNS)
WHOLE = {"return_sequences": True, "return_state": True}

LAYERS = {
    **{unit.name: lambda unit=unit: unit.layer(**WHOLE) for unit in UNITS},
    "stacked cells": lambda: RNN([cells.LSTMCell(3), cells.GRUCell(2)], **WHOLE),
    "bidirectional": lambda: Bidirectional(LSTM(N_A, **WHOLE)),
    "deep": lambda: DeepRNN([LSTM(3), GRU(2)], skip="input", **WHOLE),
}
every_layer = pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS.keys())


def make(layer, **arguments):
    learned = LearnedInitialState(layer, **arguments)
    learned.build((None, None, N_X))
    draw_weights(learned)
    return learned


@pytest.mark.slow
@every_layer
def test_every_row_starts_from_the_weights(build):
    layer = make(build())
    sequences = draw(ROWS, STEPS, N_X)

    results = layer(sequences, mask=ALL_PATTERNS)

    for row in range(0, ROWS, 5):  # alone: rows know nothing of each other
        states = [state.numpy()[None] for state in layer.first_states]
        packed = keras.tree.pack_sequence_as(layer.state_size, states)
        expected = layer.layer(
            sequences[row : row + 1],
            initial_state=packed,
            mask=ALL_PATTERNS[row : row + 1],
        )
        for result, value in zip(
            keras.tree.flatten(results), keras.tree.flatten(expected), strict=True
        ):
            np.testing.assert_allclose(result[row], value[0], atol=1e-6)


@pytest.mark.slow
@every_layer
def test_gradient_reaches_the_state_and_is_the_sum_of_the_rows(build):
    layer = make(build())
    sequences = tf.constant(draw(3, STEPS, N_X))

    def gradients(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(rows)[0] ** 2)
        return tape.gradient(loss, [state.value for state in layer.first_states])

    whole = gradients(sequences)
    alone = [gradients(sequences[row : row + 1]) for row in range(3)]
    for gradient, *by_row in zip(whole, *alone, strict=True):
        np.testing.assert_allclose(gradient, np.sum(by_row, axis=0), atol=1e-4)
        assert np.abs(gradient).min() > 0


@pytest.mark.slow
def test_gradient_is_that_of_finite_differences():
    layer = make(LSTM(N_A, dtype="float64", return_sequences=True))
    sequences = tf.constant(draw(2, STEPS, N_X), "float64")
    state = layer.first_states[1]  # the memory's
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(sequences) ** 2)
    gradient = tape.gradient(loss, state.value)

    start = state.numpy()
    for place in range(N_A):
        step = 1e-6 * np.eye(N_A)[place]
        losses = []
        for sign in (1, -1):
            state.assign(start + sign * step)
            losses.append(float(tf.reduce_sum(layer(sequences) ** 2)))
        expected = (losses[0] - losses[1]) / 2e-6
        np.testing.assert_allclose(gradient[place], expected, rtol=1e-5, atol=1e-8)


def test_state_that_is_given_goes_first():
    layer = make(GRU(N_A))
    sequences, state = draw(2, STEPS, N_X), draw(2, N_A)
    np.testing.assert_array_equal(
        layer(sequences, initial_state=[state]),
        layer.layer(sequences, initial_state=[state]),
    )


@pytest.mark.slow
def test_state_is_learned():
    # Nothing but the initial state can tell the target: the inputs are zeros.
    layer = LearnedInitialState(LSTM(N_A, use_bias=False))
    layer.layer.trainable = False
    model = keras.Sequential([keras.Input((None, N_X)), layer])
    model.compile(keras.optimizers.Adam(0.3), "mse")
    zeros, target = np.zeros((4, 2, N_X)), np.full((4, N_A), 0.1)
    before = model.evaluate(zeros, target, verbose=0)
    model.fit(zeros, target, epochs=15, verbose=0)
    assert model.evaluate(zeros, target, verbose=0) < 0.1 * before


def test_stack_may_have_layers_that_learn_their_state():
    stack = DeepRNN([LearnedInitialState(LSTM(N_A)), GRU(2)])
    stack.build((None, None, N_X))
    draw_weights(stack)
    sequences = draw(2, STEPS, N_X)
    first = [draw(1, N_A, seed=1)[0], draw(1, N_A, seed=2)[0]]
    for state, value in zip(stack.layers[0].first_states, first, strict=True):
        state.assign(value)

    result = stack(sequences)

    zeros = np.zeros((2, 2))
    rows = [np.stack([value, value]) for value in first]
    expected = stack(sequences, initial_state=[*rows, zeros])
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_saved_model_loads_by_itself_and_gives_identical_outputs(tmp_path):
    inputs = keras.Input((None, N_X))
    layer = LearnedInitialState(DeepRNN([LSTM(3), GRU(2)]), initializer="ones")
    model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    np.testing.assert_array_equal(layer.first_states[0], 1)
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    sequences = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None]
    np.testing.assert_array_equal(copy(sequences), model(sequences))


def test_stateful_layer_is_refused():
    with pytest.raises(ValueError, match="LearnedInitialState couldn't say where"):
        LearnedInitialState(GRU(2, stateful=True))


def test_layer_without_a_state_is_refused():
    with pytest.raises(ValueError, match="takes recurrent layers"):
        LearnedInitialState(keras.layers.Dense(2))
