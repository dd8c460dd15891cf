"""Bucketed batches: nothing lost, little padding, an order that can be resumed."""

import itertools
import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data import bucketing
from tasks.data.bucketing import BucketedBatches

SIZES = [3, 1, 0, 7, 7, 2, 12, 5, 5, 5, 0, 9, 30, 1, 4, 6, 8, 2, 2, 11, 3, 3, 20]


def sequence(place, size):
    """A sequence that tells whose it is: no 0, and no two alike."""
    return [100 * (place + 1) + step for step in range(size)]


def bucketed(sizes=SIZES, batch_size=4, buckets=3, seed=None):
    rows = [sequence(place, size) for place, size in enumerate(sizes)]
    ragged = tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)
    targets = tf.range(len(sizes))
    return BucketedBatches(ragged, targets, batch_size, buckets, seed)


def epoch(batches, number=0):
    """Returns an epoch's batches as NumPy arrays."""
    batches.set_epoch(number)
    return list(batches.dataset().as_numpy_iterator())


def places(batches, number=0):
    """Returns which sequences each batch of an epoch holds."""
    return [targets.tolist() for _, targets in epoch(batches, number)]


@settings(max_examples=10, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=40),
    batch_size=st.integers(1, 50),
    buckets=st.integers(1, 10),
    seed=st.none() | st.integers(0, 2**20),
    number=st.integers(0, 5),
)
def test_every_sequence_comes_once_padded_to_its_bucket(
    sizes, batch_size, buckets, seed, number
):
    batches = bucketed(sizes, batch_size, buckets, seed)
    found = epoch(batches, number)

    assert len(found) == len(batches)
    assert 1 <= len(batches.lengths) <= buckets
    everything = [place for _, targets in found for place in targets]
    assert sorted(everything) == list(range(len(sizes)))
    # Whatever compiles for a shape has one more than there are lengths, at most.
    assert sum(len(rows) < batch_size for rows, _ in found) <= 1
    assert len({rows.shape for rows, _ in found}) <= len(batches.lengths) + 1
    for rows, targets in found:
        assert len(rows) == len(targets) <= batch_size
        length = rows.shape[1]
        assert length in batches.lengths
        for row, place in zip(rows, targets, strict=True):
            size = sizes[place]
            assert length >= size
            expected = sequence(place, size) + [0] * (length - size)
            assert row.tolist() == expected


def test_padded_lengths_of_evenly_spread_sizes_are_evenly_spread():
    lengths = bucketing._bucket_lengths(np.arange(1, 101), 4)
    np.testing.assert_array_equal(lengths, [25, 50, 75, 100])


@pytest.mark.parametrize(
    ("count", "lengths"), [(1, 1), (63, 1), (64, 2), (100, 3), (255, 7), (10_000, 8)]
)
def test_few_data_have_few_lengths(count, lengths):
    sizes = np.random.default_rng(0).integers(1, 100, count)
    rows = tf.RaggedTensor.from_row_lengths(tf.ones([sizes.sum()], tf.int32), sizes)
    found = BucketedBatches(rows, tf.range(count), batch_size=4, buckets=8)
    assert len(found.lengths) == lengths


def test_what_fills_no_batch_is_padded_with_longer_ones():
    """Of 33 and 31 sequences of two lengths one of the short is with the long."""
    batches = bucketed([2] * 33 + [9] * 31, buckets=2)
    shapes = [rows.shape for rows, _ in epoch(batches)]
    assert shapes == [(4, 2)] * 8 + [(4, 9)] * 8
    assert batches.shapes == 2


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=20),
    buckets=st.integers(1, 4),
)
def test_no_other_padded_lengths_need_less_padding(sizes, buckets):
    def steps(lengths):
        return sum(min(n for n in lengths if n >= size) for size in sizes)

    shorter = sorted(set(sizes) - {max(sizes)})
    every_choice = [
        [*chosen, max(sizes)]
        for number in range(min(buckets, len(shorter) + 1))
        for chosen in itertools.combinations(shorter, number)
    ]
    found = bucketing._bucket_lengths(np.array(sizes), buckets)
    assert steps(found) == min(map(steps, every_choice))


def test_many_sizes_need_little_memory():
    tracemalloc.start()
    bucketing._bucket_lengths(np.arange(1, 3001), 2)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2e6  # bytes; 3 000² costs would be 36 MB


def test_one_long_sequence_has_a_bucket_of_its_own():
    assert list(bucketed([5] * 300 + [1238], buckets=8).lengths) == [5, 1238]


