"""Work on texts of any number, in batches of like lengths and in the texts' order."""

import itertools
from collections.abc import Callable, Iterable, Iterator

# How many batches are read ahead, at most, to be sorted by length.
_AHEAD = 32
# A batch has room for so many bytes a text, padding included. Longer texts are fewer.
_ROOM = 512


def in_order(
    items: Iterable, batch_size: int, size: Callable, work: Callable
) -> Iterator:
    """Yields what is made of each item, in the items' order.

    The first results come after one batch; then twice as many items are read at a time,
    and so on, up to 32 batches.

    Args:
        items: any number of them.
        batch_size: how many to work on at a time, at most.
        size: item → its length in bytes.
        work: list of items → as many results.
    """
    items = iter(items)
    ahead = 1
    while taken := list(itertools.islice(items, ahead * batch_size)):
        results = [None] * len(taken)
        for places in _batches([size(item) for item in taken], batch_size):
            made = work([taken[place] for place in places])
            for place, result in zip(places, made, strict=True):
                results[place] = result
        yield from results
        ahead = min(2 * ahead, _AHEAD)


def _batches(sizes, batch_size):
    """Yields the places of sizes, from small to large, in batches."""
    batch = []
    for place in sorted(range(len(sizes)), key=sizes.__getitem__):
        room = (len(batch) + 1) * sizes[place] <= batch_size * _ROOM
        if batch and (len(batch) == batch_size or not room):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
