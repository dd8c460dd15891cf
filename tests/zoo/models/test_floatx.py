"""Keras' `floatx` doesn't reach into what has a policy of its own, nor into draws."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw
from tests.zoo.models.every_model import KINDS, every_kind, made
from zoo.layers import CRFAccuracy, CRFLoss, SampledSoftmax
from zoo.models.perplexity import Perplexity
from zoo.models.tagger.token_features import WordIds
from zoo.models.translator.training_steps import with_draws
from zoo.text import Vocabulary

HALF = pytest.mark.parametrize("name", ["float16", "bfloat16"])


@pytest.fixture
def floatx():
    """Returns what sets `floatx`; the policy stays, as that of a preset does."""
    before = keras.config.floatx(), keras.config.dtype_policy()

    def set_floatx(name):
        keras.config.set_floatx(name)
        keras.config.set_dtype_policy(before[1])

    yield set_floatx
    set_floatx(before[0])


@pytest.mark.slow
@every_kind
def test_answers_are_the_same(kind, floatx):
    model = made(kind)
    expected = np.asarray(kind.answer(model))
    config, weights = model.get_config(), model.get_weights()
    for name in ("float64", "float16"):
        floatx(name)
        other = type(model).from_config({**config, **model.vocabularies})
        other.set_weights(weights)
        found = np.asarray(kind.answer(other))
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@HALF
@pytest.mark.parametrize("what", ["sampled softmax", "unknown words", "draws"])
def test_draws_are_the_same(name, what, floatx):
    words = Vocabulary(["a"])

    def drawn():
        if what == "sampled softmax":
            layer = SampledSoftmax(300, seed=1)
            table = np.linspace(-1, 1, 5000, dtype="float32")[:, None]
            return layer(draw(3, 1), np.arange(3), table, training=True)
        if what == "unknown words":
            layer = WordIds(words, words, dropout=0.123, seed=1)
            return layer(tf.fill([2000, 5], "a"), training=True)[0]
        seed = keras.random.SeedGenerator(1)
        return with_draws(
            tf.ones([2000, 5], tf.int32), tf.zeros([2000, 5, 9]), 0.123, seed
        )

    expected = np.asarray(drawn())
    floatx(name)
    np.testing.assert_allclose(np.asarray(drawn()), expected, rtol=1e-6)


@HALF
def test_sums_over_many_examples_are_exact(name, floatx):
    floatx(name)
    metric = Perplexity()
    for _ in range(3):
        metric.update_state(np.full(300, 2.0), np.full(300, 300.0))
    np.testing.assert_allclose(metric.result(), np.exp(2.0), rtol=1e-5)
    model = made(KINDS["language model"])
    assert {each.dtype for each in (model.nats, CRFLoss(), CRFAccuracy())} == {
        "float32"
    }
    floatx("float64")
    assert {each.dtype for each in (Perplexity(), CRFLoss(), CRFAccuracy())} == {
        "float64"
    }
