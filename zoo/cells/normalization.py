"""Layer normalisation inside a cell (Ba et al. 2016)."""

from typing import Any

import keras
from keras import ops

from zoo.typing import Tensor

EPSILON = 1e-5
"""Added to the variance: W_a a<0> is 0 for a<0> = 0, so there it is all there is."""


def normalize(values: Tensor, gain: Any) -> Any:
    """Gives each row of `values` mean 0 and variance 1, then multiplies by `gain`.

    ```
    LN(v) = gain * (v - mean(v)) / sqrt(variance(v) + ε)
    ```

    Args:
        values: (batch, features), a floating dtype. A mean of half-precision
            squares would overflow or lose its digits, so that inside these are
            float32.
        gain: (features,).

    Returns:
        (batch, features), in the dtype of `values`.
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    values = ops.cast(values, wide)
    values = values - ops.mean(values, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(values), axis=-1, keepdims=True)
    values = values * ops.rsqrt(variance + EPSILON)
    return ops.cast(values * ops.cast(gain, wide), dtype)
