"""Sampling and beam search over any step function, in the graph.

A step is `step(inputs, state) → outputs, state`; it knows nothing of what is done with
its outputs, and nothing here knows what model it is of.
"""

from zoo.decoding import filters
from zoo.decoding.beam import beam_search
from zoo.decoding.cycles import Cycles
from zoo.decoding.filters import occurring
from zoo.decoding.generation import Generated, Generator, generate, stream
from zoo.decoding.hypotheses import Hypotheses
from zoo.decoding.sampling import Bernoulli, Categorical
from zoo.decoding.states import repeat
from zoo.decoding.stopping import StopSequences

__all__ = [
    "Bernoulli",
    "Categorical",
    "Cycles",
    "Generated",
    "Generator",
    "Hypotheses",
    "StopSequences",
    "beam_search",
    "filters",
    "generate",
    "occurring",
    "repeat",
    "stream",
]
