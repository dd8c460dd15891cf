"""Texts as one sequence of words, to learn a language from."""

import collections
import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from zoo.models.tagger.token_features import lowercase
from zoo.text import Vocabulary
from zoo.text.vocabulary import SPECIAL

# For so many words of texts a token of a labelled sentence counts.
LABELLED_COUNTS = 10


@dataclasses.dataclass(frozen=True)
class WordStream:
    """The words of texts, end to end.

    Attributes:
        words: the distinct words, the most frequent first.
        counts: how often each occurs, (len(words),).
        places: int32 (n,), the texts' words as places in `words`.
    """

    words: list[str]
    counts: np.ndarray
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.places)


def read(
    texts: np.ndarray, split: Callable[[tf.Tensor], tf.RaggedTensor]
) -> WordStream:
    """Splits texts into words.

    Args:
        texts: bytes objects (n,).
        split: from texts, string (batch,), to their words, ragged (batch, words).
    """
    parts, found = [], {}
    for batch in data.in_batches(texts):
        words = split(batch).flat_values.numpy()
        parts.append(
            np.fromiter((found.setdefault(w, len(found)) for w in words), np.int32)
        )
    places = np.concatenate(parts)
    counts = np.bincount(places, minlength=len(found))
    order = np.argsort(-counts, kind="stable")
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    names = [word.decode("utf-8") for word in found]  # of a tokenizer, and so valid
    return WordStream([names[k] for k in order], counts[order], ranks[places])


def vocabularies(
    stream: WordStream, tokens: np.ndarray, size: int, least: int
) -> tuple[Vocabulary, Vocabulary]:
    """Returns the frequent words of texts and of labelled sentences together.

    A token of a labelled sentence counts for `LABELLED_COUNTS` words: there are few of
    them, and they matter.

    Args:
        stream: the texts' words.
        tokens: strings (n,), those of the labelled sentences.
        size: how many words there may be.
        least: how often a token must occur in the labelled sentences.

    Returns:
        Words as they are written, and in lower case.
    """
    counts = collections.Counter(
        dict(zip(stream.words, stream.counts.tolist(), strict=True))
    )
    for token, count in collections.Counter(tokens.tolist()).items():
        counts[token] += LABELLED_COUNTS * count
    lowered = collections.Counter()
    names = np.array(list(counts), object)
    lower = [n for batch in data.in_batches(names) for n in lowercase(batch).numpy()]
    for name, count in zip(lower, counts.values(), strict=True):
        lowered[name.decode("utf-8")] += count
    return tuple(
        _frequent(each, size, least * LABELLED_COUNTS) for each in (counts, lowered)
    )


def _frequent(counts, size, least):
    for token in (*SPECIAL, ""):
        counts.pop(token, None)
    taken = [item for item in counts.items() if item[1] >= least]
    taken.sort(key=lambda item: (-item[1], item[0].encode("utf-8")))
    return Vocabulary([token for token, _ in taken[: size - len(SPECIAL)]])
