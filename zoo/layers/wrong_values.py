"""What a graph gives where it was given what is wrong: there nothing can be raised."""

from typing import Any

from keras import ops

from zoo.kernels import unobserved
from zoo.typing import Tensor


def right_or_nan(values: Tensor, are_right: Tensor) -> Any:
    """Returns values, NaN where they aren't right.

    Args:
        values: floats, (…).
        are_right: bool, of a shape that is broadcast to that of `values`.
    """
    # `tf.debugging.enable_check_numerics` is to look at what comes of it alone.
    with unobserved():
        no_number = ops.convert_to_tensor(float("nan"), dtype=values.dtype)
    return ops.where(are_right, values, no_number)
