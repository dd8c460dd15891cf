"""Perceptrons inside a cell's step, against NumPy."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import N_A, N_X, UNITS, draw, draw_weights, every_unit
from zoo import layers
from zoo.cells import DeepTransitionCell, LSTMCell, SimpleRNNCell

ALL = {"input_units": [5, 2], "transition_units": [6], "output_units": [3]}


def make(cell, **arguments):
    deep = DeepTransitionCell(cell, **arguments)
    deep.build((None, N_X))
    draw_weights(deep)
    return deep


def weights_of(layer):
    return [np.asarray(weight, "float64") for weight in layer.get_weights()]


def perceptron(path, v, back=False):
    """`g(W … g(W v + b) …)`, without g where it leads back to the state's size."""
    outputs = v.astype("float64")
    for number, dense in enumerate(path.hidden, start=1):
        kernel, bias = weights_of(dense)
        outputs = outputs @ kernel + bias
        if not (back and number == len(path.hidden)):
            outputs = np.tanh(outputs)
    return outputs


def shortcut(path, v):
    return v @ weights_of(path.shortcut)[0] if path.shortcut else v


@every_unit
@pytest.mark.parametrize("skip", [False, True])
def test_step_is_the_cells_between_three_perceptrons(unit, skip):
    cell = make(unit.cell(), skip=skip, **ALL)
    x, states = draw(2, N_X), [draw(2, N_A, seed=8 + s) for s in range(unit.states)]

    output, new = cell(x, states)

    def path(path, v, back=False):
        return perceptron(path, v, back) + (shortcut(path, v) if skip else 0)

    a = path(cell.transition_path, states[0], back=True)
    deep_x = path(cell.input_path, x)
    expected = unit.step(deep_x, [a, *states[1:]], *weights_of(cell.cell))
    np.testing.assert_allclose(new, expected, atol=1e-5)
    expected_output = path(cell.output_path, expected[0])
    np.testing.assert_allclose(output, expected_output, atol=1e-5)
    assert cell.output_size == output.shape[-1] == 3


@pytest.mark.parametrize("name", ALL)
def test_path_without_units_is_left_out(name):
    cell = make(SimpleRNNCell(N_A), **{name: ALL[name]})
    count = 2 * len(ALL[name]) + (2 if name == "transition_units" else 0)
    assert len(cell.weights) == 3 + count


def test_shortcut_alone_is_the_plain_cell():
    cell = make(SimpleRNNCell(N_A), transition_units=[6], skip=True)
    for dense in cell.transition_path.hidden:
        dense.set_weights([0 * weight for weight in dense.get_weights()])
    x, a = draw(2, N_X), draw(2, N_A, seed=8)

    output, _ = cell(x, [a])

    np.testing.assert_allclose(output, cell.cell(x, [a])[0], atol=1e-6)


def test_layer_runs_it_over_time_under_a_mask():
    cell = make(LSTMCell(N_A), **ALL)
    layer = layers.RNN(cell, return_sequences=True, return_state=True)
    sequences, mask = draw(2, 3, N_X), np.array([[1, 1, 1], [0, 1, 0]], bool)

    outputs, *last = layer(sequences, mask=mask)

    states = [np.zeros((2, N_A), "float32")] * 2
    for t in range(3):
        output, new = cell(sequences[:, t], states)
        valid = mask[:, t : t + 1]
        states = [np.where(valid, *pair) for pair in zip(new, states, strict=True)]
        np.testing.assert_allclose(
            outputs[:, t][mask[:, t]], output[mask[:, t]], atol=1e-6
        )
    np.testing.assert_allclose(last, states, atol=1e-6)


def test_dropout_of_the_cell_works_in_a_graph():
    inner = UNITS[1].cell(dropout=0.5, recurrent_dropout=0.5)
    layer = layers.RNN(DeepTransitionCell(inner, **ALL), return_sequences=True)
    sequences = tf.constant(draw(4, 3, N_X))
    layer(sequences)

    @tf.function
    def run():
        return layer(sequences, training=True)

    assert np.abs(run() - run()).max() > 0
    np.testing.assert_array_equal(layer(sequences), layer(sequences))


def test_saved_model_loads_by_itself_and_gives_identical_outputs(tmp_path):
    cell = DeepTransitionCell(LSTMCell(N_A), skip=True, activation="relu", **ALL)
    model = keras.Sequential([keras.Input((None, N_X)), layers.RNN(cell)])
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    loaded = copy.layers[-1].cell
    assert type(loaded) is DeepTransitionCell
    # Shapes in it are tuples before, and lists after they were in a file.
    assert json.dumps(loaded.get_config()) == json.dumps(cell.get_config())
    sequences = draw(2, 3, N_X)
    np.testing.assert_array_equal(copy(sequences), model(sequences))


def test_nothing_to_deepen_is_refused():
    with pytest.raises(ValueError, match="needs hidden layers"):
        DeepTransitionCell(SimpleRNNCell(N_A))


@pytest.mark.parametrize(
    "cell", ["lstm", keras.layers.StackedRNNCells([LSTMCell(2)])], ids=["name", "stack"]
)
def test_what_is_no_single_cell_is_refused(cell):
    with pytest.raises(ValueError, match="wraps one recurrent cell"):
        DeepTransitionCell(cell, input_units=[2])


def test_a_cell_that_knows_no_initial_state_starts_from_zeros():
    class Sums(keras.layers.Layer):
        state_size = output_size = 3

        def call(self, inputs, states):
            return states[0] + inputs, [states[0] + inputs]

    layer = layers.RNN(DeepTransitionCell(Sums(), input_units=[3]))
    x = draw(2, 4, 3)
    layer(x)
    w, b = layer.get_weights()
    expected = np.tanh(x @ w + b).sum(axis=1)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_a_size_that_is_no_list_is_refused():
    with pytest.raises(ValueError, match=r"`transition_units` is a list.*\[8\]"):
        DeepTransitionCell(LSTMCell(3), transition_units=8)
