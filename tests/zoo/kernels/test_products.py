"""Products in blocks against products."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.kernels import products


@pytest.mark.parametrize(
    ("shape", "many_rows", "count"),
    [
        ((3, 5), False, 1),
        ((256, 256), False, 1),
        ((300, 600), False, 3),
        ((4096, 100), False, 2),
        ((64, 256), True, 1),
        ((256, 256), True, 2),
        ((300, 2400), True, 16),
    ],
)
def test_blocks_are_the_matrix(shape, many_rows, count):
    rng = np.random.default_rng(0)
    matrix = tf.constant(rng.normal(size=shape).astype("float32"))
    rows = tf.constant(rng.normal(size=(2, shape[0])).astype("float32"))
    blocks = products.blocks(matrix, many_rows)
    assert len(blocks) == count
    np.testing.assert_array_equal(tf.concat(blocks, axis=1), matrix)
    np.testing.assert_allclose(
        products.times(rows, blocks), tf.matmul(rows, matrix), rtol=0, atol=1e-4
    )


def test_vector_is_no_matrix():
    vector = tf.constant([1.0, 2.0])
    assert products.blocks(vector) is vector
