"""A small model of each kind, what it answers, and a batch to train it on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw_weights
from zoo.models import (
    LanguageModel,
    MusicModel,
    SequenceClassifier,
    SequenceTagger,
    Translator,
)

_ROLL = (np.random.default_rng(0).random((2, 4, 5)) < 0.4).astype("float32")
_IDS = np.array([[4, 5, 3], [6, 3, 0]], "int32")
_BEFORE = np.array([[2, 4, 5], [2, 6, 0]], "int32")
_SIZES = {"units": 4, "cell": "rnn"}
_STILL = {"dropout": 0.0, "embedding_dropout": 0.0}


class Kind(NamedTuple):
    """A kind of model.

    Attributes:
        build: makes one, of the constructor's options.
        answer: returns what a model answers, an array of floats.
        batch: what it is trained on, inputs and targets; without dropout.
        loss: what to compile it with; None for its own.
    """

    build: Callable
    answer: Callable
    batch: tuple
    loss: Any = None


def _classifier(**options):
    sizes = {**_SIZES, **_STILL, "embedding_units": 3}
    return SequenceClassifier(["a", "b", "c"], ["no", "yes"], **{**sizes, **options})


def _tagger(**options):
    sizes = {**_SIZES, "dropout": 0.0, "word_dropout": 0.0, "word_units": 3}
    return SequenceTagger(["a"], ["a"], ["a"], ["O", "B-X"], **{**sizes, **options})


def _tagged(model):
    return model.tag_tokens([["a", "b", "a"], ["b"]])["scores"]


def _language_model(**options):
    sizes = {**_SIZES, "embedding_units": 3, "sentences": True}
    return LanguageModel([*"abc"], **{**sizes, **options})


def _translator(**options):
    sizes = {"level": "character", "embedding_units": 3, "units": 4, "cell": "rnn"}
    return Translator([*"abc"], [*"xyz"], **{**sizes, **options})


def _music_model(**options):
    sizes = {**_SIZES, "output_units": 3, "ending": "halt"}
    return MusicModel(5, **{**sizes, **options})


_TOKENS = tf.constant([["a", "b", "a"], ["b", "", ""]])
_TAGS = np.array([[0, 1, 0], [1, -1, -1]], "int32")
KINDS = {
    "classifier": Kind(
        _classifier,
        lambda model: model.classify(["a b", "c", ""])["probabilities"],
        (_IDS, np.array([1, 0])),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
    "tagger": Kind(_tagger, _tagged, (_TOKENS, _TAGS)),
    "tagger without a CRF": Kind(
        lambda **options: _tagger(crf=False, **options), _tagged, (_TOKENS, _TAGS)
    ),
    "language model": Kind(
        _language_model,
        lambda model: model.score(["ab", "c", ""])["log_probability"],
        (_BEFORE, _IDS),
    ),
    "translator": Kind(
        _translator,
        lambda model: model.score(["ab", "c"], ["xy", ""])["log_probability"],
        ((_IDS, _BEFORE), _IDS),
    ),
    "music model": Kind(
        _music_model,
        lambda model: model.score(_ROLL, [3, 4])["nats_per_frame"],
        ({"roll": _ROLL, "lengths": np.array([3, 4], "int32")}, np.zeros(2)),
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
"""Runs a test with each kind of model."""


def made(kind: Kind, **options):
    """Returns a model of a kind whose weights leave nothing at its default."""
    model = kind.build(**options)
    draw_weights(model)
    return model
