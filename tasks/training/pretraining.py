"""Teaching a model its language before its task (Dai & Le 2015)."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data.bucketing import BucketedBatches
from tasks.errors import UserError
from tasks.training import fitting as training
from zoo.models import BidirectionalLanguageModel
from zoo.text.vocabulary import END_ID

# The full softmax over all words is what takes time and memory there.
_VALIDATION_WINDOWS, _VALIDATION_BATCH = 160, 16


class Windows(NamedTuple):
    """Texts to learn from, end to end, cut to windows.

    Attributes:
        words: int32 (windows, length), their words' ids.
        texts: how many texts they are of.
    """

    words: np.ndarray
    texts: int


def windows(model, texts: np.ndarray, length: int) -> Windows:
    """Returns texts as `pretrain` takes them.

    Args:
        model: has a `tokenizer` and a `vocabulary`.
        texts: bytes objects (n,).
        length: words in a window.

    Raises:
        UserError: the texts don't fill one window.
    """
    found = _windows(model, texts, length)
    if not len(found):
        raise UserError(
            f"The texts are too short for one window of {length} words. "
            "Choose a smaller --pretrain-window."
        )
    print(
        f"pretraining {len(texts):,} texts, {found.size:,} tokens, windows of {length}"
    )
    return Windows(found, len(texts))


def pretrain(
    model, windows: Windows, held_out: np.ndarray, settings, output: Path
) -> dict:
    """Trains a model's embedding and first recurrent layer to predict words.

    Args:
        model: has `embedding`, `first_recurrent`, `tokenizer` and `vocabulary`.
        windows: to learn from.
        held_out: bytes objects (n,), to tell how well it goes.
        settings: a `tasks.cli.config.PretrainingConfig`.
        output: the training's folder.

    Returns:
        What a preset remembers of it.
    """
    length = settings.pretrain_window
    batches = _batches(windows.words, settings.pretrain_batch_size, settings.seed)
    validation = _windows(model, held_out, length)[:_VALIDATION_WINDOWS]
    if len(validation):
        validation = _batches(validation, _VALIDATION_BATCH).dataset()
    else:
        validation = None
    language_model = BidirectionalLanguageModel(
        model.embedding, model.first_recurrent, seed=settings.seed
    )
    language_model.build((None, length))
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
    language_model.compile(training.optimizer(schedule, len(batches) * schedule.epochs))
    history = training.fit(
        language_model,
        batches,
        validation,
        schedule,
        output / training.CHECKPOINTS / "pretraining",
        monitor=None,
    )
    return {
        "pretrained_on": f"train and {settings.pretrain_split}, {windows.texts:,} "
        f"texts without labels, {windows.words.size:,} tokens",
        "pretraining_epochs": len(history),
        "pretraining_minutes": training.minutes(history),
        "pretraining_validation_nats_a_word": history[-1].get("val_loss"),
    }


def _windows(model, texts, length):
    """Returns texts, each with its `<EOS>`, end to end, cut to windows.

    Returns:
        int32 (windows, length); what doesn't fill a window is left out.
    """

    @tf.function(input_signature=model.text_signature)
    def ids(batch):
        rows = model.vocabulary.ids(model.tokenizer(batch))
        ends = tf.fill([rows.nrows(), 1], END_ID)
        return tf.concat([rows, ends], axis=1).flat_values

    stream = np.concatenate([ids(batch).numpy() for batch in data.in_batches(texts)])
    count = len(stream) // length
    return stream[: count * length].reshape(count, length)


def _batches(windows, batch_size, seed=None):
    rows = tf.RaggedTensor.from_tensor(windows)
    return BucketedBatches(rows, tf.zeros(len(windows)), batch_size, seed=seed)
