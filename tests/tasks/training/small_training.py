"""A small training that can die.

`main` with the arguments FOLDER MOMENT dies at that moment.

It has all that makes a resume hard: shuffled buckets, dropout, a schedule that
hangs on the step, an optimizer with state, and a best epoch.
"""

import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tasks.cli.config import TrainingConfig
from tasks.data.bucketing import BucketedBatches
from tasks.training import fitting as training

MOMENTS = "in an epoch", "between best and latest"
TOKENS = 9


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Batches(BucketedBatches):
    """Batches that tell `at_epoch` of each epoch, and `at_batch` of each batch."""

    def __init__(self, *args, at_epoch, at_batch, **kwargs):
        super().__init__(*args, **kwargs)
        self._at_epoch, self._at_batch = at_epoch, at_batch
        self.epoch = -1  # none, yet

    def set_epoch(self, epoch):
        super().set_epoch(epoch)
        self.epoch = epoch
        self._at_epoch(epoch)

    def dataset(self):
        def watched(rows, targets):
            with tf.control_dependencies([tf.py_function(self._watch, [], [])]):
                return tf.identity(rows), targets

        return super().dataset().map(watched)

    def _watch(self):
        self._at_batch(self.epoch)


class Score(keras.metrics.Metric):
    """A metric that says what it was told to."""

    def __init__(self):
        super().__init__(name="score")
        self.value = self.add_weight(name="value", initializer="zeros")

    def update_state(self, *args, **kwargs):
        pass

    def reset_state(self):
        pass

    def result(self):
        return tf.identity(self.value.value)


def examples(count, seed):
    """Sequences and whether the lowest token outnumbers the highest."""
    random = np.random.default_rng(seed)
    rows = [
        random.integers(1, TOKENS, size=random.integers(1, 12)) for _ in range(count)
    ]
    targets = [int((row < 3).sum() > (row > 6).sum()) for row in rows]
    return tf.ragged.constant(rows, dtype=tf.int32), tf.constant(targets)


def build():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(TOKENS, 6, mask_zero=True, name="embedding"),
            keras.layers.Dropout(0.3, name="dropout"),
            keras.layers.GlobalAveragePooling1D(name="mean"),
            keras.layers.Dense(2, name="logits"),
        ]
    )


def train(
    folder,
    at_epoch=lambda epoch: None,
    at_batch=lambda epoch: None,
    scores=(0.1, 0.5, 0.3, 0.9),
    spoilt_from=None,
    validations=1,
    **config,
):
    """Trains in `folder`, from where it was left.

    Args:
        folder: of the checkpoints.
        at_epoch: is called with the epoch at each one's begin.
        at_batch: is called with the epoch as each batch is read.
        scores: what each epoch's `val_score` is to be, to choose by.
        spoilt_from: the epoch from which on the loss is NaN.
        validations: on how many sets it is validated. Without one the last epoch is
            the best.
        **config: fields of a TrainingConfig.

    Returns:
        The weights at the end and the history without the seconds.
    """
    defaults = {"epochs": 4, "batch_size": 8, "patience": 9, "learning_rate": 0.02}
    config = TrainingConfig(**(defaults | config))
    model, score = build(), Score()
    factor = tf.Variable(1.0)

    def begin(epoch):
        score.value.assign(scores[epoch])
        if spoilt_from is not None and epoch >= spoilt_from:
            factor.assign(float("nan"))
        at_epoch(epoch)

    def loss(labels, logits):
        return factor * keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True
        )

    batches = Batches(
        *examples(60, seed=0),
        config.batch_size,
        buckets=3,
        seed=config.seed,
        at_epoch=begin,
        at_batch=at_batch,
    )
    parts = {
        f"set{number}": BucketedBatches(
            *examples(30, seed=number + 1), config.batch_size
        )
        for number in range(validations)
    }
    validation = parts["set0"] if validations == 1 else parts or None
    model.compile(
        training.optimizer(config, len(batches) * config.epochs),
        loss,
        metrics=["accuracy", score],
        jit_compile=False,  # as no model of recurrent layers is: each shape takes long
    )
    history = training.fit(
        model,
        batches,
        validation,
        config,
        folder,
        monitor="val_score" if validations else None,
    )
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return [np.array(weight) for weight in model.get_weights()], rows


def die_in_second_epoch():
    """Returns an `at_batch` that ends the process amid the second epoch."""
    seen = []

    def at_batch(epoch):
        seen.append(epoch)
        if seen.count(1) == 4:
            die()

    return at_batch


def die_between_best_and_latest():
    """Ends the process when an epoch, not the first, has been saved as the best."""
    save = tf.train.CheckpointManager.save

    def dying(manager, number):
        best = Path(manager.directory).parent / "best" / f"ckpt-{number}.index"
        if manager.directory.endswith("latest") and number > 0 and best.exists():
            die()
        return save(manager, number)

    tf.train.CheckpointManager.save = dying


def main():
    """Trains until it dies."""
    place, moment = Path(sys.argv[1]), sys.argv[2]
    if moment == MOMENTS[0]:
        train(place, at_batch=die_in_second_epoch())
    else:
        die_between_best_and_latest()
        train(place)
