"""Batches of pieces of music, in keys that change, and what a model makes of them."""

import numpy as np
import tensorflow as tf

from tasks.data.bucketing import BucketedBatches
from tasks.data.sharding import WHOLE, Shard
from tasks.music.corpus import Pieces
from zoo import music


class PieceBatches:
    """Pieces as padded batches, by length, in keys that change from epoch to epoch.

    Each piece is moved up or down by a number of semitones that is drawn anew in each
    epoch, among those that leave all its notes on the keys. Order and keys are a
    function of (seed, epoch) alone: see `tasks.data.bucketing.BucketedBatches`.

    Args:
        pieces: the pieces.
        batch_size: pieces a batch.
        buckets: how many padded lengths there may be.
        transpose: the most semitones that a piece is moved by.
        seed: of order and keys; None for no shuffling.
        transposed_epochs: how many epochs pieces are moved in, the first ones; None
            for all.
    """

    def __init__(
        self,
        pieces,
        batch_size,
        buckets=8,
        transpose=0,
        seed=None,
        transposed_epochs=None,
    ):
        silence = np.zeros((1, pieces.keys), np.uint8)
        # A tensor: as a constant in a graph, 2 GB would be too much.
        self._frames = tf.constant(np.concatenate([silence, *pieces.rolls]))
        # A piece is the places of its frames; 0, as a bucket pads, is silence.
        places = tf.RaggedTensor.from_row_lengths(
            tf.range(1, len(self._frames)), pieces.lengths
        )
        numbers = tf.range(len(pieces))
        self._buckets = BucketedBatches(places, numbers, batch_size, buckets, seed)
        self._moves = _moves(pieces.rolls, transpose)
        every = tf.int32.max
        self._moved_until = every if transposed_epochs is None else transposed_epochs
        self._seed = (seed or 0) % 2**31
        self._epoch = tf.Variable(0, trainable=False)

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self._buckets)

    @property
    def shapes(self) -> int:
        """How many shapes the batches have."""
        return self._buckets.shapes

    @property
    def order(self) -> np.ndarray:
        """The pieces' places in the order of unshuffled batches, int64 (n,)."""
        return self._buckets.order

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, from 0, whose order and keys the next iteration has."""
        self._buckets.set_epoch(epoch)
        self._epoch.assign(epoch)

    def dataset(self, shard: Shard = WHOLE) -> tf.data.Dataset:
        """Returns an epoch as dicts: `roll`, uint8 (batch, steps, keys), `lengths`.

        Args:
            shard: which rows of each batch to read.
        """
        return self._buckets.dataset(shard).map(self._batch).prefetch(2)

    def _batch(self, places, numbers):
        lengths = tf.math.count_nonzero(places, axis=1, dtype=tf.int32)
        roll = tf.gather(self._frames, places)
        if self._moves.any():
            low, count = tf.unstack(
                tf.gather(tf.constant(self._moves), numbers), axis=1
            )
            seed = tf.stack([self._seed, self._epoch])
            drawn = tf.random.stateless_uniform([len(self._moves)], seed)
            drawn = tf.cast(
                tf.gather(drawn, numbers) * tf.cast(count, tf.float32), "int32"
            )
            moved = tf.where(self._epoch < self._moved_until, low + drawn, 0)
            columns = tf.range(roll.shape[-1]) - moved[:, None]
            # Only silent columns go round.
            columns %= roll.shape[-1]
            roll = tf.gather(roll, columns, axis=2, batch_dims=1)
        return {"roll": roll, "lengths": lengths}


def _moves(rolls, most):
    """Returns for each roll the least it may be moved and how many moves it has."""
    moves = []
    for roll in rolls:
        fitting = music.transpositions(roll)
        low, high = max(fitting[0], -most), min(fitting[-1], most)
        moves.append((low, high - low + 1))
    moves = np.array(moves, np.int32)
    return moves if most else np.zeros_like(moves)


def measure(model, pieces: Pieces, batch_size: int) -> dict:
    """Measures what every frame of pieces costs, given those before it.

    Args:
        model: a `zoo.models.MusicModel`.
        pieces: the pieces.
        batch_size: how many at a time; changes the time, not the result.

    Returns:
        `pieces` and `frames`, their numbers; `nats_per_frame`, the published metric:
        -log P of all frames but each piece's first, by their number; and
        `nats_per_frame_with_endings`: of all frames and the pieces' ends, by theirs.
    """
    batches = PieceBatches(pieces, batch_size)
    published, whole = [], []
    for batch in batches.dataset():
        scores = model.score(batch["roll"], batch["lengths"])
        published.append(scores["published_nats_per_frame"].numpy())
        whole.append(scores["nats_per_frame"].numpy())
    lengths = pieces.lengths[batches.order].astype(np.float64)
    predicted = lengths - 1
    return {
        "pieces": len(pieces),
        "frames": int(lengths.sum()),
        "nats_per_frame": float(
            np.concatenate(published) @ predicted / max(1, predicted.sum())
        ),
        "nats_per_frame_with_endings": float(
            np.concatenate(whole) @ lengths / lengths.sum()
        ),
    }
