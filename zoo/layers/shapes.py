"""Shapes that hold in a graph which learns its sizes as it runs."""

from typing import Any

from keras import ops

from zoo.typing import Tensor


def exactly(tensor: Tensor, rows: Any, columns: Any) -> Any:
    """Returns a tensor of two axes, that has as many rows and columns as are given.

    Raises:
        InvalidArgumentError: it hasn't, where a graph runs.
    """
    # To three axes: TensorFlow takes a reshape to the same two for needless where a
    # broadcast follows, which would repeat a single row or column.
    return ops.squeeze(ops.reshape(tensor, (rows, columns, 1)), axis=2)
