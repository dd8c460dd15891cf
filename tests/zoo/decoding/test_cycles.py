"""Circles are found where trying every period finds them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.decoding.circles import goes_in_circles
from zoo.decoding import Cycles

KINDS = [
    Cycles(period=1, copies=2, tokens=1),
    Cycles(period=3, copies=2, tokens=5),
    Cycles(period=5, copies=3, tokens=4),
]


@pytest.mark.parametrize("cycles", KINDS)
def test_circles_are_those_that_trying_every_period_finds(cycles):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 2, [50, 40]).astype("int32")
    ids[:20] = rng.integers(0, 3, [20, 6])[:, np.arange(40) % 6]
    tail = cycles.start(tf.zeros([50], tf.int32))
    seen = []
    for step in range(40):
        tail = tail.then(tf.constant(ids[:, step]))
        expected = [goes_in_circles(row[: step + 1], cycles) for row in ids]
        assert cycles.found(tail).numpy().tolist() == expected
        seen += expected
    assert 0 < np.mean(seen) < 1


def test_nothing_yet_is_no_circle():
    assert not Cycles().found(Cycles().start(tf.zeros([2, 3], tf.int64))).numpy().any()


@pytest.mark.parametrize("wrong", [{"period": 0}, {"copies": 1}, {"tokens": 0}])
def test_what_cannot_be_is_refused(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"`{name}` must be .* found {value}"):
        Cycles(**wrong)
