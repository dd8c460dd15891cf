"""Trains a tiny model of each kind on one device and on two, and compares them.

A process has to begin with the devices: parts of a CPU.
"""

import functools
import sys

import keras
import numpy as np
import tensorflow as tf

from tasks.cli.config import TrainingConfig
from tasks.training import fitting
from tests.quick_tracing import trace_quickly
from zoo import metrics
from zoo.keras_private import layers_in
from zoo.models import (
    BidirectionalLanguageModel,
    LanguageModel,
    MusicModel,
    SequenceClassifier,
    SequenceTagger,
    Translator,
)

WORDS = [f"w{number}" for number in range(9)]
TAGS = ["O", "B-PER", "I-PER"]
# Five rows and one: shares of three and two, and of one and none.
LENGTHS = [3, 1, 6, 2, 4], [6, 3, 1, 4, 2], [2]


def rows(seed, low=4, high=12):
    """Returns batches of rows of ids, int32, padded with 0."""
    drawn = np.random.default_rng(seed)
    for lengths in LENGTHS:
        ids = drawn.integers(low, high, (len(lengths), max(lengths)), np.int32)
        yield np.where(np.arange(max(lengths)) < np.array(lengths)[:, None], ids, 0)


def batches_of(function):
    """Returns a dataset of what a function makes of each batch of rows."""
    made = [tf.data.Dataset.from_tensors(function(ids)) for ids in rows(0)]
    return functools.reduce(tf.data.Dataset.concatenate, made)


def classifier():
    model = SequenceClassifier(
        WORDS, ["a", "b", "c"], embedding_units=3, units=2, embedding_dropout=0.0,
        dropout=0.0, ngrams=2, ngram_buckets=7, cell="rnn",
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model, {"loss": loss, "metrics": ["accuracy"]}


def tagger(crf):
    # Characters for one of the two: they take as long as all the rest.
    model = SequenceTagger(
        WORDS, WORDS, ["w", "1"], TAGS, word_units=3, lowercase_units=2, units=2,
        character_embedding_units=2, character_units=2, crf=crf, word_dropout=0.0,
        dropout=0.0, cell="rnn", character_features="rnn" if crf else "none",
    )  # fmt: skip
    return model, {"metrics": [metrics.EntityF1(model.tags, "iob2", name="f1")]}


def tagged(ids):
    tokens = np.where(ids > 0, np.char.add("w", (ids % 9).astype(str)), "")
    return tokens.astype(object), np.where(ids > 0, ids % 3, -1)


def language_model():
    return LanguageModel(
        WORDS, level="word", units=3, sentences=True, cell="rnn"
    ), {}  # fmt: skip


def streamed():
    return LanguageModel(WORDS, level="word", units=3, cell="lstm"), {}


def windows(ids):
    """Returns windows that begin a text, and in the second batch some that go on."""
    goes_on = np.arange(len(ids)) % 2 == 1 if ids[0, -1] else np.zeros(len(ids))
    return (ids, goes_on == 0), ids


def translator():
    return Translator(
        WORDS, WORDS, units=4, embedding_units=4, label_smoothing=0.1, cell="rnn"
    ), {}  # fmt: skip


def pairs(ids):
    return (ids, Translator.inputs(tf.constant(ids)).numpy()), ids


def music():
    model = MusicModel(5, units=3, output_units=3, ending="eos", cell="rnn")
    return model, {}


def pieces(ids):
    keys = (ids[..., None] % 5) >= np.arange(5)
    return {
        "roll": (keys & (ids > 0)[..., None]).astype(np.uint8),
        "lengths": (ids > 0).sum(axis=1).astype(np.int32),
    }


def pretrained():
    model, _ = classifier()
    language = BidirectionalLanguageModel(model.embedding, model.first_recurrent)
    language.build((None, 4))
    return language, {}


def whole_windows(ids):
    return np.maximum(np.resize(ids, (len(ids), 4)), 4), np.zeros(len(ids))


MODELS = {
    "classifier": (classifier, lambda ids: (ids, ids[:, 0] % 3)),
    "tagger": (lambda: tagger(True), tagged),
    "tagger without a CRF": (lambda: tagger(False), tagged),
    "language model of sentences": (language_model, lambda y: (np.roll(y, 1, 1), y)),
    "language model of streams": (streamed, windows),
    "translator": (translator, pairs),
    "music model": (music, pieces),
    "pretrained": (pretrained, whole_windows),
}
KERNELS = ("music model",)  # of one direction, and the cheapest cell
# With metrics, and with states that are carried: the others' losses are those of the
# training, and validations by workers those of all templates (`trainings`).
VALIDATED = "tagger", "language model of streams"
OPTIMIZERS = [
    {"clip_norm": 0.3, "ema_momentum": 0.5, "weight_decay": 0.1},
    {"clip_norm": None, "clip_value": 0.01, "schedule": "constant"},
]


def train(name, strategy, fused, settings):
    """Returns a training's history, and the weights with their averages."""
    make, examples = MODELS[name]
    batches = batches_of(examples)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model, compiled = make()
        for layer in layers_in(model):
            if hasattr(layer, "fused"):
                layer.fused = fused
        config = TrainingConfig(learning_rate=0.1, **settings)
        # Far steps along small gradients, not of Adam's equal size: mistakes show.
        optimizer = fitting.optimizer(config, 40)
        optimizer.epsilon = 1.0
        model.compile(optimizer, **compiled)
        optimizer.build(model.trainable_variables)
    kept = {"batch_size": None, "epochs": 2, "verbose": 0, "shuffle": False}
    validated = {"validation_data": batches} if name in VALIDATED else {}
    history = model.fit(batches, **validated, **kept).history
    return history, [*model.get_weights(), *(v.numpy() for v in optimizer.variables)]


def compare(name, two, fused, settings):
    """Raises an AssertionError where two devices do otherwise than one."""
    one, weights = train(name, tf.distribute.get_strategy(), fused, settings)
    history, others = train(name, two, fused, settings)
    for key in one:
        np.testing.assert_allclose(one[key], history[key], rtol=1e-5, err_msg=key)
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    trace_quickly()
    [cpu] = tf.config.list_physical_devices("CPU")
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [part, part])
    # One for all: collective operations of several would be taken for each other.
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for number, name in enumerate(MODELS):
        if not sys.argv[1:] or name in sys.argv[1:]:
            # Kernels are compiled for each shape on each device: not for all models.
            fused = "auto" if name in KERNELS else False
            compare(name, two, fused, OPTIMIZERS[number % 2])
            print("same", name, flush=True)
