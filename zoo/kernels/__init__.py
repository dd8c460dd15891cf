"""Whole sequences, fast: recurrences with hand-written gradients, compiled by XLA.

No Keras in here. `run` is the door; `zoo.layers.fused` knocks.
"""

from zoo.kernels import checkpointed
from zoo.kernels.compiled import run
from zoo.kernels.portable import is_portable, portable
from zoo.kernels.steps import GRUStep, LSTMStep, ResetAfterGRUStep, SimpleRNNStep

__all__ = [
    "GRUStep",
    "LSTMStep",
    "ResetAfterGRUStep",
    "SimpleRNNStep",
    "checkpointed",
    "is_portable",
    "portable",
    "run",
]
