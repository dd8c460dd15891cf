"""A decoder's first states, against NumPy."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.units import draw, draw_weights
from zoo.layers import Bridge

# Two layers of two directions, of an LSTM: a→, c→, a←, c← of each.
STATES = [draw(3, 2, seed=number) for number in range(8)]
LAST = np.concatenate([STATES[4], STATES[6]], axis=1)


def test_states_are_copied_side_by_side():
    states, c = Bridge("copy", 2, 4 * [4])(STATES)
    for place, (forward, backward) in enumerate([(0, 2), (1, 3), (4, 6), (5, 7)]):
        both = np.concatenate([STATES[forward], STATES[backward]], axis=1)
        np.testing.assert_array_equal(states[place], both)
    np.testing.assert_array_equal(c, LAST)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_states_are_made_of_the_uppermost_layer(dtype):
    layer = Bridge("dense", 2, 4 * [4], dtype=dtype)
    layer(STATES)
    draw_weights(layer)
    layer = Bridge.from_config(layer.get_config())
    states, _ = layer(STATES)
    draw_weights(layer)
    states, _ = layer(STATES)
    kernels, biases = layer.get_weights()[::2], layer.get_weights()[1::2]
    for state, kernel, bias in zip(states, kernels, biases, strict=True):
        assert keras.backend.standardize_dtype(state.dtype) == dtype
        np.testing.assert_allclose(state, np.tanh(LAST @ kernel + bias), atol=1e-6)


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="one of copy, dense, zero, found 'copi'"):
        Bridge("copi", 1, [4])


@pytest.mark.parametrize("count", [1, 3, 7])
def test_states_of_one_direction_are_refused(count):
    with pytest.raises(ValueError, match=f"both directions of 2 layers.*found {count}"):
        Bridge("copy", 2, [4, 4])(STATES[:count])
