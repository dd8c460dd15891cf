"""Pooling over time, against NumPy over the valid steps alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from tests.zoo.layers.masks import ALL_PATTERNS, ROWS, STEPS, every_mask
from zoo import layers

FEATURES, UNITS = 3, 4


def largest(steps, weights):
    return steps.max(axis=0)


def mean(steps, weights):
    return steps.sum(axis=0) / len(steps)


def attended(steps, weights):
    """`Σ_t α<t> h<t>`, `α = softmax_t(vᵀ tanh(W h<t> + b))`."""
    w, b, v = (weight.astype("float64") for weight in weights)
    scores = np.exp(np.tanh(steps @ w + b) @ v)[:, 0]
    return (scores / scores.sum()) @ steps


POOLINGS = {
    layers.MaxPooling: largest,
    layers.MeanPooling: mean,
    layers.AttentionPooling: attended,
}
every_pooling = pytest.mark.parametrize(
    "pooling_class", POOLINGS, ids=lambda pooling_class: pooling_class.__name__
)


def make(pooling_class, **arguments):
    if pooling_class is layers.AttentionPooling:
        arguments["units"] = UNITS
    layer = pooling_class(**arguments)
    layer.build((None, STEPS, FEATURES))
    draw_weights(layer)
    return layer


@every_pooling
@every_mask
def test_valid_steps_alone_are_pooled(pooling_class, mask):
    layer = make(pooling_class)
    # Below zero, so that a zero of the padding would be the largest.
    sequences = draw(ROWS, STEPS, FEATURES) - 5

    result = layer(sequences, mask=mask)

    expected = np.zeros((ROWS, FEATURES))  # where a row has no valid step
    valid = np.ones((ROWS, STEPS), bool) if mask is None else mask
    for row in np.flatnonzero(valid.any(axis=1)):
        steps = sequences[row, valid[row]].astype("float64")
        expected[row] = POOLINGS[pooling_class](steps, layer.get_weights())
    assert result.shape == (ROWS, FEATURES)
    np.testing.assert_allclose(result, expected, atol=2e-6)


def check_padding(pooling_class, garbage):
    layer = make(pooling_class)
    sequences = draw(2, 3, FEATURES)
    padding = ((0, 0), (2, 1))
    mask = np.pad(np.ones((2, 3), bool), padding)
    padded = np.pad(sequences, (*padding, (0, 0)), constant_values=np.float32(garbage))

    result = layer(padded, mask=mask)

    np.testing.assert_allclose(result, layer(sequences), atol=1e-6)


@every_pooling
@pytest.mark.parametrize("garbage", [0, 1e3, -1e3])
def test_padding_never_changes_the_result(pooling_class, garbage):
    check_padding(pooling_class, garbage)


@every_pooling
@pytest.mark.parametrize("garbage", [np.nan, np.inf])
def test_padding_that_is_no_number_never_changes_the_result(pooling_class, garbage):
    check_padding(pooling_class, garbage)


@every_pooling
def test_gradients_are_finite_and_none_reaches_the_padding(pooling_class):
    layer = make(pooling_class)
    sequences = tf.constant(draw(len(ALL_PATTERNS), STEPS, FEATURES))
    with tf.GradientTape() as tape:
        tape.watch(sequences)
        loss = tf.reduce_sum(layer(sequences, mask=tf.constant(ALL_PATTERNS)) ** 2)
    variables = [weight.value for weight in layer.weights]
    gradient, *others = tape.gradient(loss, [sequences, *variables])

    assert all(np.isfinite(other).all() for other in others)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~ALL_PATTERNS], 0)
    reached = np.any(gradient, axis=-1)
    if pooling_class is not layers.MaxPooling:
        np.testing.assert_array_equal(reached, ALL_PATTERNS)
    np.testing.assert_array_equal(reached.any(axis=1), ALL_PATTERNS.any(axis=1))


@every_pooling
def test_mask_that_travels_with_the_sequences_ends_here(pooling_class):
    layer = make(pooling_class)
    sequences = draw(len(ALL_PATTERNS), STEPS, FEATURES) * ALL_PATTERNS[:, :, None]

    implicit = layer(keras.layers.Masking()(sequences))

    explicit = layer(sequences, mask=ALL_PATTERNS)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)
    assert keras.src.backend.get_keras_mask(implicit) is None


@every_pooling
def test_half_precision_stays_near_single_precision(pooling_class):
    single, half = make(pooling_class), make(pooling_class, dtype="mixed_bfloat16")
    sequences = draw(len(ALL_PATTERNS), STEPS, FEATURES)
    result = half(sequences, mask=ALL_PATTERNS)
    assert result.dtype == tf.bfloat16
    expected = single(sequences, mask=ALL_PATTERNS)
    np.testing.assert_allclose(tf.cast(result, "float32"), expected, atol=0.05)


@every_pooling
def test_saved_model_loads_by_itself_and_gives_identical_results(
    pooling_class, tmp_path
):
    inputs = keras.Input((None, FEATURES))
    layer = make(pooling_class, name="pooling")
    model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    loaded = copy.get_layer("pooling")
    assert type(loaded) is pooling_class
    assert loaded.get_config() == layer.get_config()
    sequences = draw(len(ALL_PATTERNS), STEPS, FEATURES) * ALL_PATTERNS[:, :, None]
    np.testing.assert_array_equal(copy(sequences), model(sequences))


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("pooling_class", [layers.MeanPooling, layers.AttentionPooling])
def test_many_steps_add_up_in_half_precision(pooling_class, dtype):
    # 700 steps of 200 are more than float16 has numbers for.
    x = tf.cast(200 + 20 * draw(2, 1000, FEATURES), dtype.removeprefix("mixed_"))
    mask = np.arange(1000) < np.array([[1000], [700]])
    pooling = make(pooling_class, dtype=dtype)
    pooling(x, mask=mask)
    found = np.asarray(tf.cast(pooling(x, mask=mask), "float64"))
    x, weights = np.asarray(tf.cast(x, "float64")), pooling.get_weights()
    pool = POOLINGS[pooling_class]
    expected = [pool(x[0], weights), pool(x[1, :700], weights)]
    np.testing.assert_allclose(found, expected, rtol=2**-8)


@every_pooling
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
def test_what_is_no_sequence_is_refused(pooling_class, shape):
    with pytest.raises(ValueError, match="expected ndim=3"):
        make(pooling_class)(np.zeros(shape, "float32"))


@pytest.mark.parametrize("masked", [True, False])
def test_checks_for_numbers_take_the_largest_of_nothing_for_meant(masked):
    mask = tf.constant([[True, False], [False, False]]) if masked else None
    x = tf.Variable(draw(2, 2, FEATURES))

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            pooled = layers.MaxPooling()(x, mask=mask)
        return tape.gradient(pooled, x)

    tf.debugging.enable_check_numerics()
    try:
        valid = x[:, :1] * [[[1.0]], [[0.0]]] if masked else x
        expected = np.max(valid, axis=1)
        np.testing.assert_array_equal(layers.MaxPooling()(x, mask=mask), expected)
        assert np.isfinite(gradient()).all()
        with pytest.raises(tf.errors.InvalidArgumentError, match="NaN"):
            layers.MaxPooling()(x * np.nan, mask=mask)
    finally:
        tf.debugging.disable_check_numerics()
