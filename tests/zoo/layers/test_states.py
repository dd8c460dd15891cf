"""Initial states that a layer doesn't have."""

import keras
import numpy as np
import pytest

from zoo.layers import GRU, LSTM, RNN, Bidirectional, DeepRNN, LearnedInitialState

X = np.zeros((5, 4, 2), "float32")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "sizes"),
    [
        (LSTM(3), [3, 3]),
        (GRU(3, fused=False), [3]),
        (RNN(keras.layers.LSTMCell(3)), [3, 3]),
        (RNN([keras.layers.LSTMCell(3), keras.layers.GRUCell(2)]), [3, 3, 2]),
        (Bidirectional(LSTM(3)), [3, 3, 3, 3]),
        (DeepRNN([LSTM(3), GRU(2)]), [3, 3, 2]),
        (LearnedInitialState(GRU(3)), [3]),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_initial_states_that_a_layer_has_not_are_refused(layer, sizes):
    states = [np.zeros((5, size), "float32") for size in sizes]
    wrong = {
        f"has {len(sizes)} states, found {len(sizes) - 1}": states[:-1],
        f"has {len(sizes)} states, found {len(sizes) + 1}": [*states, states[0]],
        r"must have the shape \(batch, .*found \(5, 7\)": [
            *states[:-1],
            np.zeros((5, 7), "float32"),
        ],
        r"must have the shape \(batch, .*found \(3,\)": [np.zeros(3), *states[1:]],
    }
    for problem, given in wrong.items():
        with pytest.raises(ValueError, match=problem):
            layer(X, initial_state=given)
    few = [state[:2] for state in states]
    with pytest.raises(ValueError, match="2 rows, but the sequences have 5"):
        layer(X, initial_state=few)
    assert layer(X, initial_state=states).shape[0] == 5


@pytest.mark.parametrize("layer", [LSTM(3), Bidirectional(GRU(3)), DeepRNN([LSTM(3)])])
def test_wrong_states_are_refused_where_a_model_is_built(layer):
    with pytest.raises(ValueError, match="has 2 states, found 1"):
        layer(keras.Input((None, 2)), initial_state=[keras.Input((3,))])
