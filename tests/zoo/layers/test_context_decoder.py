"""A decoder that sees one vector at every step, against its layer."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.units import draw
from zoo.layers import GRU, LSTM, Bidirectional, ContextDecoder, DeepRNN


def test_it_starts_from_its_layers_own_states_and_comes_back_from_its_config():
    decoder = ContextDecoder(LSTM(3))
    decoder = ContextDecoder.from_config(decoder.get_config())
    x, c = draw(2, 4, 3), draw(2, 5, seed=1)
    decoder.build(x.shape, c.shape)

    a, weights, *states = decoder.run(x, c)

    seen = np.concatenate([x, np.repeat(c[:, None], 4, axis=1)], axis=-1)
    plain = keras.layers.LSTM(3, return_sequences=True, return_state=True)
    plain.build(seen.shape)
    plain.set_weights(decoder.get_weights())
    for ours, theirs in zip([a, *states], plain(seen), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert weights is None


def test_a_layer_that_has_weights_already_keeps_them():
    layer = DeepRNN([GRU(3), GRU(2)], skip="residual")
    layer.build((None, None, 8))
    weights = layer.get_weights()
    decoder = ContextDecoder(layer)
    decoder(draw(2, 4, 3), draw(2, 5, seed=1))
    for found, expected in zip(decoder.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (keras.layers.Dense(3), "takes recurrent layers"),
        (Bidirectional(GRU(3)), "goes backwards"),
        (GRU(3, stateful=True), "is stateful"),
    ],
)
def test_what_is_no_decoder_is_refused(layer, problem):
    with pytest.raises(ValueError, match=problem):
        ContextDecoder(layer)