@pytest.mark.parametrize("seed", [None, 1])
def test_words_with_a_target_each_are_padded_together(seed):
    rows = [["a"], ["b", "c", "d"], [], ["e", "f"]]
    ragged = tf.ragged.constant(rows, dtype=tf.string, ragged_rank=1)
    tags = [[0], [1, 2, 3], [], [4, 5]]
    ragged_tags = tf.ragged.constant(tags, dtype=tf.int32, ragged_rank=1)
    batches = BucketedBatches(ragged, ragged_tags, 3, buckets=1, seed=seed)
    found = {}
    for words, targets in epoch(batches):
        assert words.shape == targets.shape
        assert words.shape[1] == 3
        for word, target in zip(words.ravel(), targets.ravel(), strict=True):
            found[word.decode()] = int(target)
    expected = {"": -1, "a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5}
    assert found == expected


def test_sequences_of_one_length_need_one_bucket():
    batches = bucketed([5] * 10, buckets=8)
    assert list(batches.lengths) == [5]
    assert [rows.shape for rows, _ in epoch(batches)] == [(4, 5), (4, 5), (2, 5)]


def test_one_bucket_pads_all_to_the_longest():
    batches = bucketed(buckets=1)
    assert {rows.shape[1] for rows, _ in epoch(batches)} == {max(SIZES)}


def test_empty_sequences_become_one_step_of_padding():
    rows, targets = epoch(bucketed([0, 0, 0]))[0]
    np.testing.assert_array_equal(rows, np.zeros((3, 1)))
    assert targets.tolist() == [0, 1, 2]


def test_a_batch_size_above_the_number_of_sequences_gives_a_batch_a_bucket():
    batches = bucketed(batch_size=1000)
    assert len(batches) == len(batches.lengths)


def test_order_is_the_order_of_unshuffled_batches():
    batches = bucketed()
    found = [place for batch in places(batches) for place in batch]
    np.testing.assert_array_equal(batches.order, found)


def test_unshuffled_batches_go_from_short_to_long_in_every_epoch():
    batches = bucketed()
    sizes = [SIZES[place] for batch in places(batches) for place in batch]
    # An empty sequence is as long as one of one step.
    assert np.maximum(sizes, 1).tolist() == sorted(np.maximum(SIZES, 1).tolist())
    assert places(batches, 0) == places(batches, 3)


def test_order_hangs_on_seed_and_epoch_alone():
    first, second = bucketed(seed=3), bucketed(seed=3)
    walked = [places(first, number) for number in range(3)]
    # As a training does that was killed in the epoch with number 1.
    assert [places(second, 1), places(second, 2)] == walked[1:]


def test_a_dataset_made_before_follows_the_epoch():
    batches = bucketed(seed=3)
    dataset = batches.dataset()
    seen = []
    for number in range(2):
        batches.set_epoch(number)
        seen.append([targets.tolist() for _, targets in dataset.as_numpy_iterator()])
    assert seen == [places(batches, 0), places(batches, 1)]
    assert seen[0] != seen[1]


def test_epochs_and_seeds_differ_in_batches_and_in_their_order():
    orders = [places(bucketed(seed=seed), n) for seed in (1, 2) for n in (0, 1)]
    assert len({str(order) for order in orders}) == len(orders)
    # Not only the order of the batches: who shares one, too.
    groups = {str(sorted(map(sorted, order))) for order in orders}
    assert len(groups) == len(orders)


def test_batches_come_in_no_order_of_length():
    batches = bucketed(list(range(1, 101)), seed=1)
    lengths = [rows.shape[1] for rows, _ in epoch(batches)]
    assert lengths not in (sorted(lengths), sorted(lengths, reverse=True))


def test_shuffling_leaves_no_trace_of_the_order_before():
    count = 400
    batches = bucketed([4] * count, batch_size=10, seed=0)
    order = [place for batch in places(batches) for place in batch]
    correlation = np.corrcoef(order, np.arange(count))[0, 1]
    assert abs(correlation) < 4 / np.sqrt(count)


def test_fit_sees_every_batch_in_every_epoch():
    batches = bucketed(seed=1)
    model = keras.Sequential(
        [
            keras.layers.Embedding(100 * len(SIZES) + 200, 2),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    seen = []

    class Count(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            batches.set_epoch(epoch)
            seen.append(0)

        def on_train_batch_end(self, batch, logs=None):
            seen[-1] += 1

    model.fit(batches.dataset(), epochs=3, shuffle=False, verbose=0, callbacks=Count())
    assert seen == [len(batches)] * 3
    assert batches.dataset().cardinality() == len(batches)
