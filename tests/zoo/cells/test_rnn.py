"""The simple recurrent unit."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.equations import simple_rnn
from tests.zoo.cells.units import N_A, N_X, draw, draw_weights
from zoo.cells import SimpleRNNCell


def make(cell_class=SimpleRNNCell, **arguments):
    cell = cell_class(N_A, **arguments)
    cell.build((None, N_X))
    draw_weights(cell)
    return cell


@pytest.mark.parametrize("use_bias", [True, False])
def test_step_follows_the_equation(use_bias):
    cell = make(use_bias=use_bias)
    x, a = draw(2, N_X), draw(2, N_A, seed=9)

    output, [state] = cell(x, [a])

    weights = cell.get_weights()
    assert len(weights) == 2 + use_bias
    [expected] = simple_rnn(x, [a], *weights)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    np.testing.assert_array_equal(state, output)


@pytest.mark.parametrize("activation", ["tanh", "relu", None])
def test_step_equals_that_of_keras(activation):
    cell = make(activation=activation)
    namesake = make(keras.layers.SimpleRNNCell, activation=activation)
    namesake.set_weights(cell.get_weights())
    x, a = draw(2, N_X), draw(2, N_A, seed=9)

    np.testing.assert_allclose(cell(x, [a])[0], namesake(x, [a])[0], atol=1e-6)


def test_state_comes_back_in_the_form_it_was_given():
    cell = make()
    x, a = draw(2, N_X), draw(2, N_A, seed=9)

    _, [in_list] = cell(x, [a])
    _, alone = cell(x, a)

    assert alone.shape == (2, N_A)
    np.testing.assert_array_equal(alone, in_list)


def test_config_makes_the_same_cell():
    cell = make(activation="relu", use_bias=False, dropout=0.1, recurrent_dropout=0.2)
    config = keras.saving.serialize_keras_object(cell)

    copy = keras.saving.deserialize_keras_object(config)

    assert type(copy) is SimpleRNNCell
    assert copy.get_config() == cell.get_config()
    copy.set_weights(cell.get_weights())
    x, a = draw(2, N_X), draw(2, N_A, seed=9)
    np.testing.assert_array_equal(copy(x, [a])[0], cell(x, [a])[0])


def test_positional_arguments_are_those_of_keras():
    arguments = (N_A, "relu", False, "ones")
    config = SimpleRNNCell(*arguments, name="cell").get_config()
    assert config.pop("recurrent_weight_dropout") == 0
    assert config == keras.layers.SimpleRNNCell(*arguments, name="cell").get_config()
    assert config["activation"] == "relu"


@pytest.mark.parametrize("units", [0, -1])
def test_cell_without_units_is_refused(units):
    with pytest.raises(ValueError, match="positive integer"):
        SimpleRNNCell(units)
