"""How probable a language model finds texts."""

import math
from typing import Any

import tensorflow as tf

from zoo.models import perplexity
from zoo.models.bucketing import in_buckets
from zoo.models.teacher_forcing import over_windows
from zoo.text.vocabulary import PADDING_ID

# Logits of a long text are made and used this many steps at a time, and of many texts
# in smaller pieces, so that there are never more than so many tokens' logits.
_WINDOW = 256
_LOGITS = 4096
# How many texts are read at once; a cache keeps thousands of places for each of them.
_ROWS, _CACHED_ROWS = 256, 64


def score(model: Any, texts: tf.Tensor) -> dict[str, tf.Tensor]:
    """Scores texts: see `zoo.models.LanguageModel.score`."""
    written, ids = model.language.tokens_and_ids(texts)
    ids = model.ended(ids)
    return described(model, texts, written, ids, _in_buckets(model, ids))


def described(
    model: Any,
    texts: tf.Tensor,
    written: tf.RaggedTensor,
    ids: tf.RaggedTensor,
    logs: tf.RaggedTensor,
) -> dict[str, tf.Tensor]:
    """Returns what `score` says of texts.

    Args:
        model: a `zoo.models.LanguageModel`.
        texts: string (batch,).
        written: their tokens as they are split, string ragged (batch, n).
        ids: their tokens, int32 ragged (batch, tokens), of sentences with `<EOS>`.
        logs: log P of each token, float32, ragged alike.
    """
    spelled, unknown = model.language.spelled(written, ids)
    tokens = ids.with_values(model.vocabulary.lookup(ids.values))
    found = perplexity.scores(tokens, logs, spelled, unknown)
    characters = tf.strings.length(texts, unit="UTF8_CHAR")
    bits = tf.math.divide_no_nan(
        tf.cast(found["log_probability"], tf.float64) / -math.log(2),
        tf.cast(characters, tf.float64),
    )
    return {**found, "bits_per_character": tf.cast(bits, tf.float32)}


def _in_buckets(model, ids):
    """Returns log P of each of the tokens, float32 ragged (batch, tokens)."""

    def logs_of(places):
        some = tf.gather(ids, places)
        logs = log_probabilities(model, some.to_tensor(PADDING_ID))
        return tf.RaggedTensor.from_tensor(logs, some.row_lengths())

    return in_buckets(
        logs_of,
        ids.row_lengths(),
        tf.RaggedTensorSpec([None, None], tf.float32),
        steps=None,
        rows=_CACHED_ROWS if getattr(model, "cache", None) else _ROWS,
    )


def log_probabilities(model: Any, targets: tf.Tensor) -> tf.Tensor:
    """Returns log P(y<t> | y<1..t-1>) of each token.

    Args:
        model: a `zoo.models.LanguageModel`.
        targets: y, int32 (batch, steps), 0 at padding, which is on the right.

    Returns:
        float32 (batch, steps), in nats, 0 at padding.
    """
    rows = tf.shape(targets)[0]

    def read(inputs, targets, state):
        logits, state = model.predict_tokens(inputs, state)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return [-nats], state

    [logs] = over_windows(
        read,
        model.initial_state(rows),
        model.inputs(targets),
        targets,
        window=tf.minimum(_WINDOW, _LOGITS // tf.maximum(rows, 1)),
        kept=[(tf.float32, 2)],
    )
    return tf.where(targets != PADDING_ID, logs, 0.0)
