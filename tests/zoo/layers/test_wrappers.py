"""Wrapped cells over time: what is drawn, when, and for how long."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import N_A, UNITS, draw, draw_weights
from tests.zoo.layers.masks import STEPS
from zoo import cells, layers

ROWS, LONG = 8, 300
DROPOUT = {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 3}

# Wrappers that change nothing: what they wrap must draw as if it were alone.
IDLE = {
    "leaky": lambda cell: cells.Leaky(cell, alpha=0.0),
    "zoneout": lambda cell: cells.Zoneout(cell, rate=0.0),
    "nested": lambda cell: cells.Zoneout(cells.Leaky(cell, alpha=0.0), rate=0.0),
}
CELLS = {
    "rnn": lambda: cells.SimpleRNNCell(N_A, **DROPOUT),
    "lstm": lambda: cells.LSTMCell(N_A, **DROPOUT),
    "Keras' gru": lambda: keras.layers.GRUCell(N_A, **DROPOUT),
    "Keras' lstm": lambda: keras.layers.LSTMCell(N_A, implementation=1, **DROPOUT),
}


def run_twice(layer, in_graph):
    """Returns a built layer's outputs for two batches in training."""
    sequences = tf.constant(draw(ROWS, STEPS, N_A))
    layer.build(sequences.shape)
    draw_weights(layer)

    def train():
        return layer(sequences, training=True)

    train = tf.function(train) if in_graph else train
    return [np.asarray(train()) for _ in range(2)]


