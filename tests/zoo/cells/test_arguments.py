"""Sizes and rates that cells and layers are made with."""

import numpy as np
import pytest

from zoo import cells, layers

OF_UNITS = [
    cells.LSTMCell,
    cells.GRUCell,
    cells.SimpleRNNCell,
    cells.MinGRUCell,
    layers.LSTM,
    layers.GRU,
    layers.SimpleRNN,
    layers.SRU,
    layers.AttentionPooling,
]
DROPPING = [
    cells.LSTMCell,
    cells.GRUCell,
    cells.SimpleRNNCell,
    layers.LSTM,
    layers.GRU,
    layers.SimpleRNN,
]


def named(value):
    return getattr(value, "__name__", repr(value))


@pytest.mark.parametrize("kind", OF_UNITS, ids=named)
@pytest.mark.parametrize("units", [0, -1, 2.5, 3.0, "8", None, [3], np.float32(3)])
def test_units_that_are_no_positive_integer_are_refused(kind, units):
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        kind(units)
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        kind(units=units)


@pytest.mark.parametrize("kind", OF_UNITS, ids=named)
def test_units_of_numpy_are_numbers_of_pythons(kind):
    made = kind(np.int64(3))
    assert type(made.units) is int
    assert made.get_config()["units"] == 3


@pytest.mark.parametrize("kind", DROPPING, ids=named)
@pytest.mark.parametrize("rate", [1.5, -0.1, float("nan"), "0.5", None])
def test_rates_beyond_their_range_are_refused(kind, rate):
    # Keras makes 1.5 one of 1, and -0.1 none, and says nothing.
    for name in ("dropout", "recurrent_dropout"):
        with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\]. Found"):
            kind(3, **{name: rate})
    with pytest.raises(ValueError, match="`recurrent_weight_dropout` must be in"):
        kind(3, recurrent_weight_dropout=rate)


def test_a_rate_by_place_is_seen_too():
    before = [3, "tanh", True, *3 * ["zeros"], *6 * [None]]
    assert cells.SimpleRNNCell(*before, 0.25).dropout == 0.25
    with pytest.raises(ValueError, match="`dropout` must be in"):
        cells.SimpleRNNCell(*before, 1.5)


@pytest.mark.parametrize("kind", DROPPING, ids=named)
def test_all_may_be_dropped_as_in_keras(kind):
    assert kind(3, dropout=1.0, recurrent_dropout=np.float32(0.5)).dropout == 1


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (layers.Attention, {"units": "8"}),
        (layers.Attention, {"heads": 2.0}),
        (layers.BagOfNGrams, {"units": 2.5}),
        (layers.BagOfNGrams, {"units": 2, "order": "2"}),
        (layers.ContinuousCache, {"places": 2.5}),
    ],
)
def test_sizes_that_are_no_whole_numbers_are_refused(kind, arguments):
    *_, name = arguments
    with pytest.raises(ValueError, match=f"{name} must be a whole number, found"):
        kind(**arguments)


def test_an_argument_given_twice_is_told_as_python_tells_it():
    with pytest.raises(TypeError, match="multiple values for argument 'activation'"):
        layers.LSTM(3, "tanh", activation="tanh")
