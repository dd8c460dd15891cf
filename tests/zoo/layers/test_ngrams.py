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
    layer.table.assign(generator.normal(size=layer.table.shape))
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


def counted(rows, labels, units):
    """Returns an adapted layer, and each n-gram's ratios by sets of tuples."""
    layer = make(units=units, order=2, naive_bayes=True)
    ids, truth = np.array(rows, np.int32), np.array(labels)
    halves = [(ids[part], truth[part]) for part in (slice(2), slice(2, None))]
    layer.adapt(halves)
    sets = [ngrams(row, 2) for row in rows]
    found = {}
    for ngram in set().union(*sets):
        has = np.array([ngram in each for each in sets])
        found[ngram] = []
        for own in np.transpose(labels).astype(bool):
            logs = []
            for group in (own, ~own):
                total = BUCKETS + sum(
                    len(each)
                    for each, member in zip(sets, group, strict=True)
                    if member
                )
                logs.append(np.log((1 + np.sum(has & group)) / total))
            found[ngram].append(logs[0] - logs[1])
    return layer, found


@pytest.mark.parametrize("units", [1, 2])
def test_ratios_are_those_of_naive_bayes(units):
    rows = [[1, 2, 1, 0], [1, 2, 3, 0], [3, 3, 3, 3], [2, 4, 0, 0], [1, 0, 0, 0]]
    labels = [[1, 0], [1, 1], [0, 1], [0, 0], [1, 0]]
    labels = [row[:units] for row in labels]
    layer, expected = counted(rows, labels, units)
    assert len(expected) == 9
    assert not layer.unadapted
    ratios, table = layer.ratios.numpy(), layer.table.numpy()
    for ngram, values in expected.items():
        place = layer.places(tf.constant([ngram])).numpy()[0]
        place = place[(len(ngram) - 1) * len(ngram)]
        np.testing.assert_allclose(ratios[place], values, rtol=1e-4)
    ids = np.array(rows[:2], np.int32)
    weighted = make(units=units, order=2)
    weighted.table.assign(table * ratios)
    np.testing.assert_allclose(layer(ids), weighted(ids), rtol=1e-5)
    assert layer.trainable_weights == [layer.table]


def test_ratios_are_counted_once_whatever_the_batches_and_may_be_none():
    layer = make(units=1, naive_bayes=True)
    plain = make(units=1)
    plain.table.assign(layer.table)
    assert layer.unadapted
    ids = np.array([[3, 4, 5]])
    np.testing.assert_array_equal(layer(ids), plain(ids))
    layer.adapt([(ids, [[1]]), (ids[:0], np.zeros((0, 1))), (ids, [[0]])])
    np.testing.assert_allclose(layer.ratios, 0, atol=1e-6)  # both classes alike
    assert not plain.unadapted
    with pytest.raises(ValueError, match="make it with naive_bayes=True"):
        plain.adapt([(ids, [[1]])])
    with pytest.raises(ValueError, match=r"\(1, 1\), found \(1, 2\)"):
        layer.adapt([(ids, [[1, 0]])])


def test_no_rows_and_no_steps_give_zeros():
    layer = make()
    assert layer(np.zeros((0, 4), "int32")).shape == (0, 2)
    np.testing.assert_array_equal(layer(np.zeros((2, 0), "int32")), np.zeros((2, 2)))


def test_config_makes_the_same_layer():
    layer = make(units=3, order=1, buckets=11, naive_bayes=True)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert (again.units, again.order, again.buckets) == (3, 1, 11)
    assert again.naive_bayes


@pytest.mark.parametrize("argument", ["units", "order", "buckets"])
def test_number_out_of_range_is_named(argument):
    with pytest.raises(ValueError, match=f"{argument} must be .*found 0"):
        make(**{argument: 0})
