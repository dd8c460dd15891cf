"""Which rows of a batch are whose, where several replicas train on it."""

from typing import NamedTuple

import tensorflow as tf


class Shard(NamedTuple):
    """The part of each batch that one of several replicas takes.

    Of a batch of n rows, replica i of k has those from ⌊n i / k⌋ to ⌊n (i + 1) / k⌋.
    Which rows a batch has is a function of (seed, epoch), so which rows a replica reads
    is one of (seed, epoch, replica). All have the same number of batches; where there
    are fewer rows than replicas, some have none.

    Attributes:
        replica: i, from 0.
        replicas: k.
    """

    replica: int = 0
    replicas: int = 1

    def bounds(self, rows: int | tf.Tensor) -> tuple:
        """Returns where the replica's rows begin and end, of a batch of so many."""
        begin = rows * self.replica // self.replicas
        return begin, rows * (self.replica + 1) // self.replicas

    def of(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the replica's rows of a batch, (rows, …)."""
        begin, end = self.bounds(tf.shape(rows)[0])
        return rows[begin:end]


WHOLE = Shard()
