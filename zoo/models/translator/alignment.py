"""What translations looked at: their texts' attention, and what `<UNK>` stands for."""

from typing import Any, NamedTuple

import tensorflow as tf

from zoo.decoding import Hypotheses, repeat
from zoo.models.bucketing import in_buckets
from zoo.models.translator import joined_sentences
from zoo.models.translator.joined_sentences import first_pieces
from zoo.models.translator.scoring import BUCKET, SHORT, over_windows
from zoo.text.vocabulary import END_ID, PADDING_ID
from zoo.typing import Tensor

# Attention is returned for this many tokens of a text and of its translation at most:
# it has a number for each pair of them.
MOST_TOKENS = 512


class Written(NamedTuple):
    """Hypotheses as texts, and what the best one of each row looked at.

    Attributes:
        texts: string (rows, n).
        tokens: the best's, string, ragged (rows, T_y), without `<EOS>`.
        attention: the best's α, float32, ragged (rows, T_y · T_x), of the first
            `MOST_TOKENS` of both: all of its first token's, then of the next one's.
    """

    texts: tf.Tensor
    tokens: tf.RaggedTensor
    attention: tf.RaggedTensor


def signature(n: int) -> Written:
    """Returns what `written` returns of n hypotheses a row, as `in_buckets` wants."""
    return Written(
        tf.TensorSpec([None, n], tf.string),
        tf.RaggedTensorSpec([None, None], tf.string),
        tf.RaggedTensorSpec([None, None], tf.float32),
    )


def texts_of(
    model: Any, words: tf.RaggedTensor, memory: Any, state: Any, found: Hypotheses
) -> tf.Tensor:
    """Returns hypotheses as texts, string (rows, n); see `written`."""
    rows, n, steps = tf.unstack(tf.shape(found.sequences))
    ids, instead = tf.reshape(found.sequences, [rows * n, steps]), None
    if model.attends and not model.target.knows_all:

        def keep(hidden, weights, targets):
            return [tf.argmax(weights, axis=2, output_type=tf.int32)]

        every = repeat(memory, n), repeat(state, n)
        [most] = over_windows(model, *every, ids, keep, [(tf.int32, 2)])
        instead = _looked_at(words, memory, most, n)
    return tf.reshape(model.target.decode(ids, instead), [rows, n])


def written(
    model: Any, words: tf.RaggedTensor, memory: Any, state: Any, found: Hypotheses
) -> Written:
    """Returns hypotheses as texts, and what the best ones looked at.

    Args:
        model: a `zoo.models.Translator` that attends.
        words: the source's tokens, string, ragged (rows, T_x).
        memory: of `model.encode`.
        state: of `model.encode`.
        found: hypotheses, (rows, n, …), those of an empty text being empty.
    """
    rows, n, steps = tf.unstack(tf.shape(found.sequences))
    ids, best = tf.reshape(found.sequences, [rows * n, steps]), found.sequences[:, 0]
    if model.target.knows_all:
        [weights] = over_windows(
            model, memory, state, best, _most_weights, [(tf.float32, 3)]
        )
        texts = tf.reshape(model.target.decode(ids), [rows, n])
        return _of_best(texts, model.target.written(best), best, weights, words)

    def keep(hidden, weights, targets):
        by_row = tf.reshape(weights, [rows, n, *tf.unstack(tf.shape(weights))[1:]])
        most = tf.argmax(weights, axis=2, output_type=tf.int32)
        return [by_row[:, 0, :, :MOST_TOKENS], most]

    every = repeat(memory, n), repeat(state, n)
    kept = [(tf.float32, 3), (tf.int32, 2)]
    weights, most = over_windows(model, *every, ids, keep, kept)
    instead = _looked_at(words, memory, most, n)
    texts = tf.reshape(model.target.decode(ids, instead), [rows, n])
    instead = tf.reshape(instead, [rows, n, steps])[:, 0]
    return _of_best(texts, model.target.written(best, instead), best, weights, words)


def _looked_at(words, memory, most, n):
    """Returns the source's tokens that hypotheses, n of a row, looked at most."""
    # The source of none but empty texts has a step that is no word.
    instead = words.to_tensor("")
    missing = tf.shape(memory.mask)[1] - tf.shape(instead)[1]
    instead = repeat(tf.pad(instead, [[0, 0], [0, missing]]), n)
    return tf.gather(instead, most, batch_dims=1)


