"""Conditioning on one vector, against what it stands for, written out."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.units import N_A, N_X, draw, draw_weights, every_unit
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo.layers import GRU, LSTM, Bidirectional, Conditioned, DeepRNN

ROWS, N_V = len(ALL_PATTERNS), 2
WHOLE = {"return_sequences": True, "return_state": True}


def make(layer, **arguments):
    conditioned = Conditioned(layer, **arguments)
    conditioned.build((None, None, N_X), (None, N_V))
    draw_weights(conditioned)
    return conditioned


@pytest.mark.slow
@every_unit
@pytest.mark.parametrize(("as_input", "as_state"), [(1, 0), (0, 1), (1, 1)])
def test_vector_goes_in_where_it_is_said_to(unit, as_input, as_state):
    layer = make(unit.layer(**WHOLE), as_input=bool(as_input), as_state=bool(as_state))
    sequences, vector = draw(ROWS, STEPS, N_X), draw(ROWS, N_V, seed=5)

    results = layer(sequences, vector, mask=ALL_PATTERNS)

    states, inputs = None, sequences
    if as_state:
        states = [
            np.tanh(vector @ kernel + bias)
            for kernel, bias in (dense.get_weights() for dense in layer.to_states)
        ]
        assert len(states) == unit.states
    if as_input:
        repeated = np.repeat(vector[:, None], STEPS, axis=1)
        inputs = np.concatenate([sequences, repeated], axis=-1)
    expected = layer.layer(inputs, initial_state=states, mask=ALL_PATTERNS)
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)


@pytest.mark.parametrize(
    "build",
    [
        lambda: DeepRNN.stack("lstm", N_A, 2, skip="residual", **WHOLE),
        lambda: Bidirectional(GRU(N_A, **WHOLE)),
    ],
    ids=["deep", "bidirectional"],
)
def test_every_state_of_any_layer_is_set(build):
    layer = make(build(), as_input=False)
    sequences, vector = draw(2, STEPS, N_X), draw(2, N_V)
    states = layer.initial_state(vector)

    outputs, *_ = layer(sequences, vector)

    assert [state.shape[-1] for state in states] == layer.state_size
    expected, *_ = layer.layer(sequences, initial_state=states)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@every_unit
def test_steps_one_by_one_equal_the_sequence_in_one_go(unit):
    layer = make(unit.layer(**WHOLE))
    sequences, vector = draw(2, STEPS, N_X), draw(2, N_V)
    expected, *_ = layer(sequences, vector)

    states, outputs = layer.initial_state(vector), []
    for t in range(STEPS):
        output, *states = layer(
            sequences[:, t : t + 1], vector, initial_state=list(states)
        )
        outputs.append(output)

    np.testing.assert_allclose(np.concatenate(outputs, 1), expected, atol=1e-6)


def test_mask_that_travels_with_the_sequences_is_used():
    layer = make(LSTM(N_A, return_sequences=True))
    sequences, vector = draw(ROWS, STEPS, N_X), draw(ROWS, N_V)
    sequences *= ALL_PATTERNS[:, :, None]

    implicit = layer(keras.layers.Masking()(sequences), vector)

    explicit = layer(sequences, vector, mask=ALL_PATTERNS)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)
    np.testing.assert_array_equal(implicit._keras_mask, ALL_PATTERNS)


def test_saved_model_loads_by_itself_and_gives_identical_outputs(tmp_path):
    inputs, vector = keras.Input((None, N_X)), keras.Input((N_V,))
    layer = Conditioned(DeepRNN([GRU(3), LSTM(2)]), state_activation="linear")
    model = keras.Model([inputs, vector], layer(keras.layers.Masking()(inputs), vector))
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    data = [draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None], draw(ROWS, N_V)]
    np.testing.assert_array_equal(copy(data), model(data))
    np.testing.assert_allclose(model(data), layer(*data, mask=ALL_PATTERNS), atol=1e-6)


def test_vector_without_a_use_is_refused():
    with pytest.raises(ValueError, match="no use for the vector"):
        Conditioned(GRU(2), as_input=False, as_state=False)


def test_stateful_layer_is_refused():
    with pytest.raises(ValueError, match="Conditioned couldn't say where"):
        Conditioned(GRU(2, stateful=True))


def test_initial_state_without_as_state_is_refused():
    with pytest.raises(ValueError, match="Make it with `as_state=True`"):
        make(GRU(2), as_state=False).initial_state(draw(2, N_V))


def test_what_is_no_vector_is_refused():
    with pytest.raises(ValueError, match=r"one vector for each row.*\(2, 4, 3\)"):
        Conditioned(GRU(3), as_state=False)(draw(2, 4, 3), draw(2, 4, 3))
