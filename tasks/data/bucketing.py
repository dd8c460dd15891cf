"""Batches of sequences of about the same length, in an order that can be resumed."""

import functools

import numpy as np
import tensorflow as tf

from tasks.data.epochs import drawn_anew
from tasks.data.sharding import WHOLE, Shard

# A padded length of its own has to be worth what compiling for it takes.
_BATCHES = 8


class BucketedBatches:
    """Sequences with targets as padded batches, by length.

    A sequence has one target, or one at each of its steps. Each batch comes from
    one bucket and is padded to that bucket's length, so that little is computed for
    padding and few shapes occur: all batches but one have the same number of rows, and
    where there are few data there are few buckets, for whatever compiles does so for
    each shape. Which sequences share a batch, and the batches'
    order, are a function of (seed, epoch) alone: a training that was interrupted
    goes on with the very batches it would have had.

    Args:
        sequences: int32 or string, ragged (n, steps); padded with 0 or "".
        targets: a tensor whose first dimension is n, or int32, ragged (n, steps),
            padded with -1.
        batch_size: sequences a batch; the longest ones' last batch may be smaller.
        buckets: how many padded lengths there may be, but for every one eight batches.
        seed: of the order; None for no shuffling, from short to long.
        sizes: int64 (n,), what lengths to go by, where targets are longer than their
            sequences; by default the sequences' own.

    Attributes:
        lengths: the buckets' padded lengths, rising.
    """

    def __init__(
        self, sequences, targets, batch_size, buckets=8, seed=None, sizes=None
    ):
        self._sequences = sequences
        self._targets = targets
        self._seed = seed
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        if sizes is None:
            sizes = sequences.row_lengths().numpy()
        sizes = np.maximum(sizes, 1)
        buckets = min(buckets, max(1, len(sizes) // batch_size // _BATCHES))
        self._bucket, self.lengths = _assigned(
            sizes, _bucket_lengths(sizes, buckets), batch_size
        )
        # Sequences by bucket, the plan's rows; inside a bucket by length, so
        # that without shuffling a batch's sequences are as alike as can be.
        self._sorted = np.lexsort((sizes, self._bucket))
        self._plan = _plan(np.bincount(self._bucket), batch_size, self.lengths)

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self._plan)

    @property
    def shapes(self) -> int:
        """How many shapes the batches have, for each of which a step is compiled."""
        return len(np.unique(self._plan[:, 1:], axis=0))

    @property
    def order(self) -> np.ndarray:
        """The sequences' places in the order of unshuffled batches, int64 (n,)."""
        return self._sorted

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, from 0, whose order the next iteration has."""
        self._epoch.assign(epoch)

    def dataset(self, shard: Shard = WHOLE) -> tf.data.Dataset:
        """Returns an epoch as (sequences (batch, steps), targets (batch, …)).

        Args:
            shard: which rows of each batch to read.
        """
        return drawn_anew(functools.partial(self._epoch_batches, shard), len(self))

    def _epoch_batches(self, shard, _):
        order, numbers = tf.constant(self._sorted), tf.range(len(self), dtype=tf.int64)
        if self._seed is not None:
            # Shuffled as a whole, then grouped by bucket again: a stable sort.
            order = tf.gather(order, self._shuffled(len(self._sorted), 0))
            groups = tf.gather(tf.constant(self._bucket), order)
            order = tf.gather(order, tf.argsort(groups, stable=True))
            numbers = self._shuffled(len(self), 1)
        plan = tf.constant(self._plan)

        def batch(number):
            start, size, length = tf.unstack(tf.gather(plan, number))
            places = shard.of(order[start : start + size])
            shape = tf.stack([-1, length])
            rows, targets = self._rows(places)
            rows = rows.to_tensor(shape=shape)
            if isinstance(targets, tf.RaggedTensor):
                targets = targets.to_tensor(-1, shape=shape)
            return rows, targets

        return tf.data.Dataset.from_tensor_slices(numbers).map(
            batch, num_parallel_calls=2, deterministic=True
        )

    def _rows(self, places):
        """Returns the sequences, ragged, and the targets at these places."""
        return tuple(tf.gather(of, places) for of in (self._sequences, self._targets))

    def _shuffled(self, count, salt):
        """Returns the numbers below `count` in the epoch's order."""
        numbers = tf.range(count, dtype=tf.int64)
        seed = tf.stack([tf.constant(2 * self._seed + salt, tf.int64), self._epoch])
        return tf.random.experimental.index_shuffle(
            numbers, seed=tf.cast(seed, tf.int32), max_index=count - 1
        )


def _bucket_lengths(sizes, buckets):
    """Returns the padded lengths that need the least padding in all.

    By dynamic programming over the distinct sizes. (With quantiles, a single long
    sequence would make a whole bucket as long as itself.)
    """
    lengths, counts = np.unique(sizes, return_counts=True)
    total = np.concatenate([[0], np.cumsum(counts)])
    # least[j]: the steps, padded, of all sequences up to the j-th size.
    least = np.where(total > 0, np.inf, 0.0)
    choices = []
    for _ in range(min(buckets, len(lengths))):
        # One end of the last bucket after the other: all costs at once would be as
        # many as the square of the sizes.
        best, choice = [0.0], []
        for j, length in enumerate(lengths):
            cost = least[: j + 1] + length * (total[j + 1] - total[: j + 1])
            choice.append(cost.argmin())
            best.append(cost.min())
        choices.append(choice)
        least = np.array(best)
    ends, end = [], len(lengths)
    for choice in reversed(choices):
        if end:
            ends.append(end - 1)
            end = choice[end - 1]
    return lengths[ends[::-1]]


def _assigned(sizes, lengths, batch_size):
    """Returns each sequence's bucket, and the lengths of those that there are.

    The longest sequences of a bucket that don't fill a batch go to the next one, so
    that only the last bucket has a smaller batch.
    """
    ends = np.cumsum(np.bincount(np.searchsorted(lengths, sizes)))
    ends[:-1] -= ends[:-1] % batch_size
    kept = np.diff(ends, prepend=0) > 0
    bucket = np.empty(len(sizes), np.int64)
    order = np.argsort(sizes, kind="stable")
    bucket[order] = np.searchsorted(ends[kept], np.arange(len(sizes)), side="right")
    return bucket, lengths[kept]


def _plan(counts, batch_size, lengths):
    """Returns each batch's start, size and padded length, int64 (batches, 3)."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.array(
        [
            (start, min(batch_size, end - start), length)
            for first, end, length in zip(starts, starts[1:], lengths, strict=False)
            for start in range(first, end, batch_size)
        ],
        np.int64,
    )
