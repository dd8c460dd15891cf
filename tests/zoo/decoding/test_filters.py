"""Filters of logits, against NumPy written from their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import filters, occurring

LOGITS = np.random.default_rng(1).normal(size=(4, 9)).astype(np.float32) * 2
LOGITS[1, 3:7] = LOGITS[1].max() + 0.5  # equal ones, that must be cut in between
LOGITS[2] = np.round(LOGITS[2])


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True), dtype=np.float64)
    return weights / weights.sum(-1, keepdims=True)


def descending(row):
    """Returns the places of the largest first, equal ones in their order."""
    return sorted(range(len(row)), key=lambda place: (-row[place], place))


def kept_top_k(logits, ks):
    kept = np.zeros(logits.shape, bool)
    for row, k in enumerate(ks):
        kept[row, descending(logits[row])[: k if k > 0 else None]] = True
    return kept


def kept_top_p(logits, ps):
    kept = np.zeros(logits.shape, bool)
    for row, p in enumerate(ps):
        total = 0.0
        for place in descending(logits[row]):
            kept[row, place] = True
            total += softmax(logits[row])[place]
            if total >= p and p < 1:
                break
    return kept


def check(filtered, kept, logits=LOGITS):
    assert filtered.dtype == tf.float32
    np.testing.assert_array_equal(filtered, np.where(kept, logits, -np.inf))


@pytest.mark.parametrize("k", [1, 2, 5, 9, 100])
def test_top_k_leaves_the_k_largest(k):
    kept = kept_top_k(LOGITS, [k] * 4)
    check(filters.top_k(LOGITS, k), kept)
    check(filters.top_k(LOGITS, tf.constant(k)), kept)
    assert set(kept.sum(-1)) == {min(k, 9)}


def test_top_k_may_differ_by_row():
    check(
        filters.top_k(LOGITS, tf.constant([3, 4, 0, -1])),
        kept_top_k(LOGITS, [3, 4, 0, -1]),
    )


@pytest.mark.parametrize("p", [1e-6, 0.1, 0.3, 0.5, 0.9, 0.999, 1.0])
def test_top_p_leaves_the_fewest_that_reach_p(p):
    kept = kept_top_p(LOGITS, [p] * 4)
    check(filters.top_p(LOGITS, p), kept)
    check(filters.top_p(LOGITS, tf.constant(p, tf.float64)), kept)
    assert kept.any(-1).all()


def test_top_p_may_differ_by_row():
    ps = [0.5, 0.0, 7.0, 0.8]
    check(filters.top_p(LOGITS, tf.constant(ps, tf.float64)), kept_top_p(LOGITS, ps))


def test_top_p_counts_a_sum_that_is_just_reached():
    logits = np.log(np.array([[0.125, 0.5, 0.25, 0.125]], np.float32))
    check(filters.top_p(logits, 0.5), [[0, 1, 0, 0]], logits)
    check(filters.top_p(logits, 0.75), [[0, 1, 1, 0]], logits)
    check(filters.top_p(logits, 0.7501), [[1, 1, 1, 0]], logits)


@pytest.mark.parametrize("off", [None, 0])
def test_top_k_can_be_off(off):
    check(filters.top_k(LOGITS, off), True)


def test_top_p_can_be_off():
    check(filters.top_p(LOGITS, None), True)


def test_temperature_divides():
    for value in (0.5, 3, tf.constant(0.7), tf.constant([0.1, 1.0, 2.0, 9.0])):
        divisor = np.reshape(value, [-1, 1]).astype(np.float32)
        found = softmax(filters.temperature(LOGITS, value).numpy())
        np.testing.assert_allclose(found, softmax(LOGITS / divisor), rtol=1e-5)


@pytest.mark.parametrize("value", [1e-20, 1e-38, 1e-44, 1e-300])
def test_the_lowest_temperatures_leave_the_largest(value):
    for number in (value, tf.constant(value)):
        found = softmax(filters.temperature(LOGITS[[0, 3]], number).numpy())
        np.testing.assert_array_equal(found.argmax(-1), LOGITS[[0, 3]].argmax(-1))
        np.testing.assert_array_equal(found.max(-1), 1)


@pytest.mark.parametrize("zero", [0, 0.0, tf.constant(0.0), tf.constant(-1.0)])
def test_temperature_0_leaves_the_first_of_the_largest(zero):
    found = filters.temperature(LOGITS, zero).numpy()
    largest = LOGITS.argmax(-1)
    assert largest[1] == 3
    np.testing.assert_array_equal(np.isfinite(found).sum(-1), 1)
    np.testing.assert_array_equal(found.argmax(-1), largest)


def test_temperature_may_be_0_in_one_row_only():
    found = filters.temperature(LOGITS, tf.constant([0.0, 2.0, 2.0, 2.0])).numpy()
    assert np.isfinite(found).sum(-1).tolist() == [1, 9, 9, 9]
    expected = softmax(LOGITS[1:] / 2)
    np.testing.assert_allclose(softmax(found[1:]), expected, rtol=1e-5)


def test_forbidden_ids_leave_their_share_to_the_others():
    found = softmax(filters.forbid(LOGITS, [8, 0, 0]).numpy())
    expected = softmax(LOGITS)
    expected[:, [0, 8]] = 0
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_repetition_penalty_makes_what_occurred_less_likely():
    seen = np.random.default_rng(2).random(LOGITS.shape) < 0.5
    for penalty in (1.2, tf.constant(1.2), tf.constant([1.0, 1.2, 1.5, 2.0])):
        theta = np.reshape(penalty, [-1, 1]).astype(np.float32)
        penalized = np.where(LOGITS > 0, LOGITS / theta, LOGITS * theta)
        found = filters.repetition_penalty(LOGITS, seen, penalty)
        np.testing.assert_allclose(found, np.where(seen, penalized, LOGITS), rtol=1e-6)


def test_what_occurs_is_found_in_dense_and_ragged_ids():
    expected = np.zeros((2, 5), bool)
    expected[0, [1, 4]] = expected[1, 2] = True
    np.testing.assert_array_equal(occurring(tf.constant([[1, 4], [2, 2]]), 5), expected)
    ragged = tf.ragged.constant([[4, 1, 4], [2]])
    np.testing.assert_array_equal(occurring(ragged, 5), expected)


def test_filters_take_half_precision_and_rows_of_none():
    half = tf.cast(LOGITS, tf.bfloat16)
    none = tf.zeros([0, 9])
    for apply in (
        lambda x: filters.top_k(x, 3),
        lambda x: filters.top_k(x, tf.constant(3)),
        lambda x: filters.top_p(x, 0.5),
        lambda x: filters.temperature(x, 0),
        lambda x: filters.forbid(x, [1]),
    ):
        expected = apply(tf.cast(half, tf.float32))
        assert expected.shape == [4, 9]
        np.testing.assert_array_equal(apply(half), expected)
        assert apply(none).shape == [0, 9]


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (lambda: filters.temperature(LOGITS, -0.1), "temperature must be 0 or more"),
        (lambda: filters.temperature(LOGITS, np.nan), "found nan"),
        (lambda: filters.top_k(LOGITS, -1), "found -1"),
        (lambda: filters.top_p(LOGITS, 0.0), r"lie in \(0, 1\], found 0.0"),
        (lambda: filters.top_p(LOGITS, 1.1), "found 1.1"),
        (lambda: filters.repetition_penalty(LOGITS, True, 0), "must be positive"),
        (lambda: filters.top_k(LOGITS, 2.5), "whole number, found 2.5"),
        (lambda: filters.top_k(LOGITS, np.nan), "found nan"),
        (lambda: filters.forbid(LOGITS, [1, 9]), r"\[9\] are none of 9"),
        (lambda: filters.forbid(LOGITS, [-1]), r"\[-1\] are none"),
        (lambda: filters.forbid(LOGITS, range(9)), "All 9 ids are forbidden"),
    ],
)
def test_numbers_out_of_range_are_refused(apply, message):
    with pytest.raises(ValueError, match=message):
        apply()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numbers_of_numpy_are_known_as_pythons_are(kind):
    for filtering, wrong in (
        (filters.temperature, -0.5),
        (filters.top_k, -1.0),
        (filters.top_k, 2.5),
        (filters.top_p, -0.5),
        (filters.top_p, 1.5),
        (lambda z, theta: filters.repetition_penalty(z, True, theta), 0.0),
    ):
        with pytest.raises(ValueError, match=f"found {wrong}"):
            filtering(LOGITS, kind(wrong))
    check(filters.top_k(LOGITS, kind(3)), kept_top_k(LOGITS, [3] * 4))
    check(filters.top_k(LOGITS, np.int8(3)), kept_top_k(LOGITS, [3] * 4))
    check(filters.top_p(LOGITS, kind(0.5)), kept_top_p(LOGITS, [0.5] * 4))
    expected = filters.temperature(LOGITS, 0.5)
    np.testing.assert_array_equal(filters.temperature(LOGITS, kind(0.5)), expected)
    expected = filters.forbid(LOGITS, [1, 4])
    np.testing.assert_array_equal(filters.forbid(LOGITS, np.array([1, 4])), expected)


@pytest.mark.parametrize("number", [np.inf, 1e39, tf.constant(np.inf)])
def test_at_the_highest_temperatures_all_that_is_not_ruled_out_is_alike(number):
    found = softmax(filters.temperature(filters.forbid(LOGITS, [0, 7]), number).numpy())
    expected = np.full(LOGITS.shape, 1 / 7)
    expected[:, [0, 7]] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)
