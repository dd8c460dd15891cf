"""How probable translations are that are known, and what they look at."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from zoo.models import perplexity, teacher_forcing
from zoo.models.bucketing import in_buckets
from zoo.models.text_inputs import Texts
from zoo.models.translator import joined_sentences
from zoo.text.vocabulary import END_ID, PADDING_ID
from zoo.typing import Tensor

# Of a translation that is known, so many steps are taken at a time at most: logits,
# and with "additive" attention T_y · T_x vectors, are only made for these.
_WINDOW = 32
# Fewer where the texts are long, so that there are so many weights at a time.
_WEIGHTS = 2**17
# In buckets of texts, all are padded to these tokens, and one has so many in all.
SHORT, BUCKET = 64, 2**14


def over_windows(
    model: Any,
    memory: Any,
    state: Any,
    targets: Tensor,
    keep: Callable,
    kept: Sequence[tuple],
) -> list[tf.Tensor]:
    """Runs a model over translations that are known, some steps at a time.

    Args:
        model: a `zoo.models.Translator`.
        memory: of `model.encode`.
        state: of `model.encode`.
        targets: y, int32 (batch, steps), 0 at the padding on the right.
        keep: `keep(hidden, weights, targets)` of some steps, as `model.run` returns
            them, → what is kept of them, each of (n, steps, …).
        kept: the dtype and the rank of each.

    Returns:
        What is kept, of all steps.
    """
    rows = tf.shape(targets)[0]
    source = tf.shape(memory.mask)[1] if model.attends else 1
    window = tf.minimum(_WEIGHTS // tf.maximum(rows * source, 1), _WINDOW)

    def read(inputs, targets, state):
        hidden, weights, state = model.run(inputs, state, memory)
        return keep(hidden, weights, targets), state

    inputs = model.inputs(targets)
    return teacher_forcing.over_windows(
        read, state, inputs, targets, window=window, kept=kept
    )


def teacher_forced(model: Any, memory: Any, state: Any, targets: Tensor) -> tf.Tensor:
    """Returns log P(y<t> | y<1..t-1>, x) of translations that are known.

    Args:
        model: a `zoo.models.Translator`.
        memory: of `model.encode`.
        state: of `model.encode`.
        targets: y, int32 (batch, steps), 0 at the padding on the right.

    Returns:
        float32 (batch, steps), in nats; 0 at padding.
    """

    def keep(hidden, weights, targets):
        logits = model.logits(hidden, weights, memory)
        if model.normalized:
            return [tf.gather(logits, targets, batch_dims=2)]
        costs = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return [-costs]

    [logs] = over_windows(model, memory, state, targets, keep, [(tf.float32, 2)])
    return tf.where(targets != PADDING_ID, logs, 0.0)


def score(model: Any, texts: Texts, translations: Texts) -> dict[str, tf.Tensor]:
    """Scores translations: see `zoo.models.Translator.score`."""
    texts, pieces = joined_sentences.pairs(texts, translations, model.sentences)
    written, ids = model.target.tokens_and_ids(pieces.texts)
    ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END_ID)], axis=1)
    sources = model.source.encode(texts)

    def logs_of(places):
        memory, state = model.encode(tf.gather(sources, places).to_tensor(PADDING_ID))
        targets = tf.gather(ids, places)
        logs = teacher_forced(model, memory, state, targets.to_tensor(PADDING_ID))
        return tf.RaggedTensor.from_tensor(logs, targets.row_lengths())

    longer = tf.maximum(sources.row_lengths(), ids.row_lengths())
    logs = in_buckets(
        logs_of,
        tf.maximum(longer, SHORT),
        tf.RaggedTensorSpec([None, None], tf.float32),
        steps=BUCKET,
    )
    spelled, unknown = model.target.spelled(written, ids)
    tokens = ids.with_values(model.target.vocabulary.lookup(ids.values))
    found = tokens, logs, spelled, unknown
    return perplexity.scores(*[joined_sentences.joined(pieces, each) for each in found])
