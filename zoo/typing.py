"""What annotations name."""

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of Keras' backend, eager or symbolic, or what it makes one of."""
