"""Sentences with names as they might also have been written: other names, other cases.

Applied in training, anew in each epoch.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tasks.data.bucketing import BucketedBatches
from tasks.ner.sentences import TaggedSentences
from zoo import tags as schemes

# What a sentence may end with.
_ENDS = frozenset(".!?…")
# The tag's place at a step that has no token.
_NO_TAG = -1


def _capitalized(word):
    """Returns a word with a capital: McDonald and U.N. as they are."""
    return word[:1].upper() + word[1:]


_CASES = str.lower, str.upper, _capitalized


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How often what is changed.

    Attributes:
        casing: the share of the sentences written all in lower case, all in upper case
            or with a capital at each word, a third of them each.
        names: the share of the entities whose name is another of the same type and
            length.
        endings: the share of the sentences that lose their final punctuation.
        spelling: the share of those other names whose words are no names that there
            are, but made of halves of two.
    """

    casing: float = 0.0
    names: float = 0.0
    endings: float = 0.0
    spelling: float = 0.5

    def __bool__(self) -> bool:
        return bool(self.casing or self.names or self.endings)


class AugmentedBatches(BucketedBatches):
    """Sentences as padded batches, changed in each epoch.

    What is changed how, is a function of (seed, epoch) alone. No sentence gets longer;
    one that loses a token has padding in its place.

    Args:
        sentences: the sentences, in a scheme of entities.
        tags: the model's tags.
        batch_size: sentences in a batch.
        scheme: the sentences' scheme.
        augmentation: what to change.
        seed: of the order and of the changes.
        **order: as `BucketedBatches` takes them.
    """

    def __init__(
        self,
        sentences: TaggedSentences,
        tags: Sequence[str],
        batch_size: int,
        *,
        scheme: str,
        augmentation: Augmentation,
        seed: int,
        **order,
    ):
        self._tokens = sentences.tokens
        places = {name: place for place, name in enumerate(tags)}
        self._labels = [[places[tag] for tag in row] for row in sentences.tags]
        self._spans = [schemes.spans(row, scheme) for row in sentences.tags]
        self._names = _names(sentences.tokens, self._spans)
        self._augmentation = augmentation
        self._draws = seed
        tokens = tf.ragged.constant(sentences.tokens, tf.string, ragged_rank=1)
        labels = tf.ragged.constant(self._labels, tf.int32, ragged_rank=1)
        # Variables, for a dataset reads them anew in each epoch.
        self._flat = [
            tf.Variable(part.flat_values, trainable=False) for part in (tokens, labels)
        ]
        self._splits = tokens.row_splits
        super().__init__(tokens, labels, batch_size, seed=seed, **order)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, from 0, whose order and changes the next iteration has."""
        super().set_epoch(epoch)
        rows = augmented(
            self._tokens,
            self._labels,
            self._spans,
            self._names,
            self._augmentation,
            np.random.default_rng([self._draws, epoch]),
        )
        for variable, values in zip(self._flat, zip(*rows, strict=True), strict=True):
            variable.assign([each for row in values for each in row])

    def _rows(self, places):
        return tuple(
            tf.gather(
                tf.RaggedTensor.from_row_splits(each, self._splits, validate=False),
                places,
            )
            for each in self._flat
        )


def _names(tokens, spans):
    """Returns the names that there are, by type and number of tokens."""
    found = collections.defaultdict(dict)
    for row, entities in zip(tokens, spans, strict=True):
        for start, end, label in entities:
            found[label, end - start][tuple(row[start:end])] = None
    return {key: list(names) for key, names in found.items()}


def augmented(tokens, labels, spans, names, augmentation, random):
    """Yields sentences as they might also have been written.

    Args:
        tokens: each sentence's tokens.
        labels: each sentence's tags' places.
        spans: each sentence's entities.
        names: lists of names, tuples of tokens, by type and number of tokens.
        augmentation: what to change.
        random: a NumPy generator.

    Yields:
        A sentence's tokens and its tags' places, both as long as before.
    """
    draws = random.random((len(tokens), 2))
    kinds = random.integers(len(_CASES), size=len(tokens))
    for place, (row, tags, entities) in enumerate(
        zip(tokens, labels, spans, strict=True)
    ):
        row = list(row)
        for start, end, label in entities:
            if random.random() < augmentation.names:
                given = names[label, end - start]
                row[start:end] = _other(
                    row[start:end], given, augmentation.spelling, random
                )
        if draws[place, 0] < augmentation.casing:
            row = [_CASES[kinds[place]](token) for token in row]
        last = len(row) - 1
        if draws[place, 1] < augmentation.endings and last and row[last] in _ENDS:
            row[last], tags = "", [*tags[:-1], _NO_TAG]
        yield row, tags


def _other(name, names, spelling, random):
    """Returns another name, of as many tokens."""
    first, second = (names[k] for k in random.integers(len(names), size=2))
    if random.random() >= spelling:
        return first
    return [
        _blend(one, two) if _can_be_blended(old, one, two) else one
        for old, one, two in zip(name, first, second, strict=True)
    ]


def _can_be_blended(*words):
    """Says whether words are ones that a name's spelling may be made of."""
    return all(word.isalpha() and word[0].isupper() and len(word) > 3 for word in words)


def _blend(first, second):
    """Returns the beginning of one word with the end of another."""
    head = first[: (len(first) + 1) // 2]
    tail = second[(len(second) + 1) // 2 :]
    return head + (tail.upper() if first.isupper() else tail.lower())
