"""Recurrent layers: drop-in replacements for Keras', and what Keras lacks."""

from zoo.layers.attention import Attention, Memory
from zoo.layers.attention_coverage import Coverage, coverage
from zoo.layers.attention_decoder import AttentionDecoder
from zoo.layers.bernoulli_output import BernoulliOutput
from zoo.layers.bidirectional import Bidirectional
from zoo.layers.bridge import Bridge
from zoo.layers.conditioning import Conditioned
from zoo.layers.context_decoder import ContextDecoder
from zoo.layers.continuous_cache import ContinuousCache
from zoo.layers.crf import CRF
from zoo.layers.crf_outputs import CRFAccuracy, CRFDecoder, CRFLoss
from zoo.layers.deep import DeepRNN
from zoo.layers.elementwise import RGLRU, SRU, MinGRU, MinLSTM
from zoo.layers.initial_state import LearnedInitialState
from zoo.layers.nade_output import NADEOutput
from zoo.layers.ngrams import BagOfNGrams
from zoo.layers.output_recurrence import OutputRecurrence
from zoo.layers.pointer_generator import PointerGenerator
from zoo.layers.pooling import AttentionPooling, MaxPooling, MeanPooling
from zoo.layers.recurrent import BY_CELL, GRU, LSTM, SimpleRNN
from zoo.layers.rnn import RNN
from zoo.layers.sampled_softmax import SampledSoftmax
from zoo.layers.stepping import stepper
from zoo.layers.streaming import stream, windows
from zoo.layers.torch_weights import from_torch

__all__ = [
    "BY_CELL",
    "CRF",
    "GRU",
    "LSTM",
    "RGLRU",
    "RNN",
    "SRU",
    "Attention",
    "AttentionDecoder",
    "AttentionPooling",
    "BagOfNGrams",
    "BernoulliOutput",
    "Bidirectional",
    "Bridge",
    "CRFAccuracy",
    "CRFDecoder",
    "CRFLoss",
    "Conditioned",
    "ContextDecoder",
    "ContinuousCache",
    "Coverage",
    "DeepRNN",
    "LearnedInitialState",
    "MaxPooling",
    "MeanPooling",
    "Memory",
    "MinGRU",
    "MinLSTM",
    "NADEOutput",
    "OutputRecurrence",
    "PointerGenerator",
    "SampledSoftmax",
    "SimpleRNN",
    "coverage",
    "from_torch",
    "stepper",
    "stream",
    "windows",
]
