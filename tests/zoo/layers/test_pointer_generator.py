"""A softmax mixed with a copy of what attention looks at, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from zoo.layers import PointerGenerator

ROWS, STEPS, SOURCE, TOKENS, UNITS = 3, 4, 5, 8, 2
# Tokens that occur twice, padding, a row of nothing to copy.
IDS = np.array([[3, 5, 3, 7, 3], [1, 2, 0, 0, 0], [0, 0, 0, 0, 0]], "int32")


VALUES = draw(ROWS, SOURCE, UNITS + 1, seed=4)


def case():
    """Returns a layer, and what it is called with."""
    layer = PointerGenerator()
    weights = np.exp(draw(ROWS, STEPS, SOURCE, seed=3))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    inputs = draw(ROWS, STEPS, TOKENS), draw(ROWS, STEPS, UNITS, seed=2), weights
    layer.build(*[each.shape for each in inputs], IDS.shape)
    draw_weights(layer)
    return layer, inputs


def with_values(layer):
    """Returns a layer with the same weights, and u."""
    other = PointerGenerator()
    shapes = (ROWS, STEPS, TOKENS), (ROWS, STEPS, UNITS), (ROWS, STEPS, SOURCE)
    other.build(*shapes, IDS.shape, VALUES.shape)
    other.set_weights([*layer.get_weights(), draw(UNITS + 1, 1, seed=6)])
    return other


def in_tensorflow(layer, logits, hidden, weights, values=None):
    """Returns log P by the docstring's equations, all ids at once."""
    gate = hidden @ layer.gate.kernel + layer.gate.bias
    if values is not None:
        gate += weights @ (values @ layer.cue.kernel)
    gate = tf.sigmoid(gate)
    known = tf.cast(IDS != 0, tf.float32)[..., None]
    copied = weights @ (tf.one_hot(IDS, TOKENS) * known)
    left = 1 - gate * tf.reduce_sum(copied, axis=-1, keepdims=True)
    return tf.math.log(left * tf.nn.softmax(logits) + gate * copied)


def test_it_is_the_equations_and_sums_to_one():
    layer, inputs = case()
    found = layer(*inputs, IDS)
    np.testing.assert_allclose(found, in_tensorflow(layer, *inputs), atol=1e-6)
    np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1, atol=1e-6)
    # Where there is nothing to copy, the softmax is alone.
    plain = tf.nn.log_softmax(inputs[0])
    np.testing.assert_allclose(found[2], plain[2], atol=1e-6)


@pytest.mark.parametrize("strange", [-1, TOKENS, TOKENS + 3])
def test_what_is_no_id_makes_its_row_nan_and_no_other(strange):
    layer, inputs = case()
    ids = IDS.copy()
    ids[1, 0] = strange
    found = layer(*inputs, ids).numpy()
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[::2], layer(*inputs, IDS)[::2])
    step = layer(*[each[:, 0] for each in inputs], ids).numpy()
    np.testing.assert_array_equal(np.isnan(step).all(axis=-1), [False, True, False])


def test_the_source_tells_what_is_to_be_copied():
    layer, inputs = case()
    other = with_values(layer)
    found, expected = other(*inputs, IDS, VALUES), in_tensorflow(other, *inputs, VALUES)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - layer(*inputs, IDS)).max() > 0.01
    # A new one begins without.
    other.cue.kernel.assign(np.zeros((UNITS + 1, 1)))
    np.testing.assert_array_equal(other(*inputs, IDS, VALUES), layer(*inputs, IDS))


def test_a_step_is_as_in_the_sequence():
    layer, inputs = case()
    layer = with_values(layer)
    found = layer(*inputs, IDS, VALUES)
    for t in range(STEPS):
        step = layer(*[each[:, t] for each in inputs], IDS, VALUES)
        np.testing.assert_allclose(step, found[:, t], atol=1e-6)


def test_beams_of_a_source_are_as_steps_of_it():
    layer, inputs = case()
    firsts = layer.firsts(tf.constant(IDS), TOKENS)
    assert firsts.numpy()[IDS != 0].tolist() == [0, 1, 0, 3, 0, 0, 1]
    assert (firsts.numpy()[IDS == 0] < 0).all()
    beams = [each.reshape(ROWS * STEPS, -1) for each in inputs]
    layer = with_values(layer)
    found = layer.mix(*beams, IDS, firsts, layer.cues(VALUES))
    expected = np.reshape(layer(*inputs, IDS, VALUES), (ROWS * STEPS, TOKENS))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    for batch, steps in ((0, STEPS), (ROWS, 0)):
        nothing = layer(*[each[:batch, :steps] for each in inputs], IDS[:batch])
        assert nothing.shape == (batch, steps, TOKENS)


def test_gradients_are_those_of_the_equations():
    layer, inputs = case()
    layer = with_values(layer)
    inputs = [tf.Variable(each) for each in inputs]
    values = tf.Variable(VALUES)
    variables = [*inputs, values, *[weight.value for weight in layer.weights]]
    by = draw(ROWS, STEPS, TOKENS, seed=5)

    def gradients(function):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(by * function())
        return tape.gradient(total, variables)

    found = gradients(lambda: layer(*inputs, IDS, values))
    expected = gradients(lambda: in_tensorflow(layer, *inputs, values))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_impossible_tokens_stay_so_and_large_numbers_give_no_nan():
    layer, (logits, hidden, weights) = case()
    logits[..., 0] = -1e9
    weights = np.eye(SOURCE, dtype="float32")[None, :STEPS].repeat(ROWS, axis=0)
    for scale in (1.0, 1e4, -1e4):
        variables = [tf.Variable(each) for each in (logits, scale * hidden, weights)]
        with tf.GradientTape() as tape:
            found = layer(*variables, IDS)
            loss = -tf.reduce_mean(found[..., 3])
        assert np.isfinite(found).all()
        assert (np.exp(found)[..., 0] == 0).all()
        np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1, atol=1e-5)
        for gradient in tape.gradient(loss, variables):
            assert np.isfinite(gradient).all()


@pytest.mark.parametrize("ruled_out", [-1e9, -np.inf])
def test_what_the_softmax_rules_out_is_not_copied(ruled_out):
    layer, (logits, hidden, weights) = case()
    others = np.arange(TOKENS) != 7
    logits[..., 7] = ruled_out
    found = layer(logits, hidden, weights, IDS).numpy()
    assert (np.exp(found[..., 7]) == 0).all()
    assert np.isfinite(found[..., others]).all()
    expected = in_tensorflow(layer, np.maximum(logits, -1e9), hidden, weights)
    np.testing.assert_allclose(
        found[..., others], expected.numpy()[..., others], atol=1e-5
    )


def test_a_new_one_copies_seldom():
    _, inputs = case()
    new = PointerGenerator()
    found = new(inputs[0], np.zeros_like(inputs[1]), inputs[2], IDS)
    plain = tf.nn.log_softmax(inputs[0])
    change = np.exp(found) - np.exp(plain)
    assert 0 < np.abs(change).max() < 0.05


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_it_computes_in_float32(policy):
    layer, inputs = case()
    mixed = PointerGenerator(dtype=policy)
    mixed.build(*[each.shape for each in inputs], IDS.shape)
    mixed.set_weights(layer.get_weights())
    found = mixed(*inputs, IDS)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, layer(*inputs, IDS), atol=1e-6)


def test_it_comes_back_from_its_config():
    layer, inputs = case()
    other = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other(*inputs, IDS), layer(*inputs, IDS))
