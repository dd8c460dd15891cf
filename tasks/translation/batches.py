"""Texts and their translations as a translator trains on them."""

import functools

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data import training_forms
from tasks.data.bucketing import BucketedBatches
from tasks.errors import UserError
from tasks.translation.corpus import Pairs
from zoo.models import Translator
from zoo.models.texts import LEVELS
from zoo.text import Subwords, Vocabulary, normalize
from zoo.text.normalization import MARKS
from zoo.text.vocabulary import END_ID


def vocabularies(
    pairs: Pairs, level: str, size: int, min_count: int, shared: bool
) -> tuple[Vocabulary, Vocabulary]:
    """Learns the tokens of both languages, for normalization="plain".

    Args:
        pairs: to learn from.
        level: "subword", "word" or "character".
        size: how many tokens there may be.
        min_count: how often a token must occur, or the two that a subword is made of.
        shared: whether both languages have one vocabulary.

    Raises:
        UserError: `tokenizers`, which subwords need, is not installed, or `size` is too
            small for the characters that there are.
    """
    # Translations are written with the marks of typography that they have.
    sides = [
        training_forms.plain(pairs.texts),
        training_forms.plain(
            pairs.translations, functools.partial(normalize, keep=MARKS)
        ),
    ]
    if shared:
        sides = [np.concatenate(sides)]
    try:
        learnt = [_vocabulary(side, level, size, min_count) for side in sides]
    except ImportError as error:
        raise UserError(str(error)) from error
    except ValueError as error:
        raise UserError(f"--vocabulary-size {size} won't do: {error}") from error
    return learnt[0], learnt[-1]


def _vocabulary(texts, level, size, min_count):
    if level == "subword":
        return Subwords.fit(texts, size, min_count)
    tokenizer = tf.function(
        LEVELS[level].tokenizer(), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    return Vocabulary.fit(map(tokenizer, data.in_batches(texts)), size, min_count)


class PairBatches(BucketedBatches):
    """Texts and their translations, in buckets by the longer one of each pair.

    Args:
        texts: x, int32, ragged (n, T_x).
        translations: y, int32, ragged (n, T_y), with `<EOS>`.
        batch_size: pairs in a batch.
        buckets: see `BucketedBatches`.
        seed: see `BucketedBatches`.
    """

    def __init__(self, texts, translations, batch_size, buckets=8, seed=None):
        sizes = np.maximum(texts.row_lengths(), translations.row_lengths())
        super().__init__(texts, translations, batch_size, buckets, seed, sizes)

    def dataset(self) -> tf.data.Dataset:
        """Returns an epoch as ((x, y<t-1>), y), each int32 (batch, steps)."""

        def pair(texts, translations):
            targets = tf.maximum(translations, 0)  # where the padding is -1
            return (texts, Translator.inputs(targets)), targets

        return super().dataset().map(pair)


def batches(
    model: Translator,
    pairs: Pairs,
    max_tokens: int,
    batch_size: int,
    buckets: int = 8,
    seed: int | None = None,
) -> PairBatches:
    """Returns pairs as a model trains on them; tells how many are of no use for that.

    Args:
        model: the translator.
        pairs: the pairs. Those with nothing on a side are left out.
        max_tokens: pairs with more of them on a side are left out.
        batch_size: pairs in a batch.
        buckets: how many padded lengths there may be.
        seed: of the order, to train; None to measure.

    Raises:
        UserError: none is left.
    """
    texts = encode(model.source, pairs.texts)
    translations = encode(model.target, pairs.translations)
    translations = tf.concat(
        [translations, tf.fill([translations.nrows(), 1], END_ID)], axis=1
    )
    sizes = np.stack([texts.row_lengths(), translations.row_lengths() - 1])
    empty, long = (sizes == 0).any(axis=0), (sizes > max_tokens).any(axis=0)
    if empty.any():
        print(f"note: {empty.sum():,} pairs of {pairs.source} are empty on a side.")
    if long.any():
        print(
            f"note: {long.sum():,} pairs of {pairs.source} have more than {max_tokens} "
            "tokens on a side (--max-tokens)."
        )
    kept = ~(empty | long)
    if not kept.any():
        raise UserError(f"No pair of {pairs.source} is left to train or to choose on.")
    texts, translations = (
        tf.ragged.boolean_mask(ids, kept) for ids in (texts, translations)
    )
    return PairBatches(texts, translations, batch_size, buckets, seed)


def encode(language, texts: np.ndarray) -> tf.RaggedTensor:
    """Returns the ids of texts, strings, in one of a translator's languages."""
    ids = tf.function(
        language.encode, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    return tf.concat([ids(batch) for batch in data.in_batches(texts)], axis=0)
