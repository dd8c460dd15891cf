"""Weights of a GRU, given to one that resets at another place."""

import keras
import numpy as np
import pytest

from zoo import layers
from zoo.layers import GRU, Bidirectional, DeepRNN, LearnedInitialState

X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (GRU(3), keras.layers.GRU(3)),
        (layers.RNN(layers.GRU(3).cell), keras.layers.GRU(3)),
        (Bidirectional(GRU(3)), keras.layers.Bidirectional(keras.layers.GRU(3))),
        (DeepRNN([GRU(3)]), keras.layers.GRU(3)),
        (GRU(3, reset_after=True), keras.layers.GRU(3, reset_after=False)),
    ],
)
def test_weights_of_the_other_gru_are_refused_by_name(ours, theirs):
    ours(X), theirs(X)
    with pytest.raises(ValueError, match=r"Make it by GRU\(…, reset_after="):
        ours.set_weights(theirs.get_weights())


def test_wrapper_refuses_weights_of_the_other_gru_by_name():
    ours, theirs = LearnedInitialState(GRU(3)), keras.layers.GRU(3)
    ours(X), theirs(X)
    state = [np.zeros(3, "float32")]
    weights = {3: state + theirs.get_weights(), 0: theirs.get_weights() + state}
    place = [tuple(weight.shape) for weight in ours.weights].index((3,))
    with pytest.raises(ValueError, match="reset_after"):
        ours.set_weights(weights[3 if place == 0 else 0])


def test_weights_file_of_the_other_gru_is_refused_by_name(tmp_path):
    ours, theirs = (
        keras.Sequential([keras.Input((4, 3)), kind(3, name="gru")])
        for kind in (GRU, keras.layers.GRU)
    )
    theirs.save_weights(tmp_path / "k.weights.h5")
    with pytest.raises(ValueError, match="reset_after"):
        ours.load_weights(tmp_path / "k.weights.h5")


def test_weights_of_the_same_gru_are_taken():
    ours, theirs = GRU(3, reset_after=True), keras.layers.GRU(3)
    ours(X), theirs(X)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)
