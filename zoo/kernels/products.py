"""Products with a matrix that stays the same through a loop.

XLA on a CPU spreads a product over TensorFlow's threads where its matrix is large. The
halves of the batch have two of those threads busy already, and to ask them costs more
than they give. Blocks of the matrix are multiplied one after another instead.
"""

from typing import Any

import tensorflow as tf

from zoo.typing import Tensor

# What one thread multiplies by itself, in elements of the matrix, by few rows and by
# many; the columns below which a product isn't worth its call; and the products that a
# loop may hold.
_LARGEST, _LARGEST_FOR_MANY, _NARROWEST, _MOST = 2**16, 2**15, 64, 16


def blocks(matrix: Tensor, many_rows: Tensor = False) -> Any:
    """Returns a matrix, (n, columns), as `times` takes it: in blocks of columns.

    To be called outside of the loop, for the blocks are copies. A vector is left.

    Args:
        matrix: the matrix, or a vector.
        many_rows: whether it is to be multiplied by the rows of several steps at once.
    """
    if len(matrix.shape) == 1:
        return matrix
    rows, columns = matrix.shape
    largest = _LARGEST_FOR_MANY if many_rows else _LARGEST
    width = max(largest // max(rows, 1), _NARROWEST, -(-columns // _MOST))
    return [matrix[:, start : start + width] for start in range(0, columns, width)]


def times(rows: Tensor, parts: Any) -> Any:
    """Returns rows, (batch, n), times the matrix that the blocks are parts of."""
    products = [tf.matmul(rows, part) for part in parts]
    return products[0] if len(products) == 1 else tf.concat(products, axis=1)
