"""Tagged sentences of made-up words, as long and as repetitive as conll2002/es'.

What a step of a tagger costs hangs on the lengths of sentences and words, and on how
many words of a batch are distinct; on what they say it doesn't.
"""

import string

import numpy as np
import tensorflow as tf

from tasks.data.bucketing import BucketedBatches
from zoo.models import SequenceTagger

TYPES, KNOWN = 26_000, 13_500
"""Distinct words, and how many of them, the most frequent, a tagger knows: as many as
occur in conll2002/es' training sentences, once and more than once."""

TAGS = ("O", *(f"{mark}-{name}" for name in ("X", "Y", "Z", "V") for mark in "BI"))
UNITS, CHARACTER_UNITS = 200, 50

# The same sentences' lengths, in tokens: quantiles. The longest, one of 1 238, is cut.
_SHARES = (0.0, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1.0)
_LENGTHS = (1, 1, 11, 34, 47, 57, 62, 76, 143)


class MadeUpSentences:
    """Sentences with random tags, in scheme IOB2.

    Args:
        count: how many.
        seed: of the words, the sentences and the tags.

    Attributes:
        words: the words, the most frequent first; of a letter or two, some occur twice.
        tokens: string, ragged (count, steps).
        tags: int32, ragged (count, steps), places in `TAGS`.
    """

    def __init__(self, count: int, seed: int = 0):
        generator = np.random.default_rng(seed)
        ranks = np.arange(1, TYPES + 1)
        # Zipf's law by Mandelbrot, and longer words the rarer they are: by these, a
        # batch has about as many distinct words as of conll2002/es, and as long ones.
        frequencies = 1 / (ranks + 1) ** 1.1
        letters = 1.5 + 0.67 * np.log(ranks) + generator.normal(0, 2.5, TYPES)
        self.words = [
            "".join(generator.choice([*string.ascii_letters], size))
            for size in np.clip(np.rint(letters), 1, None).astype(int)
        ]
        lengths = np.interp(generator.random(count), _SHARES, _LENGTHS).astype(int)
        chosen = generator.choice(
            np.array(self.words), lengths.sum(), p=frequencies / frequencies.sum()
        )
        self.tokens = tf.RaggedTensor.from_row_lengths(chosen, lengths)
        # Without I-X, which the scheme doesn't allow everywhere.
        tags = generator.choice([0, *range(1, len(TAGS), 2)], lengths.sum())
        self.tags = tf.RaggedTensor.from_row_lengths(tags.astype(np.int32), lengths)

    def batches(self, batch_size: int) -> BucketedBatches:
        """Returns them in the buckets that `tasks.ner` trains on."""
        return BucketedBatches(self.tokens, self.tags, batch_size, seed=0)

    def tagger(self, known: int = KNOWN, **options) -> SequenceTagger:
        """Returns a new tagger that knows the frequent words, and all letters.

        Args:
            known: how many words of `words` it knows.
            **options: arguments of `SequenceTagger` instead of these.
        """
        words = self.words[:known]
        lowercase = dict.fromkeys(word.lower() for word in words)
        sizes = {
            "units": UNITS,
            "character_embedding_units": CHARACTER_UNITS,
            "character_units": CHARACTER_UNITS,
        }
        return SequenceTagger(
            dict.fromkeys(words),
            lowercase,
            string.ascii_letters,
            TAGS,
            **sizes | options,
        )
