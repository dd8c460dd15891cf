"""Recurrent layers: drop-in replacements for Keras', and what Keras lacks."""

from zoo.layers.bidirectional import Bidirectional
from zoo.layers.recurrent import GRU, LSTM, RNN, SimpleRNN

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "SimpleRNN"]
