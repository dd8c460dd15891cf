"""Workers' shards are each batch, cut in rows, in every template's batches."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tasks.data.bucketing import BucketedBatches
from tasks.data.sharding import Shard
from tasks.music.batches import PieceBatches
from tasks.music.corpus import Pieces
from tasks.ner.augmentation import Augmentation, AugmentedBatches
from tasks.ner.sentences import TaggedSentences
from tasks.text.batches import SentenceBatches, Stream, StreamedWindows
from tasks.translation.batches import PairBatches

IDS = [list(range(4, 4 + length)) for length in (3, 1, 4, 1, 5, 2, 6)]
ROWS = tf.ragged.constant(IDS, tf.int32)


def streamed(seed):
    lengths = np.array([len(row) for row in IDS])
    stream = Stream(np.concatenate(IDS).astype(np.int32), lengths)
    return StreamedWindows(stream, 3, 2, seed=seed)


def pieces():
    rolls = [np.full((length, 4), [0, 1, 0, 0], np.uint8) for length in (2, 3, 1, 4)]
    return PieceBatches(Pieces(rolls, "", None), 3, transpose=1, seed=5)


def sentences():
    rows = [[f"w{number}" for number in row] for row in IDS]
    tags = [["B-PER"] + ["O"] * (len(row) - 1) for row in IDS]
    given = TaggedSentences(rows, tags, "", ("O", "B-PER"))
    changes = Augmentation(0.5, 0.5, 0.0)
    return AugmentedBatches(
        given, ["O", "B-PER"], 3, scheme="iob2", augmentation=changes, seed=5
    )


BATCHES = {
    "bucketed": lambda: BucketedBatches(ROWS, tf.range(7), 3, seed=5),
    "bucketed, unshuffled": lambda: BucketedBatches(ROWS, ROWS, 3),
    "pairs": lambda: PairBatches(ROWS, ROWS, 3, seed=5),
    "sentences": lambda: SentenceBatches(ROWS, 3, seed=5),
    "streams": lambda: streamed(5),
    "streams, to measure": lambda: streamed(None),
    "pieces": pieces,
    "augmented": sentences,
}


@pytest.mark.parametrize("replicas", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", BATCHES)
def test_shards_together_are_the_batch(name, replicas):
    batches = BATCHES[name]()
    for epoch in (0, 3):
        batches.set_epoch(epoch)
        whole = list(batches.dataset().as_numpy_iterator())
        shards = [
            list(batches.dataset(Shard(replica, replicas)).as_numpy_iterator())
            for replica in range(replicas)
        ]
        assert [len(shard) for shard in shards] == [len(batches)] * replicas
        for batch, *parts in zip(whole, *shards, strict=True):
            parts = [tf.nest.flatten(part) for part in parts]
            for expected, *found in zip(tf.nest.flatten(batch), *parts, strict=True):
                np.testing.assert_array_equal(np.concatenate(found), expected)


def test_shards_are_as_even_as_can_be_and_may_be_empty():
    for rows, replicas in ((7, 3), (2, 4), (0, 2), (64, 4)):
        bounds = [Shard(replica, replicas).bounds(rows) for replica in range(replicas)]
        assert bounds[0][0] == 0
        assert bounds[-1][1] == rows
        assert all(a[1] == b[0] for a, b in itertools.pairwise(bounds))
        sizes = {end - begin for begin, end in bounds}
        assert max(sizes) - min(sizes) <= 1
