"""Recurrent units, one time step each, in `keras.ops` only.

A cell's file holds its equation. Unrolling over time is the business of
`zoo.layers`.
"""

from zoo.cells.deep_transition import DeepTransitionCell
from zoo.cells.gru import GRUCell
from zoo.cells.lstm import LSTMCell
from zoo.cells.rnn import SimpleRNNCell
from zoo.cells.wrappers import Leaky, Residual, Zoneout

__all__ = [
    "DeepTransitionCell",
    "GRUCell",
    "LSTMCell",
    "Leaky",
    "Residual",
    "SimpleRNNCell",
    "Zoneout",
]
