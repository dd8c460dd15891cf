"""Streams are worked on in batches of like lengths, and come back in order."""

import itertools

import numpy as np

from tasks.translation import sorted_batches


def work(batches):
    def work(batch):
        batches.append(list(map(len, batch)))
        return [item.upper() for item in batch]

    return work


def test_results_come_in_order_of_batches_of_like_lengths():
    random = np.random.default_rng(0)
    items = ["x" * n for n in random.integers(1, 200, 1000)]
    batches = []
    found = list(sorted_batches.in_order(iter(items), 8, len, work(batches)))
    assert found == [item.upper() for item in items]
    assert max(map(len, batches)) == 8
    assert all(batch == sorted(batch) for batch in batches)
    padded = sum(len(batch) * max(batch) for batch in batches)
    assert padded < 1.2 * sum(map(len, items))


def test_a_stream_without_an_end_is_read_little_by_little():
    read = itertools.count()
    stream = ("x" for _ in read)
    found = sorted_batches.in_order(stream, 4, len, work([]))
    assert list(itertools.islice(found, 4)) == ["X"] * 4
    assert next(read) <= 5
    next(found)
    assert next(read) <= 15


def test_long_items_share_no_batch_that_has_no_room_for_them():
    items = ["x" * 2000, "y", "x" * 40_000, "z", "x" * 2000]
    batches = []
    found = list(sorted_batches.in_order(items, 8, len, work(batches)))
    assert found == [item.upper() for item in items]
    assert batches == [[1, 1], [2000, 2000], [40_000]]
    assert list(sorted_batches.in_order([], 8, len, work(batches))) == []
