"""Output layers for frames of notes, against the same key by key in NumPy."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from tests.zoo.layers import frames
from zoo.layers import BernoulliOutput, NADEOutput

UNITS, KEYS = 3, 5
CASES = {
    "bernoulli": (lambda keys: BernoulliOutput(keys), frames.bernoulli, {}),
    "nade, high to low": (
        lambda keys: NADEOutput(keys, units=4),
        frames.nade,
        {"order": "high_to_low"},
    ),
    "nade, low to high": (
        lambda keys: NADEOutput(keys, units=4, order="low_to_high"),
        frames.nade,
        {"order": "low_to_high"},
    ),
}
every_case = pytest.mark.parametrize(
    ("make", "keys", "how"), CASES.values(), ids=CASES.keys()
)


def built(make, keys=KEYS):
    layer = make(keys)
    layer.build((None, UNITS))
    draw_weights(layer)
    layer.set_weights([3 * weight for weight in layer.get_weights()])
    return layer


@every_case
def test_nats_are_the_equation_and_all_frames_have_probability_1(make, keys, how):
    layer = built(make)
    every = frames.every_frame(KEYS)
    hidden = draw(2, UNITS)
    repeated = np.repeat(hidden[:, None], len(every), axis=1)
    found = layer(repeated, np.stack([every, every])).numpy()
    expected = [
        [frames.nats(keys, layer.weights, h, frame, **how) for frame in every]
        for h in hidden
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(np.exp(-found.astype("float64")).sum(1), 1, rtol=1e-5)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool"])
def test_notes_are_of_any_dtype_and_what_is_none_costs_nan(make, keys, how, dtype):
    layer = built(make)
    hidden = draw(4, UNITS)
    notes = np.array([[1, 0, 1, 1, 0]] * 4)
    expected = layer(hidden, notes.astype("float32")).numpy()
    np.testing.assert_array_equal(layer(hidden, notes.astype(dtype)), expected)
    if dtype == "bool":
        return
    notes[1, 2], notes[2, 4] = 127, 2  # as MIDI has velocities
    found = tf.function(layer)(hidden, notes.astype(dtype)).numpy()
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, False])
    np.testing.assert_allclose(found[[0, 3]], expected[[0, 3]], rtol=1e-6)


@every_case
@pytest.mark.parametrize("value", [0.5, -1.0, math.nan, math.inf])
def test_what_is_between_notes_and_silence_costs_nan(make, keys, how, value):
    layer, notes = built(make), np.zeros((2, KEYS), "float32")
    notes[1, 3] = value
    found = layer(draw(2, UNITS), notes).numpy()
    np.testing.assert_array_equal(np.isnan(found), [False, True])


@every_case
@pytest.mark.parametrize("temperature", [1.0, 0.6, 0.0])
def test_draws_are_those_made_key_by_key(make, keys, how, temperature):
    layer = built(make)
    hidden, points = draw(40, UNITS), np.random.default_rng(1).random((40, KEYS))
    found = layer.draw(hidden, points, temperature).numpy()
    expected = [
        frames.drawn(keys, layer.weights, h, each, temperature, **how)
        for h, each in zip(hidden, points, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found, axis=0)) > 5
    each = layer.draw(hidden, points, tf.fill([40], temperature))
    np.testing.assert_array_equal(found, each)


@every_case
def test_frames_are_drawn_as_often_as_they_are_probable(make, keys, how):
    layer = built(make, 3)
    every, rows = frames.every_frame(3), 20_000
    h = draw(UNITS, seed=3)
    points = np.random.default_rng(2).random((rows, 3))
    found = layer.draw(np.tile(h, (rows, 1)), points).numpy() @ [4, 2, 1]
    chances = [np.exp(-frames.nats(keys, layer.weights, h, f, **how)) for f in every]
    expected = rows * np.array(chances)
    counts = np.bincount(found.astype(int), minlength=8)
    # χ² of 7 degrees of freedom is above 24.3 once in a thousand.
    assert np.sum((counts - expected) ** 2 / expected) < 24.3


@every_case
def test_points_outside_of_the_interval_decide_a_key(make, keys, how):
    layer = built(make)
    layer.set_weights([20 * weight for weight in layer.get_weights()])
    points = np.full((30, KEYS), -1.0)
    assert layer.draw(draw(30, UNITS), points).numpy().all()
    assert not layer.draw(draw(30, UNITS), -points).numpy().any()


@pytest.mark.parametrize("order", ["high_to_low", "low_to_high"])
def test_gradients_are_those_of_every_key_computed_by_itself(order):
    layer = built(lambda keys: NADEOutput(keys, 4, order, dtype="float64"), 9)
    hidden = tf.constant(draw(20, UNITS), tf.float64)
    notes = tf.constant(draw(20, 9) > np.linspace(-2, 2, 20)[:, None], tf.float64)

    def dense():
        sounding = notes[:, :, None] * layer.from_keys
        heard = tf.cumsum(sounding, 1, exclusive=True, reverse=order == "high_to_low")
        a = layer.hidden_bias(hidden)[:, None] + heard
        scores = tf.einsum("nku,uk->nk", tf.sigmoid(a), layer.to_keys)
        logits = layer.visible_bias(hidden) + scores
        return tf.nn.sigmoid_cross_entropy_with_logits(notes, logits)

    variables = [weight.value for weight in layer.weights]
    results = []
    for cost in (lambda: layer(hidden, notes), dense):
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            total = tf.reduce_sum(cost())
        results.append(tape.gradient(total, [hidden, *variables]))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("output", [BernoulliOutput, NADEOutput])
def test_frames_are_drawn_in_half_precision(output, dtype):
    units = {"units": 4} if output is NADEOutput else {}
    layers = [output(KEYS, **units, dtype=policy) for policy in (dtype, "float32")]
    hidden, points = draw(6, UNITS), np.full((6, KEYS), 0.5)
    frames = []
    for layer in layers:
        layer.build((None, UNITS))
        draw_weights(layer)
        frames.append(layer.draw(tf.cast(hidden, layer.compute_dtype), points))
    found, expected = map(np.asarray, frames)
    assert set(np.unique(found)) == {0, 1}
    assert np.mean(found == expected) > 0.9  # rounding decides what is near a half


@every_case
def test_no_frames_cost_nothing_and_draw_nothing(make, keys, how):
    layer = built(make)
    nothing = tf.zeros([0, UNITS])
    assert layer(tf.zeros([2, 0, UNITS]), tf.zeros([2, 0, KEYS])).shape == (2, 0)
    assert layer.draw(nothing, tf.zeros([0, KEYS], tf.float64)).shape == (0, KEYS)


@every_case
def test_layer_comes_back_from_its_config(make, keys, how):
    layer = make(KEYS)
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 6, 4), (2, 4)])
@pytest.mark.parametrize("output", [NADEOutput, BernoulliOutput])
def test_frames_of_another_shape_are_refused(output, shape):
    with pytest.raises(ValueError, match=r"must have the shape \(2, 3, 4\)"):
        output(4)(np.zeros((2, 3, 5)), np.zeros(shape))


def test_unknown_order_is_named():
    with pytest.raises(ValueError, match="order must be 'high_to_low' or"):
        NADEOutput(KEYS, order="upwards")


@pytest.mark.parametrize("output", [BernoulliOutput, NADEOutput])
def test_quantized_layers_draw_what_they_say_is_probable(output):
    layer = built(output)
    for dense in layer._flatten_layers():
        if isinstance(dense, keras.layers.Dense):
            dense.quantize("int8")
    hidden = np.repeat(draw(1, UNITS), 2**KEYS, axis=0)
    every = np.array(list(np.ndindex(*KEYS * [2])), "float32")
    chances = np.exp(-layer(hidden, every))
    np.testing.assert_allclose(chances.sum(), 1, atol=1e-3)
    points = np.random.default_rng(1).random((20_000, KEYS)).astype("float32")
    drawn = layer.draw(np.repeat(hidden[:1], len(points), axis=0), points)
    found = np.mean(drawn, axis=0)
    np.testing.assert_allclose(found, chances @ every, atol=0.02)
