"""One step at a time, against the layer run over the whole sequence."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from zoo import layers
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


@pytest.mark.parametrize("compiled", [False, True])
def test_product_is_the_matrix_product(compiled):
    rows, matrix = draw(2, 3), draw(3, 4)
    product = Product(tf.Variable(matrix), compiled)
    np.testing.assert_allclose(product(rows), rows @ matrix, atol=1e-6)
