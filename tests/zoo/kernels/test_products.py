"""Products in blocks against products."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.kernels import products


@pytest.mark.parametrize(
    ("shape", "count"),
    [((3, 5), 1), ((256, 256), 1), ((300, 600), 3), ((4096, 100), 2)],
)
def test_blocks_are_the_matrix(shape, count):
    rng = np.random.default_rng(0)
    matrix = tf.constant(rng.normal(size=shape).astype("float32"))
    rows = tf.constant(rng.normal(size=(2, shape[0])).astype("float32"))
    blocks = products.blocks(matrix)
    assert len(blocks) == count
    np.testing.assert_array_equal(tf.concat(blocks, axis=1), matrix)
    np.testing.assert_allclose(
        products.times(rows, blocks), tf.matmul(rows, matrix), rtol=0, atol=1e-4
    )


def test_vector_is_no_matrix():
    vector = tf.constant([1.0, 2.0])
    assert products.blocks(vector) is vector
