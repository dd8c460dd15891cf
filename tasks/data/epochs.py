"""An epoch as a data set that says how long it is and is drawn anew each time."""

from collections.abc import Callable

import tensorflow as tf


def drawn_anew(batches: Callable, count: int) -> tf.data.Dataset:
    """Returns an epoch's batches, which are made when they are first asked for.

    Args:
        batches: of a number that says nothing, returns them as a `tf.data.Dataset`;
            called in a graph, which runs whenever the epoch begins.
        count: how many there are.
    """
    made = tf.data.Dataset.range(1).flat_map(batches)
    # Without it Keras' `fit` cuts later epochs to the first one's length.
    cardinality = tf.data.experimental.assert_cardinality(count)
    return made.apply(cardinality).prefetch(2)
