"""Seeds and random bits, against TensorFlow's own of the same seeds."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import seeds


@pytest.mark.parametrize("seed", [[0, 0], [1, 2], [-5, 7], [2**62, -(2**63)]])
def test_draws_are_those_of_tensorflow(seed):
    seed = tf.constant(seed, tf.int64)
    for number in (0, 3, -1):
        number = tf.constant(number, tf.int64)
        expected = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
        np.testing.assert_array_equal(seeds.fold_in(seed, number), expected)
    for shape in ([1], [5], [3, 4]):
        expected = tf.random.stateless_uniform(
            shape, seed, None, None, tf.uint64, alg="philox"
        )
        expected = (expected.numpy() >> np.uint64(12)) * 2.0**-52
        np.testing.assert_array_equal(seeds.uniform(shape, seed), expected)
