"""Texts and their translations as a translator trains on them."""

import functools

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data import known_tokens, training_forms
from tasks.data.bucketing import BucketedBatches
from tasks.data.sharding import WHOLE, Shard
from tasks.errors import UserError
from tasks.translation.corpus import Pairs
from tasks.translation.forms import OtherForms
from zoo.models import Translator
from zoo.models.texts import LEVELS
from zoo.text import Subwords, Vocabulary, normalize
from zoo.text.normalization import MARKS
from zoo.text.vocabulary import END_ID


def vocabularies(
    pairs: Pairs,
    level: str,
    size: int,
    min_count: int,
    shared: bool,
    split_punctuation: bool = False,
) -> tuple[Vocabulary, Vocabulary]:
    """Learns the tokens of both languages, for normalization="plain".

    Args:
        pairs: to learn from.
        level: "subword", "word" or "character".
        size: how many tokens there may be.
        min_count: how often a token must occur, or the two that a subword is made of.
        shared: whether both languages have one vocabulary.
        split_punctuation: see `zoo.text.Subwords.fit`.

    Raises:
        UserError: `tokenizers`, which subwords need, is not installed, `size` is too
            small for the characters that there are, or no token occurs `min_count`
            times.
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
        learnt = [
            _vocabulary(side, level, size, min_count, split_punctuation)
            for side in sides
        ]
    except ImportError as error:
        raise UserError(str(error)) from error
    except ValueError as error:
        raise UserError(f"--vocabulary-size {size} won't do: {error}") from error
    return learnt[0], learnt[-1]


def _vocabulary(texts, level, size, min_count, split_punctuation):
    if level == "subword":
        return Subwords.fit(texts, size, min_count, split_punctuation=split_punctuation)
    tokenizer = tf.function(
        LEVELS[level].tokenizer(),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    tokens = map(tokenizer, data.in_batches(texts))
    found = Vocabulary.fit(tokens, size, min_count)
    if min_count > 1:  # else there is only white space, which is told later
        known_tokens.check(found, level, min_count)
    return found


class PairBatches(BucketedBatches):
    """Texts and their translations, in buckets by the longer one of each pair.

    Args:
        texts: x, int32, ragged (n, T_x).
        translations: y, int32, ragged (n, T_y), with `<EOS>`.
        batch_size: pairs in a batch.
        buckets: see `BucketedBatches`.
        seed: see `BucketedBatches`.
        share: the chance, in each epoch anew, of a pair to be in its other form: x and
            y then have 2n rows, first the pairs, then their other forms.
    """

    def __init__(
        self, texts, translations, batch_size, buckets=8, seed=None, share=0.0
    ):
        sizes = np.maximum(texts.row_lengths(), translations.row_lengths())
        if share:
            sizes = sizes.reshape(2, -1).max(axis=0)
        self._share = share
        self._pairs = len(sizes)
        super().__init__(texts, translations, batch_size, buckets, seed, sizes)

    def dataset(self, shard: Shard = WHOLE) -> tf.data.Dataset:
        """Returns an epoch as ((x, y<t-1>), y), each int32 (batch, steps).

        Args:
            shard: which rows of each batch to read.
        """

        def pair(texts, translations):
            targets = tf.maximum(translations, 0)  # where the padding is -1
            return (texts, Translator.inputs(targets)), targets

        return super().dataset(shard).map(pair)

    def _rows(self, places):
        """Chooses the form of each pair, by the seed, the epoch and its place."""
        if self._share:
            seed = tf.stack([tf.constant(self._seed, tf.int64), self._epoch])
            drawn = tf.random.stateless_uniform([self._pairs], seed) < self._share
            others = tf.cast(tf.gather(drawn, places), places.dtype)
            places += self._pairs * others
        return super()._rows(places)


def batches(
    model: Translator,
    pairs: Pairs,
    max_tokens: int,
    batch_size: int,
    buckets: int = 8,
    seed: int | None = None,
    other_forms: OtherForms | None = None,
) -> PairBatches:
    """Returns pairs as a model trains on them; tells how many are of no use for that.

    Args:
        model: the translator.
        pairs: the pairs. Those with nothing on a side are left out.
        max_tokens: pairs with more of them on a side are left out.
        batch_size: pairs in a batch.
        buckets: how many padded lengths there may be.
        seed: of the order, to train; None to measure.
        other_forms: of the pairs, some of which are trained on in place of them.

    Raises:
        UserError: none is left.
    """
    forms = [pairs, *([other_forms(pairs)] if other_forms else [])]
    # All forms at once: the graph of a language takes seconds to make.
    texts = encode(model.source, np.concatenate([form.texts for form in forms]))
    translations = encode(
        model.target, np.concatenate([form.translations for form in forms])
    )
    sizes = np.stack([texts.row_lengths(), translations.row_lengths()])
    sizes = sizes.reshape(2, len(forms), len(pairs))
    empty, long = (sizes == 0).any(axis=(0, 1)), (sizes > max_tokens).any(axis=(0, 1))
    if empty.any():
        print(f"note: {empty.sum():,} pairs of {pairs.source} are empty on a side.")
    if long.any():
        print(
            f"note: {long.sum():,} pairs of {pairs.source} have more than {max_tokens} "
            "tokens on a side (--max-tokens)."
        )
    kept = np.tile(~(empty | long), len(forms))
    if not kept.any():
        raise UserError(f"No pair of {pairs.source} is left to train or to choose on.")
    end = tf.fill([translations.nrows(), 1], END_ID)
    texts, translations = (
        tf.ragged.boolean_mask(ids, kept)
        for ids in (texts, tf.concat([translations, end], axis=1))
    )
    share = other_forms.share if other_forms else 0.0
    return PairBatches(texts, translations, batch_size, buckets, seed, share)


def encode(language, texts: np.ndarray) -> tf.RaggedTensor:
    """Returns the ids of texts, strings, in one of a translator's languages."""
    ids = tf.function(
        language.encode,
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    return tf.concat([ids(batch) for batch in data.in_batches(texts)], axis=0)