def check_draws(wrapped, plain, in_graph, residual=0.0):
    first, second = run_twice(wrapped, in_graph)
    expected_first, expected_second = run_twice(plain, in_graph)
    assert np.abs(first - second).max() > 1e-3  # new masks for each batch
    np.testing.assert_allclose(first, expected_first + residual, atol=1e-6)
    np.testing.assert_allclose(second, expected_second + residual, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("wrap", IDLE.values(), ids=IDLE)
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_wrapped_cell_draws_its_dropout_as_if_it_were_alone(make, wrap, in_graph):
    wrapped = layers.RNN(wrap(make()), return_sequences=True)
    plain = layers.RNN(make(), return_sequences=True)
    check_draws(wrapped, plain, in_graph)


@pytest.mark.slow
@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
def test_wrapped_cells_draw_in_keras_layer_and_in_stacks(in_graph):
    def stack():
        return keras.layers.StackedRNNCells([make() for make in CELLS.values()])

    def wrapped_stack():
        made = [make() for make in CELLS.values()]
        return keras.layers.StackedRNNCells([IDLE["nested"](cell) for cell in made])

    keras_layer = keras.layers.RNN(wrapped_stack(), return_sequences=True)
    plain = keras.layers.RNN(stack(), return_sequences=True)
    check_draws(keras_layer, plain, in_graph)
    residual = layers.RNN(cells.Residual(stack()), return_sequences=True)
    plain = layers.RNN(stack(), return_sequences=True)
    check_draws(residual, plain, in_graph, residual=draw(ROWS, STEPS, N_A))


def test_inference_graph_draws_no_random_numbers():
    cell = cells.Zoneout(cells.LSTMCell(N_A, **DROPOUT), rate=0.5, memory_rate=0.5)
    layer = layers.RNN(cell)
    sequences = tf.constant(draw(ROWS, STEPS, N_A))
    layer(sequences)

    def operations(training):
        function = tf.function(lambda: layer(sequences, training=training))
        graph = function.get_concrete_function().graph.as_graph_def()
        nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
        return {node.op for node in nodes}

    assert not [op for op in operations(False) if "Random" in op or "Assign" in op]
    assert [op for op in operations(True) if "Random" in op]


def make_zoneout(rate, **arguments):
    """Makes a layer that shows x<t> where a unit isn't zoned out, else a<t-1>."""
    unit = UNITS[0]
    cell = unit.cell(activation="linear")
    cell.build((None, N_A))
    unit.make_linear(cell, recurrence=0.0)
    cell = cells.Zoneout(cell, rate=rate, **arguments)
    return layers.RNN(cell, return_sequences=True)


def kept_units(outputs):
    """Returns where, (batch, steps, units), a unit kept its state."""
    return np.asarray(outputs) != count_up()


def count_up():
    steps = np.arange(1.0, LONG + 1, dtype="float32")[None, :, None]
    return np.broadcast_to(steps, (ROWS, LONG, N_A))


@pytest.mark.slow
@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
def test_zoneout_draws_anew_at_every_step(in_graph):
    rate = 0.4
    layer = make_zoneout(rate, seed=5)
    sequences = tf.constant(count_up())
    train = tf.function(lambda: layer(sequences, training=True))
    outputs = train() if in_graph else layer(sequences, training=True)

    kept = kept_units(outputs)

    # 9600 draws in all: a standard deviation of 0.005.
    assert kept.mean() == pytest.approx(rate, abs=0.025)
    # Two steps (rows, units) are as alike as chance has it, at any distance.
    alike = rate**2 + (1 - rate) ** 2
    for distance in (1, 2, 7, 32, 100):
        same = kept[:, distance:] == kept[:, :-distance]
        assert same.mean() == pytest.approx(alike, abs=0.03)
    patterns = kept.transpose(1, 0, 2).reshape(LONG, -1)
    assert len(np.unique(patterns, axis=0)) == LONG
    assert (kept[0] == kept[1]).mean() == pytest.approx(alike, abs=0.07)
    assert (kept[..., 0] == kept[..., 1]).mean() == pytest.approx(alike, abs=0.05)


def test_each_run_of_zoneout_in_a_graph_draws_anew_and_a_seed_repeats_it():
    runs = []
    for _ in range(2):
        layer = make_zoneout(0.4, seed=5)
        sequences = tf.constant(count_up())
        train = tf.function(lambda layer=layer, s=sequences: layer(s, training=True))
        runs.append([kept_units(train()) for _ in range(2)])
    assert (runs[0][0] != runs[0][1]).mean() > 0.4
    np.testing.assert_array_equal(runs[0], runs[1])


def test_gradient_goes_the_way_of_the_draws():
    layer = make_zoneout(0.4)
    sequences = tf.constant(count_up())

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            outputs = layer(sequences, training=True)
            loss = tf.reduce_sum(outputs)
        return outputs, tape.gradient(loss, sequences)

    outputs, gradient = train()
    # x<t> is shown at t and for as long as it is kept.
    shown = np.asarray(outputs).astype(int)
    expected = np.zeros((ROWS, LONG + 1, N_A))
    for row, unit in np.ndindex(ROWS, N_A):
        expected[row, :, unit] = np.bincount(shown[row, :, unit], minlength=LONG + 1)
    np.testing.assert_allclose(gradient, expected[:, 1:])


def test_zoneout_at_inference_is_the_mean_over_the_draws():
    layer = make_zoneout(0.4)
    sequences = tf.constant(draw(1, 4, N_A))
    many = tf.repeat(sequences, 4000, axis=0)
    mean = np.mean(layer(many, training=True), axis=0)
    np.testing.assert_allclose(mean, layer(sequences)[0], atol=0.08)


def test_loop_that_cannot_draw_is_refused(monkeypatch):
    layer = layers.RNN(cells.Residual(cells.Zoneout(cells.GRUCell(N_A), name="z")))
    sequences = draw(ROWS, STEPS, N_A)
    layer(sequences, training=True)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    layer(sequences)
    with pytest.raises(ValueError, match=r"'z' \(Zoneout\) draws .* `unroll=True`"):
        layer(sequences, training=True)


@pytest.mark.slow
def test_model_with_wrapped_cells_trains():
    cell = cells.Residual(
        cells.Zoneout(
            cells.Leaky(cells.LSTMCell(N_A, **DROPOUT), learned=True), memory_rate=0.5
        )
    )
    model = keras.Sequential([layers.RNN(cell), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    sequences, targets = draw(4, STEPS, N_A), draw(4, 1)
    model.build(sequences.shape)
    before = model.get_weights()

    history = model.fit(sequences, targets, epochs=2, verbose=0)

    assert np.isfinite(history.history["loss"]).all()
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() > 0
