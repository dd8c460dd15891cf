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
