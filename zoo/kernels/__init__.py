"""Whole sequences, fast: loops over time with hand-written gradients.

No Keras in here. Recurrences are compiled by XLA: `run` is the door, and
`zoo.layers.fused` knocks. `chain` is behind `zoo.layers.CRF`.
"""

from zoo.kernels import chain, checkpointed
from zoo.kernels.compiled import run
from zoo.kernels.contexts import (
    is_portable,
    is_vectorized,
    portable,
    undivided,
    unobserved,
)
from zoo.kernels.steps import GRUStep, LSTMStep, ResetAfterGRUStep, SimpleRNNStep

__all__ = [
    "GRUStep",
    "LSTMStep",
    "ResetAfterGRUStep",
    "SimpleRNNStep",
    "chain",
    "checkpointed",
    "is_portable",
    "is_vectorized",
    "portable",
    "run",
    "undivided",
    "unobserved",
]
