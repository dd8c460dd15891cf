"""Sequences without a single step, called eagerly: nothing happens to the states."""

import numpy as np
import pytest

from zoo import layers
from zoo.cells import LSTMCell, Zoneout

X = np.zeros((2, 0, 3), "float32")
STATE = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")

UNITS = {
    "kernel": lambda **how: layers.GRU(4, **how),
    "cell": lambda **how: layers.GRU(4, fused=False, **how),
    "unrolled": lambda **how: layers.GRU(4, unroll=True, **how),
    "backwards": lambda **how: layers.GRU(4, fused=False, go_backwards=True, **how),
    "activation": lambda **how: layers.SimpleRNN(4, activation="relu", **how),
    "dropout": lambda **how: layers.GRU(4, dropout=0.5, recurrent_dropout=0.5, **how),
    "stateful": lambda **how: layers.GRU(4, stateful=True, **how),
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("training", [False, True])
def test_states_stay_and_there_are_no_outputs(unit, training):
    layer = UNITS[unit](return_sequences=True, return_state=True)
    outputs, state = layer(X, initial_state=STATE, training=training)
    assert outputs.shape == (2, 0, 4)
    np.testing.assert_allclose(state, STATE)


@pytest.mark.parametrize("mask", [None, np.zeros((2, 0), bool)])
@pytest.mark.parametrize("unit", UNITS)
def test_the_last_output_is_zeros(unit, mask):
    np.testing.assert_array_equal(UNITS[unit]()(X, mask=mask), np.zeros((2, 4)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.RNN(Zoneout(LSTMCell(4), 0.1), return_sequences=True),
        lambda: layers.RNN([LSTMCell(3), LSTMCell(4)], return_sequences=True),
        lambda: layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
        lambda: layers.DeepRNN(
            [layers.LSTM(4), layers.SimpleRNN(4, activation="relu")],
            return_sequences=True,
        ),
    ],
    ids=["wrapped", "stacked cells", "bidirectional", "deep"],
)
def test_layers_made_of_others_have_no_outputs(make):
    assert make()(X).shape == (2, 0, 4)


def test_no_rows_either():
    assert layers.LSTM(4, return_sequences=True)(X[:0]).shape == (0, 0, 4)
