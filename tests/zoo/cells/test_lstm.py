"""Long short-term memory."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.equations import lstm
from tests.zoo.cells.units import N_A, N_X, draw, draw_weights
from zoo.cells import LSTMCell

GATES = ["update", "forget", "candidate", "output"]  # the order of the columns


def make(cell_class=LSTMCell, **arguments):
    cell = cell_class(N_A, **arguments)
    cell.build((None, N_X))
    draw_weights(cell)
    return cell


def make_with_gates(**biases):
    """Makes a cell in which some gates are saturated by a bias."""
    cell = make()
    kernel, recurrent_kernel, bias = cell.get_weights()
    for gate, value in biases.items():
        place = GATES.index(gate)
        bias[place * N_A : (place + 1) * N_A] = value
    cell.set_weights([kernel, recurrent_kernel, bias])
    return cell


@pytest.mark.parametrize("use_bias", [True, False])
def test_step_follows_the_equation(use_bias):
    cell = make(use_bias=use_bias)
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)

    output, states = cell(x, [a, c])

    weights = cell.get_weights()
    assert len(weights) == 2 + use_bias
    expected_a, expected_c = lstm(x, [a, c], *weights)
    np.testing.assert_allclose(output, expected_a, atol=1e-6)
    np.testing.assert_array_equal(states[0], output)
    np.testing.assert_allclose(states[1], expected_c, atol=1e-6)


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize(
    "activations",
    [{}, {"activation": "relu", "recurrent_activation": "hard_sigmoid"}],
)
def test_step_equals_that_of_keras(activations, implementation):
    cell = make(**activations)
    namesake = make(keras.layers.LSTMCell, **activations, implementation=implementation)
    namesake.set_weights(cell.get_weights())
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)

    _, states = cell(x, [a, c])
    _, expected = namesake(x, [a, c])

    np.testing.assert_allclose(states, expected, atol=1e-6)


def test_open_forget_gate_keeps_the_memory_and_closed_drops_it():
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)

    _, [_, kept] = make_with_gates(update=-50, forget=50)(x, [a, c])
    _, [_, dropped] = make_with_gates(update=-50, forget=-50)(x, [a, c])

    np.testing.assert_array_equal(kept, c)
    np.testing.assert_allclose(dropped, 0, atol=1e-12)


def test_open_update_gate_writes_the_candidate():
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)

    cell = make_with_gates(update=50, forget=-50, candidate=50)
    _, [_, written] = cell(x, [a, c])

    np.testing.assert_allclose(written, 1)  # tanh(50)


def test_output_is_the_tanh_of_the_memory_through_the_output_gate():
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)

    shown, _ = make_with_gates(update=-50, forget=50, output=50)(x, [a, c])
    hidden, _ = make_with_gates(update=-50, forget=50, output=-50)(x, [a, c])

    np.testing.assert_allclose(shown, np.tanh(c), atol=1e-6)
    np.testing.assert_allclose(hidden, 0, atol=1e-12)


@pytest.mark.parametrize("unit_forget_bias", [True, False])
def test_only_the_forget_bias_starts_at_one(unit_forget_bias):
    cell = LSTMCell(N_A, unit_forget_bias=unit_forget_bias)
    cell.build((None, N_X))
    update, forget, candidate, output = np.split(cell.get_weights()[2], 4)
    np.testing.assert_array_equal(forget, unit_forget_bias)
    np.testing.assert_array_equal([update, candidate, output], 0)


def test_config_makes_the_same_cell():
    cell = make(
        recurrent_activation="hard_sigmoid", unit_forget_bias=False, dropout=0.1
    )
    config = keras.saving.serialize_keras_object(cell)

    copy = keras.saving.deserialize_keras_object(config)

    assert type(copy) is LSTMCell
    assert copy.get_config() == cell.get_config()
    copy.set_weights(cell.get_weights())
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)
    np.testing.assert_array_equal(copy(x, [a, c])[1], cell(x, [a, c])[1])


def test_positional_arguments_are_those_of_keras():
    arguments = (N_A, "relu", "hard_sigmoid", False, "ones")
    config = LSTMCell(*arguments, name="cell").get_config()
    assert config.pop("recurrent_weight_dropout") == 0
    assert not config.pop("peephole")
    assert not config.pop("layer_normalization")
    assert config == keras.layers.LSTMCell(*arguments, name="cell").get_config()
    assert config["recurrent_activation"] == "hard_sigmoid"


def test_recurrent_dropout_leaves_the_memory_that_is_kept():
    cell = make(recurrent_dropout=0.9)
    kernel, recurrent_kernel, bias = cell.get_weights()
    bias[: 2 * N_A] = np.repeat([-50, 50], N_A)
    cell.set_weights([kernel, recurrent_kernel, bias])
    x, a, c = draw(8, N_X), draw(8, N_A, seed=8), draw(8, N_A, seed=9)

    _, [_, kept] = cell(x, [a, c], training=True)

    np.testing.assert_array_equal(kept, c)
