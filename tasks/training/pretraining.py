"""Teaching a model its language before its task (Dai & Le 2015)."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data.bucketing import BucketedBatches
from tasks.errors import UserError
from tasks.training import fitting as training
from zoo.models import BidirectionalLanguageModel

# The full softmax over all words is what takes time and memory there.
_VALIDATION_WINDOWS, _VALIDATION_BATCH = 160, 16


def windows(stream: np.ndarray, length: int) -> np.ndarray:
    """Returns texts, end to end, cut to windows, int32 (windows, length).

    Args:
        stream: int32 (tokens,), the texts.
        length: words in a window.

    Raises:
        UserError: the texts don't fill one window.
    """
    found = _windows(stream, length)
    if not len(found):
        raise UserError(
            f"The texts are too short for one window of {length} words. "
            "Choose a smaller --pretrain-window."
        )
    print(f"pretraining {found.size:,} tokens, in windows of {length}")
    return found


def pretrain(
    language_model: BidirectionalLanguageModel,
    windows: np.ndarray,
    held_out: np.ndarray,
    settings,
    output: Path,
) -> dict:
    """Trains a model's embedding and first recurrent layer to predict words.

    Args:
        language_model: made of the model's layers, not built yet.
        windows: int32 (windows, length), to learn from.
        held_out: int32 (tokens,), to tell how well it goes.
        settings: a `tasks.cli.config.PretrainingConfig`.
        output: the training's folder.

    Returns:
        What a preset remembers of it.
    """
    length = settings.pretrain_window
    batches = _batches(windows, settings.pretrain_batch_size, settings.seed)
    validation = _windows(held_out, length)[:_VALIDATION_WINDOWS]
    validation = _batches(validation, _VALIDATION_BATCH) if len(validation) else None
    schedule = dataclasses.replace(
        settings,
        epochs=settings.pretrain_epochs,
        learning_rate=settings.pretrain_learning_rate,
        # Clipping holds it up: on IMDB, 250 steps in, 6.8 nats a word with the norm
        # cut to 1, 6.5 without.
        clip_norm=None,
        clip_value=None,
        ema_momentum=0.0,
    )
    steps = len(batches) * schedule.epochs
    with language_model.distribute_strategy.scope():
        language_model.build((None, length))
        language_model.compile(training.optimizer(schedule, steps))
    history = training.fit(
        language_model,
        batches,
        validation,
        schedule,
        output / training.CHECKPOINTS / "pretraining",
        monitor=None,
    )
    return {
        "pretraining_tokens": windows.size,
        "pretraining_epochs": len(history),
        "pretraining_minutes": training.minutes(history),
        "pretraining_validation_nats_a_word": history[-1].get("val_loss"),
    }


def encoded(encode: Callable[[tf.Tensor], tf.Tensor], texts: np.ndarray) -> np.ndarray:
    """Returns texts end to end.

    Args:
        encode: from texts, string (batch,), to int32 (tokens,), those of all of them.
        texts: bytes objects (n,).
    """
    parts = [encode(batch).numpy() for batch in data.in_batches(texts)]
    return np.concatenate(parts)


def _windows(stream, length):
    """Returns windows, int32 (windows, length), without what doesn't fill one."""
    count = len(stream) // length
    return stream[: count * length].reshape(count, length)


def _batches(windows, batch_size, seed=None):
    rows = tf.RaggedTensor.from_tensor(windows)
    return BucketedBatches(rows, tf.zeros(len(windows)), batch_size, seed=seed)
