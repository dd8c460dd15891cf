"""How probable a music model finds pieces."""

from typing import Any, NamedTuple

import tensorflow as tf

from zoo.decoding.parameters import per_row
from zoo.models.bucketing import in_buckets
from zoo.typing import Tensor


class Costs(NamedTuple):
    """What pieces cost, in nats.

    Attributes:
        frames: float32 (batch, steps), -log P(y<t> | y<1..t-1>), 0 at padding.
        ending: float32 (batch,), of ending there and not before; 0 if the model
            predicts no ending.
    """

    frames: tf.Tensor
    ending: tf.Tensor


def costs(model: Any, hidden: Tensor, frames: Tensor, lengths: Tensor) -> Costs:
    """Returns what pieces cost under a model.

    Args:
        model: a `zoo.models.MusicModel`.
        hidden: what it returned for them.
        frames: 0 and 1, float (batch, steps, keys).
        lengths: int32 (batch,).
    """
    # Of pieces' frames alone: padding costs neither nats nor time.
    places = tf.where(tf.sequence_mask(lengths, tf.shape(frames)[1]))
    nats = model.frame_output(
        tf.gather_nd(hidden, places), tf.gather_nd(frames, places)
    )
    shape = tf.shape(frames, tf.int64)[:2]
    if model.ending is None:
        ending = tf.zeros_like(lengths, tf.float32)
    else:
        ending = model.ending.nats(tf.cast(hidden, tf.float32), frames, lengths)
    return Costs(tf.scatter_nd(places, nats, shape), ending)


def score(
    model: Any,
    roll: Tensor,
    lengths: Tensor | None = None,
    vector: Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """Scores pieces: see `zoo.models.MusicModel.score`."""
    frames, lengths, vector = model.pieces(roll, lengths, vector)
    lengths = per_row("lengths", lengths, tf.shape(frames)[0])

    def totals(places):
        """Returns -log P of all frames, of the first ones and of the endings."""
        some = tf.gather(lengths, places)
        # One step at least: Keras' loops can't do without.
        longest = tf.reduce_max(tf.concat([some, [1]], axis=0))
        pieces = tf.gather(frames, places)[:, :longest]
        missing = longest - tf.shape(pieces)[1]
        pieces = tf.pad(pieces, [[0, 0], [0, missing], [0, 0]])
        own = None if vector is None else tf.gather(vector, places)
        hidden = model({"roll": pieces, "lengths": some, "vector": own})
        found = costs(model, hidden, pieces, some)
        nats = tf.cast(found.frames, tf.float64)
        return (
            tf.reduce_sum(nats, axis=1),
            nats[:, 0],
            tf.cast(found.ending, tf.float64),
        )

    signature = 3 * (tf.TensorSpec([None], tf.float64),)
    total, first, ending = in_buckets(totals, lengths, signature)
    return {
        "nats_per_frame": _mean(total + ending, lengths),
        "published_nats_per_frame": _mean(total - first, lengths - 1),
    }


def _mean(nats, count):
    count = tf.cast(tf.maximum(count, 0), tf.float64)
    return tf.cast(tf.math.divide_no_nan(nats, count), tf.float32)
