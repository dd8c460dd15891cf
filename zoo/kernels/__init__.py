"""Whole sequences, fast: loops over time with hand-written gradients.

No Keras in here. Recurrences are compiled by XLA, behind `run`, or go forward by
TensorFlow's own operations, behind `inference.run`: `zoo.layers.fused` chooses.
`chain` is behind `zoo.layers.CRF`.
"""

from zoo.kernels import chain, checkpointed, inference
from zoo.kernels.compiled import run
from zoo.kernels.contexts import (
    is_portable,
    is_vectorized,
    portable,
    undivided,
    unobserved,
)
from zoo.kernels.elementwise import (
    MinGRUStep,
    MinLSTMStep,
    PositiveMinGRUStep,
    PositiveMinLSTMStep,
    ProjectedRGLRUStep,
    ProjectedSRUStep,
    RGLRUStep,
    SRUStep,
)
from zoo.kernels.gradients import refuse_forward_mode
from zoo.kernels.steps import GRUStep, LSTMStep, ResetAfterGRUStep, SimpleRNNStep
from zoo.kernels.worth import is_compiled_as_a_whole, is_worth_compiling

__all__ = [
    "GRUStep",
    "LSTMStep",
    "MinGRUStep",
    "MinLSTMStep",
    "PositiveMinGRUStep",
    "PositiveMinLSTMStep",
    "ProjectedRGLRUStep",
    "ProjectedSRUStep",
    "RGLRUStep",
    "ResetAfterGRUStep",
    "SRUStep",
    "SimpleRNNStep",
    "chain",
    "checkpointed",
    "inference",
    "is_compiled_as_a_whole",
    "is_portable",
    "is_vectorized",
    "is_worth_compiling",
    "portable",
    "refuse_forward_mode",
    "run",
    "undivided",
    "unobserved",
]
