"""One step at a time, against the layer run over the whole sequence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from zoo import cells, layers
from zoo.layers import stepping
from zoo.layers.stepping import Product, stepper

IDS = np.random.default_rng(0).integers(0, 7, [2, 5])
TABLE = draw(7, 3)
MADE = {
    "a kernel": lambda: layers.GRU(4),
    "no kernel": lambda: layers.LSTM(4, peephole=True),
    "fused=False": lambda: layers.GRU(4, fused=False),
    "reset_after": lambda: layers.GRU(4, reset_after=True),
    "a stack": lambda: layers.DeepRNN([layers.LSTM(4), layers.SimpleRNN(3)]),
    "mixed": lambda: layers.DeepRNN(
        [layers.LSTM(4, peephole=True), layers.GRU(3)], skip="output"
    ),
    "inputs everywhere": lambda: layers.DeepRNN(
        [layers.LSTM(4), layers.GRU(3)], skip=("input", "residual")
    ),
    "a stack in a stack": lambda: layers.DeepRNN(
        [layers.DeepRNN([layers.GRU(4)]), layers.GRU(3)]
    ),
    "a minGRU": lambda: layers.MinGRU(4),
    "inputs beside products": lambda: layers.DeepRNN([layers.SRU(3), layers.RGLRU(3)]),
    "projections": lambda: layers.DeepRNN([layers.SRU(4), layers.RGLRU(2)]),
    "a learned state": lambda: layers.LearnedInitialState(layers.GRU(4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("largest_table", [0, 2**22])
@pytest.mark.parametrize("compiled", [False, True])
def test_steps_over_a_table_are_the_layer_over_its_rows(
    kind, largest_table, compiled, monkeypatch
):
    monkeypatch.setattr(stepping, "_LARGEST_TABLE", largest_table)
    layer = MADE[kind]()
    layer.build((None, None, 3))
    draw_weights(layer)
    layer.return_sequences = layer.return_state = True
    outputs, *last = layer(TABLE[IDS])
    looked_up = stepper(layer, table=TABLE, compiled=compiled)
    embedded = stepper(layer, compiled=compiled)
    first = tf.nest.flatten(layer.get_initial_state(2))
    for step, inputs in ((looked_up, IDS), (embedded, TABLE[IDS])):
        state = first
        for t in range(5):
            output, state = step(tf.constant(inputs[:, t]), state)
            np.testing.assert_allclose(output, outputs[:, t], atol=1e-5)
        for found, expected in zip(state, tf.nest.flatten(last), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5)


BY_CELLS = {"fused": False}  # for no call to wait for a kernel to be compiled
DROPPING = {
    "inputs": lambda: layers.LSTM(4, dropout=0.5, **BY_CELLS),
    "state": lambda: layers.GRU(4, recurrent_dropout=0.5),
    "weights": lambda: layers.LSTM(4, recurrent_weight_dropout=0.5, **BY_CELLS),
    "a cell of Keras": lambda: layers.RNN(
        keras.layers.LSTMCell(4, dropout=0.5, recurrent_dropout=0.5)
    ),
    "wrapped": lambda: layers.RNN(cells.Leaky(cells.GRUCell(4, dropout=0.5))),
    "stacked cells": lambda: layers.RNN(
        [cells.LSTMCell(4), cells.GRUCell(3, recurrent_dropout=0.5)]
    ),
    "a stack": lambda: layers.DeepRNN(
        [
            layers.LSTM(4, dropout=0.5, **BY_CELLS),
            layers.GRU(3, recurrent_weight_dropout=0.5, **BY_CELLS),
        ]
    ),
}


@pytest.mark.parametrize("kind", DROPPING)
def test_each_stepper_has_masks_of_its_own_and_leaves_none_in_the_layer(kind):
    layer = DROPPING[kind]()
    layer.build((None, None, 3))
    draw_weights(layer)

    def run(step, rows=8):
        x, outputs = draw(rows, 3), []
        sizes = tf.nest.flatten(layer.state_size)
        states = [draw(rows, n, seed=place) for place, n in enumerate(sizes, start=9)]
        for _ in range(3):
            output, states = step(x, states)
            outputs.append(output)
        return np.array(outputs)

    one, other = stepper(layer, training=True), stepper(layer, training=True)
    first, second = run(one), run(other)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(run(one), first)
    assert np.isfinite(run(stepper(layer, training=True), rows=2)).all()
    assert np.isfinite(layer(draw(5, 2, 3), training=True)).all()
    np.testing.assert_array_equal(run(other), second)


def test_steps_of_a_loop_in_a_graph_drop_the_same_and_leave_the_layer_to_train():
    layer = layers.RNN(cells.SimpleRNNCell(1, dropout=0.5), **BY_CELLS)
    layer.build((None, None, 1))
    layer.set_weights([np.ones((1, 1)), np.zeros((1, 1)), np.zeros(1)])
    x = tf.ones((40, 1))

    @tf.function
    def outputs():
        step, state = stepper(layer, training=True), layer.get_initial_state(40)
        step(x, state)  # draws, outside of the loop
        found = tf.TensorArray(tf.float32, 4)

        def go_on(t, state, found):
            output, state = step(x, state)
            return t + 1, state, found.write(t, output)

        return tf.while_loop(lambda t, *_: t < 4, go_on, (0, state, found))[2].stack()

    first, second = (outputs().numpy()[..., 0] for _ in range(2))
    assert set(np.ptp(first, axis=0)) == {0}
    assert len(set(first[0])) == 2
    assert np.abs(first - second).max() > 0
    assert np.isfinite(layer(draw(3, 2, 1), training=True)).all()


@pytest.mark.parametrize("kind", MADE)
def test_a_layer_without_weights_is_told_to_be_built(kind):
    with pytest.raises(ValueError, match=r"has no weights yet\. Call it, or `build"):
        stepper(MADE[kind]())


def test_a_call_draws_anew_after_a_step_that_was_taken_by_hand():
    layer = layers.LSTM(4, dropout=0.5, **BY_CELLS)
    layer.build((None, None, 3))
    layer.cell(draw(2, 3), layer.get_initial_state(2), training=True)
    assert layer(draw(5, 2, 3), training=True).shape == (5, 4)


@pytest.mark.parametrize("compiled", [False, True])
def test_product_is_the_matrix_product(compiled):
    rows, matrix = draw(2, 3), draw(3, 4)
    product = Product(tf.Variable(matrix), compiled)
    np.testing.assert_allclose(product(rows), rows @ matrix, atol=1e-6)
