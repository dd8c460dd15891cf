"""Numbers for all rows or for each, and what is said of wrong ones."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import parameters

ANY = tf.TensorSpec(None, tf.float32)


@tf.function(input_signature=[ANY, tf.TensorSpec([], tf.int32)])
def in_a_graph(value, rows):
    return parameters.per_row("warmth", value, rows, tf.float64, least=0, most=2)


def eagerly(value, rows):
    return parameters.per_row("warmth", value, rows, tf.float64, least=0, most=2)


WAYS = pytest.mark.parametrize("per_row", [in_a_graph, eagerly])


@WAYS
@pytest.mark.parametrize(
    ("value", "rows", "expected"),
    [
        (0.5, 3, [0.5] * 3),
        ([0.5], 3, [0.5] * 3),
        ([0.0, 1.0, 2.0], 3, [0.0, 1.0, 2.0]),
        (0.5, 0, []),
        ([0.5], 0, []),
        ([], 0, []),
        (0.5, 1, [0.5]),
    ],
)
def test_each_row_gets_its_number(per_row, value, rows, expected):
    found = per_row(tf.constant(value, tf.float32), rows)
    assert found.dtype == tf.float64
    assert found.numpy().tolist() == expected


@WAYS
@pytest.mark.parametrize(
    ("value", "rows", "message"),
    [
        ([0.5, 1.0], 3, r"one number, or one for each of 3 rows.*shape \[2\]"),
        ([[0.5]], 1, r"one number, or one for each of 1 rows.*shape \[1 1\]"),
        ([0.5, 1.0], 1, r"shape \[2\]"),
        ([], 1, r"shape \[0\]"),
        (-0.5, 2, r"`warmth` must be from 0 to 2, found \[-0.5\]"),
        ([0.5, 2.5], 2, r"from 0 to 2, found \[0.5 2.5\]"),
        ([0.5, float("nan")], 2, r"from 0 to 2, found \[0.5 nan\]"),
        (float("inf"), 0, "from 0 to 2, found"),
    ],
)
def test_another_shape_or_number_is_told(per_row, value, rows, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        per_row(tf.constant(value, tf.float32), rows)


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({"least": 0}, "0 or more"),
        ({"above": 0}, "above 0"),
        ({"above": 0, "most": 1}, "above 0 and at most 1"),
        ({"above": 0, "most": parameters.LARGEST}, "above 0 and finite"),
        ({"least": 1, "most": 9}, "from 1 to 9"),
        ({"least": 0, "most": parameters.LARGEST}, "0 or more and finite"),
    ],
)
def test_a_range_is_named(limits, asked):
    for wrong in (-1.0, float("nan"), [1.0, -3.0], np.float32(-2), tf.constant(-1.0)):
        with pytest.raises(ValueError, match=f"`k` must be {asked}, found (-|nan)"):
            parameters.check("k", wrong, **limits)
    parameters.check("k", [1.0, 1], **limits)


def test_what_is_no_number_is_told():
    for wrong in ("3", None, [1, "2"], tf.constant("a"), np.array([1, None]), 1j):
        with pytest.raises(TypeError, match="`k` must be numbers, found "):
            parameters.check("k", wrong, least=0)
    for wrong in (1.5, [2, 0.5], tf.constant(1.5), float("inf"), [1.0, np.inf]):
        with pytest.raises(ValueError, match="`k` must be a whole number, found "):
            parameters.check("k", wrong, whole=True, least=0)
    for wrong in (2**31, 2**70, [1, 2**40], np.float32(2**31)):
        with pytest.raises(ValueError, match="`k` must be at most 2147483647, found "):
            parameters.check("k", wrong, whole=True, least=0)
    for right in (3, 3.0, True, np.int64(2), [1, 2], 2**31 - 1, ()):
        parameters.check("k", right, whole=True, least=0)


def test_a_whole_number_may_have_a_limit_beyond_int32():
    for right in (2**31, 2**63 - 1, -(2**63), [0, 2**40], 3.0, np.uint64(7)):
        parameters.check("k", right, whole=True, least=-(2**63), most=2**63 - 1)
        found = parameters.known(right, tf.int64)
        np.testing.assert_array_equal(found, np.array(right, "int64"))
    for wrong, told in [
        (2**63, "at most 9223372036854775807, found 9223372036854775808"),
        (2**64, "at most 9223372036854775807, found 18446744073709551616"),
        (2.0**63, r"at most 9223372036854775807, found 9\.22"),
        ([0, np.float32(2.0**63)], r"at most 9223372036854775807, found 9\.22"),
        (-(2**63) - 1, "from -9223372036854775808 to 9223372036854775807"),
        (float("nan"), "from -9223372036854775808"),
        (float("inf"), "at most 9223372036854775807, found inf"),
    ]:
        with pytest.raises(ValueError, match=f"`k` must be {told}"):
            parameters.check("k", wrong, whole=True, least=-(2**63), most=2**63 - 1)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (3.0, tf.int32),
        ([1, 2.0], tf.int64),
        ((), tf.int32),
        (tf.constant(3.0), tf.int32),
    ],
)
def test_what_is_known_is_a_tensor_without_a_fraction(value, dtype):
    found = parameters.known(value, dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.asarray(value))


def test_what_a_graph_is_told_later_is_not_checked_when_it_is_made():
    @tf.function(input_signature=[ANY])
    def graph(value):
        parameters.check("k", value, least=0)
        return value

    assert graph(-1.0) == -1.0
