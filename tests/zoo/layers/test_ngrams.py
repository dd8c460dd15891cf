"""A bag of n-grams against sets of tuples."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers import BagOfNGrams

BUCKETS = 2**16


def make(**arguments):
    layer = BagOfNGrams(**({"units": 2, "order": 3, "buckets": BUCKETS} | arguments))
    layer.build((None, None))
    generator = np.random.default_rng(0)
    layer.set_weights([generator.normal(size=layer.table.shape).astype("float32")])
    return layer


def ngrams(row, order):
    """Returns the set of a row's n-grams without padding."""
    found = set()
    for n in range(1, order + 1):
        found |= {tuple(row[start : start + n]) for start in range(len(row) - n + 1)}
    return {ngram for ngram in found if 0 not in ngram}


def weights_of(layer, ngram):
    """Returns the weights of one n-gram: alone it is the first of its order."""
    alone = layer.places(tf.constant([ngram])).numpy()[0]
    return layer.get_weights()[0][alone[(len(ngram) - 1) * len(ngram)]]


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.integers(1, 3),
    st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), max_size=4),
)
def test_sum_is_over_the_set_of_the_rows_ngrams(order, rows):
    layer = make(order=order)
    ids = np.array(rows, np.int32).reshape(-1, 6)
    expected = np.zeros((len(ids), 2))
    for row, total in zip(ids.tolist(), expected, strict=True):
        for ngram in ngrams(row, order):
            total += weights_of(layer, list(ngram))
    np.testing.assert_allclose(layer(ids), expected, atol=1e-5)


def test_padding_changes_nothing():
    layer = make()
    ids = np.array([[5, 7, 5, 7, 9]])
    padded = np.pad(ids, [[0, 0], [0, 3]])
    np.testing.assert_allclose(layer(padded), layer(ids), rtol=1e-6)


def test_order_of_words_matters_to_bigrams_only():
    rows = np.array([[1, 2, 3], [3, 2, 1]])
    words = make(order=1)(rows)
    np.testing.assert_allclose(words[0], words[1], rtol=1e-6)
    bigrams = make(order=2)(rows)
    assert not np.allclose(bigrams[0], bigrams[1])


@pytest.mark.parametrize("order", [1, 2])
def test_ngrams_spread_evenly_over_the_rows(order):
    buckets = 512
    layer = make(units=1, order=order, buckets=buckets)
    ids = np.arange(1, 20_001, dtype="int32").reshape(-1, order)
    places = layer.places(ids).numpy()[:, (order - 1) * order]
    counts = np.bincount(places, minlength=buckets)
    assert len(counts) == buckets
    # Thrown at random, their number has the variance of its mean.
    assert 0.8 < counts.var() / counts.mean() < 1.25


def test_only_the_ngrams_that_occur_are_learned():
    layer = make(units=1, order=2)
    ids = tf.constant([[3, 4, 0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(ids))
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.table.value)).numpy()
    places = layer.places(ids).numpy()[0]
    touched = np.flatnonzero(gradient)
    assert set(touched) == set(places[places < BUCKETS])
    assert len(touched) == 3
    np.testing.assert_array_equal(gradient[touched], 1)


def test_no_rows_and_no_steps_give_zeros():
    layer = make()
    assert layer(np.zeros((0, 4), "int32")).shape == (0, 2)
    np.testing.assert_array_equal(layer(np.zeros((2, 0), "int32")), np.zeros((2, 2)))


def test_config_makes_the_same_layer():
    layer = make(units=3, order=1, buckets=11)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert (again.units, again.order, again.buckets) == (3, 1, 11)


@pytest.mark.parametrize("argument", ["units", "order", "buckets"])
def test_number_out_of_range_is_named(argument):
    with pytest.raises(ValueError, match=f"{argument} must be .*found 0"):
        make(**{argument: 0})
