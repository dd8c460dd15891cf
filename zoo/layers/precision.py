"""Layers that compute in float32 at least, whatever a model computes in."""

from typing import Any

import keras


def full_precision(dtype: Any) -> str:
    """Returns float64 for float64, float32 for other types and policies.

    Args:
        dtype: a layer's argument of this name; that of Keras' policy by default.
    """
    policy = keras.dtype_policies.get(dtype)
    return "float64" if policy.variable_dtype == "float64" else "float32"


def summing_dtype(dtype: Any = None) -> Any:
    """Returns what sums over many examples are computed in: not half precision.

    That knows no number above 65,504, or none between 256 and 258.

    Args:
        dtype: the argument of this name of a loss or a metric; without it, Keras would
            take `keras.config.floatx()`.
    """
    return full_precision(keras.config.floatx()) if dtype is None else dtype
