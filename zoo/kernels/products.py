"""Products with a matrix that stays the same through a loop.

XLA on a CPU spreads a product over TensorFlow's threads when its matrix is large. The
halves of the batch have those threads busy already, and to ask them costs more than
they give: inference of 100 steps took 25 ms where it takes 17 with blocks of the
matrix that are multiplied one after another.
"""

import tensorflow as tf

_LARGEST = 2**16
"""How many elements a matrix may have and be multiplied by one thread."""
_NARROWEST = 64


def blocks(matrix):
    """Returns a matrix as `times` takes it: in blocks of columns. A vector is left.

    To be called outside of the loop, for the blocks are copies.
    """
    if len(matrix.shape) == 1:
        return matrix
    rows, columns = matrix.shape
    width = max(_LARGEST // rows, _NARROWEST)
    return [matrix[:, start : start + width] for start in range(0, columns, width)]


def times(rows, blocks):
    """Returns rows times a matrix, (n, columns), of which there are the blocks."""
    products = [tf.matmul(rows, block) for block in blocks]
    return products[0] if len(products) == 1 else tf.concat(products, axis=1)
