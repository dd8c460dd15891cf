"""Sampling and beam search over any step function, in the graph.

A step is `step(inputs, state) → outputs, state`; it knows nothing of what is done with
its outputs, and nothing here knows what model it is of.
"""

from zoo.decoding import filters
from zoo.decoding.filters import occurring
from zoo.decoding.sampling import Bernoulli, Categorical

__all__ = [
    "Bernoulli",
    "Categorical",
    "filters",
    "occurring",
]
