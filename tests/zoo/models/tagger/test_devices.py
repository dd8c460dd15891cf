"""A tagger on several devices: parts of a CPU, with which a process has to begin."""

import subprocess
import sys

import pytest

PROGRAM = """
import keras, numpy as np, tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
part = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [part, part])
from zoo import metrics
from zoo.models import SequenceTagger

words, tags = ["Ann", "met", "Bob"], ["O", "B-PER", "I-PER"]
tokens = np.array([["Ann", "met", "Bob"], ["Bob", "", ""]] * 2)
places = np.where(tokens == "", -1, np.where(tokens == "met", 0, 1))
batches = tf.data.Dataset.from_tensors((tokens, places))


def train(strategy):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = SequenceTagger(
            words, words, [], tags, character_features="none", cell="rnn", units=3,
            word_dropout=0.0, dropout=0.0, bidirectional=False,
        )
        f1 = metrics.EntityF1(model.tags, "iob2", name="f1")
        model.compile(keras.optimizers.SGD(0.5), metrics=[f1])
    history = model.fit(batches, validation_data=batches, epochs=2, verbose=0).history
    return history, model.get_weights()


one, weights = train(tf.distribute.get_strategy())
two, others = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
for name in one:
    np.testing.assert_allclose(one[name], two[name], rtol=1e-5, err_msg=name)
for weight, other in zip(weights, others, strict=True):
    np.testing.assert_allclose(weight, other, atol=1e-6)
"""


@pytest.mark.slow
def test_two_devices_train_as_one_does():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