def of_pairs(model: Any, texts: Tensor, translations: Tensor) -> dict[str, tf.Tensor]:
    """Returns what known translations look at: see `zoo.models.Translator.align`."""
    texts, pieces = joined_sentences.pairs(texts, translations, model.sentences)
    words, ids = model.source.tokens_and_ids(texts)
    tokens, targets = model.target.tokens_and_ids(pieces.texts)
    ended = tf.concat([targets, tf.fill([targets.nrows(), 1], END_ID)], axis=1)

    def looked(places):
        memory, state = model.encode(tf.gather(ids, places).to_tensor(PADDING_ID))
        known = tf.gather(ended, places).to_tensor(PADDING_ID)
        [weights] = over_windows(
            model, memory, state, known, _most_weights, [(tf.float32, 3)]
        )
        return _of_tokens(known, weights, tf.gather(words, places))

    longer = tf.maximum(ids.row_lengths(), ended.row_lengths())
    attention = in_buckets(
        looked,
        tf.maximum(longer, SHORT),
        tf.RaggedTensorSpec([None, None], tf.float32),
        steps=BUCKET,
    )
    return of_texts(pieces, words, tokens, attention)


def of_texts(
    pieces: joined_sentences.Pieces,
    words: tf.RaggedTensor,
    tokens: tf.RaggedTensor,
    attention: tf.RaggedTensor,
) -> dict[str, tf.Tensor]:
    """Returns what pieces' translations looked at, of texts, the batch first.

    Args:
        pieces: a `zoo.models.translator.joined_sentences.Pieces`.
        words: the sources' tokens, string, ragged (pieces, T_x).
        tokens: the translations', string, ragged (pieces, T_y).
        attention: as `Written` has it.

    Returns:
        `attention`, `source_tokens` and `tokens`.
    """
    sources, targets = [
        tf.cast(each.row_lengths(), tf.int32) for each in (words, tokens)
    ]
    return {
        "attention": dense(attention, sources, targets, pieces.rows, pieces.batch),
        "source_tokens": joined_sentences.joined(pieces, words).to_tensor(""),
        "tokens": joined_sentences.joined(pieces, tokens).to_tensor(""),
    }


def _most_weights(hidden, weights, targets):
    """Returns of some steps what is kept: their α."""
    return [weights[..., :MOST_TOKENS]]


def _of_best(texts, tokens, ids, weights, words):
    """Returns what was written, with α of tokens alone."""
    return Written(texts, tokens, _of_tokens(ids, weights, words))


def _of_tokens(ids, weights, words):
    """Returns α of tokens alone, as `Written` has it."""
    is_token = (ids != PADDING_ID) & (ids != END_ID)
    is_word = tf.sequence_mask(words.row_lengths(), tf.shape(weights)[2])
    known = is_token[:, :MOST_TOKENS, None] & is_word[:, None]
    counts = tf.reduce_sum(tf.cast(known, tf.int32), axis=[1, 2])
    values = tf.boolean_mask(weights[:, :MOST_TOKENS], known)
    return tf.RaggedTensor.from_row_lengths(values, counts, validate=False)


def dense(
    attention: tf.RaggedTensor,
    sources: Any,
    tokens: Tensor,
    rows: Tensor,
    batch: Tensor,
) -> tf.Tensor:
    """Returns the attention of texts, whose pieces' lie side by side and below.

    Args:
        attention: of pieces, as `Written` has it.
        sources: how many tokens each piece has, int32 (pieces,).
        tokens: how many its translation has.
        rows: whose piece it is, int32 (pieces,), ascending.
        batch: how many texts there are.

    Returns:
        float32 (batch, T_y, T_x), 0 where a piece did not look, and at padding; of the
        first `MOST_TOKENS` of a text and of its translation.
    """
    width, height = [
        tf.minimum(_most_of_a_text(counts, rows, batch), MOST_TOKENS)
        for counts in (sources, tokens)
    ]
    piece = tf.cast(attention.value_rowids(), tf.int32)
    place = tf.range(tf.size(piece)) - tf.gather(
        tf.cast(attention.row_starts(), tf.int32), piece
    )
    columns = tf.gather(tf.minimum(sources, MOST_TOKENS), piece)
    above, before = [
        tf.gather(_before_in_text(counts, rows, batch), piece)
        for counts in (tokens, sources)
    ]
    y, x = place // columns + above, place % columns + before
    here = (y < height) & (x < width)
    row = tf.gather(rows, piece)
    at = tf.boolean_mask(tf.stack([row, y, x], axis=1), here)
    values = tf.boolean_mask(attention.values, here)
    return tf.scatter_nd(at, values, [batch, height, width])


def _most_of_a_text(counts, rows, batch):
    totals = tf.math.unsorted_segment_sum(counts, rows, batch)
    return tf.reduce_max(tf.concat([totals, [0]], axis=0))


def _before_in_text(counts, rows, batch):
    """Returns how many tokens the pieces of the same text before each have."""
    before = tf.cumsum(counts, exclusive=True)
    return before - tf.gather(before, first_pieces(rows, batch))
