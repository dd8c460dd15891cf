"""Recurrent units, one time step each, in `keras.ops` only.

A cell's file holds its equation. Unrolling over time is the business of
`zoo.layers`.
"""

from zoo.cells.deep_transition import DeepTransitionCell
from zoo.cells.gru import GRUCell
from zoo.cells.lstm import LSTMCell
from zoo.cells.min_gru import MinGRUCell
from zoo.cells.min_lstm import MinLSTMCell
from zoo.cells.rg_lru import RetentionUniform, RGLRUCell
from zoo.cells.rnn import SimpleRNNCell
from zoo.cells.sru import SRUCell
from zoo.cells.wrappers import Leaky, Residual, Zoneout

__all__ = [
    "DeepTransitionCell",
    "GRUCell",
    "LSTMCell",
    "Leaky",
    "MinGRUCell",
    "MinLSTMCell",
    "RGLRUCell",
    "Residual",
    "RetentionUniform",
    "SRUCell",
    "SimpleRNNCell",
    "Zoneout",
]
