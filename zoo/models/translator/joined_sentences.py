"""Texts of several sentences: cut, and what was found of each put together again."""

from typing import Any, NamedTuple

import tensorflow as tf

from zoo.text.sentences import split_sentences
from zoo.typing import Tensor

# What a text may be cut into, by the name in a config.
CUTS = {"split": split_sentences}


class Pieces(NamedTuple):
    """What texts are made of.

    Attributes:
        texts: string (pieces,).
        rows: which text each is of, int32 (pieces,), ascending.
        batch: how many texts there are.
    """

    texts: tf.Tensor
    rows: tf.Tensor
    batch: tf.Tensor


def pieces(texts: Tensor, cut: str | None) -> Pieces:
    """Returns what texts are made of: their sentences, or themselves without a cut."""
    batch = tf.size(texts)
    if cut is None:
        return Pieces(texts, tf.range(batch), batch)
    return _of_ragged(CUTS[cut](texts), batch)


def pairs(texts: Tensor, others: Any, cut: str | None) -> tuple[tf.Tensor, Pieces]:
    """Returns what texts and their translations are made of.

    Where both have as many sentences, each goes with each; else both stay whole.

    Args:
        texts: string (batch,).
        others: the same.
        cut: see `pieces`.

    Returns:
        string (pieces,), of texts; and `Pieces` of the others, as many.
    """
    batch = tf.size(texts)
    if cut is None:
        return texts, Pieces(others, tf.range(batch), batch)
    one, other = CUTS[cut](texts), CUTS[cut](others)
    counts = one.row_lengths()
    alike = (counts == other.row_lengths()) & (counts > 1)
    cut_texts = [
        _of_ragged(_one_or_whole(alike, each, whole), batch)
        for each, whole in ((one, texts), (other, others))
    ]
    return cut_texts[0].texts, cut_texts[1]


def _one_or_whole(alike, cut, texts):
    """Returns the cut where `alike` is true, and the texts elsewhere, ragged."""
    kept = tf.gather(alike, cut.value_rowids())
    cut = tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(cut.values, kept),
        tf.where(alike, cut.row_lengths(), 0),
        validate=False,
    )
    whole = tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(texts, ~alike), tf.cast(~alike, tf.int64), validate=False
    )
    return tf.concat([cut, whole], axis=1)


def _of_ragged(cut, batch):
    return Pieces(cut.values, tf.cast(cut.value_rowids(), tf.int32), batch)


def joined(of: Pieces, ragged: tf.RaggedTensor) -> tf.RaggedTensor:
    """Returns what pieces have, (pieces, n), as what their texts have, (batch, n)."""
    lengths = summed(of, tf.cast(ragged.row_lengths(), tf.int32))
    return tf.RaggedTensor.from_row_lengths(ragged.values, lengths, validate=False)


def summed(of: Pieces, numbers: tf.Tensor) -> tf.Tensor:
    """Returns the sums of pieces' numbers, (pieces,), over texts, (batch,)."""
    return tf.math.unsorted_segment_sum(numbers, of.rows, of.batch)


def first_pieces(rows: Tensor, batch: Tensor) -> tf.Tensor:
    """Returns the place of the first piece of each piece's text, int32 (pieces,)."""
    # Without `tf.searchsorted`, which TFLite has none of.
    places = tf.range(tf.size(rows))
    return tf.gather(tf.math.unsorted_segment_min(places, rows, batch), rows)


def n_best(of: Pieces, texts: Tensor, scores: Tensor, logs: Any) -> Any:
    """Returns the n best translations of texts, of the n best of their pieces.

    A text's are all combinations of its sentences', joined by spaces, by the sum of
    their scores. Two sentences are joined to one at a time, all pairs at once, and of
    each the n best are kept: no better combination is lost. The first one is that of
    the first ones, whether they have ended or not.

    Args:
        of: the pieces.
        texts: string (pieces, n), the best first.
        scores: float32 (pieces, n), −∞ where there is none.
        logs: float32 (pieces, n), log P.

    Returns:
        The same of texts, (batch, n); of a text without pieces "" at a score of 0.
    """
    variables = of.rows, _ranks(scores), texts, scores, logs
    n = texts.shape[1]
    shapes = [tf.TensorShape([None])] + 4 * [tf.TensorShape([None, n])]
    rows, _, *found = tf.while_loop(
        lambda rows, *_: tf.reduce_any(rows[1:] == rows[:-1]),
        lambda *found: _pairs_joined(n, of.batch, *found),
        variables,
        shape_invariants=tuple(shapes),
    )
    nothing = tf.where(tf.range(n) == 0, 0.0, float("-inf"))[None]
    place = tf.fill([of.batch], tf.size(rows))
    place = tf.tensor_scatter_nd_update(place, rows[:, None], tf.range(tf.size(rows)))
    return [
        tf.gather(tf.concat([each, none], axis=0), place)
        for each, none in zip(
            found, (tf.fill([1, n], ""), nothing, nothing), strict=True
        )
    ]


def _ranks(scores):
    """Returns scores of which none is above one before it in its row.

    What has not ended comes after what has, though its score may be higher.
    """
    n = scores.shape[1]
    before = tf.range(n)[:, None] >= tf.range(n)
    return tf.reduce_min(tf.where(before, scores[:, None], float("inf")), axis=2)


def _pairs_joined(n, batch, rows, ranks, texts, scores, logs):
    """Joins each text's first sentence with the second, the third with the fourth."""
    places = tf.range(tf.size(rows))
    left = tf.where((places - first_pieces(rows, batch)) % 2 == 0)[:, 0]
    right = tf.minimum(left + 1, tf.size(rows, tf.int64) - 1)
    is_pair = (right > left) & (tf.gather(rows, right) == tf.gather(rows, left))

    def added(numbers):
        nothing = tf.where(tf.range(n) == 0, 0.0, float("-inf"))
        others = tf.where(is_pair[:, None], tf.gather(numbers, right), nothing)
        sums = tf.gather(numbers, left)[:, :, None] + others[:, None]
        return tf.reshape(sums, [-1, n * n])

    ranks, chosen = tf.math.top_k(added(ranks), n)
    one = tf.gather(tf.gather(texts, left), chosen // n, batch_dims=1)
    others = tf.where(is_pair[:, None], tf.gather(texts, right), "")
    other = tf.gather(others, chosen % n, batch_dims=1)
    between = tf.where((one != "") & (other != ""), " ", "")
    scores, logs = [
        tf.gather(added(numbers), chosen, batch_dims=1) for numbers in (scores, logs)
    ]
    texts = tf.where(ranks > -float("inf"), tf.strings.join([one, between, other]), "")
    return tf.gather(rows, left), ranks, texts, scores, logs
