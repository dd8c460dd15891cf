"""Rows of different lengths, processed in buckets of similar length, in the graph.

A batch is padded to its longest row, so that one row of 100 000 steps among 63 of 50
makes 64 of 100 000 steps, in time and in memory. In buckets each row is padded to less
than twice its length, and all buckets, one after another, take less than three times
the longest row's steps. So a batch costs what its rows would cost by themselves.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo import kernels

# With less padding than this for each step of the rows there is one bucket for all:
# two short loops take longer than one whose rows are padded.
_PADDING = 4
# As a kernel is compiled for each bucket's shape, which takes seconds, it must save
# that many steps of padding. (Exported graphs have no kernels.)
_WORTH_COMPILING = 2**18
# How many steps a bucket has, padding included, if it has several rows.
STEPS = 2**17
_POWERS = [2**n for n in range(31)]


def in_buckets(
    function: Callable,
    lengths: tf.Tensor,
    signature: tf.TypeSpec,
    *,
    steps: int | None = STEPS,
    rows: int | None = None,
) -> Any:
    """Applies a function to rows of similar length at a time, and joins its results.

    ```
    def states(places):
        padded = tf.gather(ids, places).to_tensor()
        return tf.RaggedTensor.from_tensor(run(padded), tf.gather(lengths, places))

    found = in_buckets(states, lengths, tf.RaggedTensorSpec([None, None, 8]))
    ```

    Lengths between the same two powers of two are similar. Where little of the batch
    would be padding they all are.

    Args:
        function: gets the places of a bucket's rows in the batch, int32 (n,), and
            returns a nest of dense tensors, (n, …), and ragged ones, (n, steps, …). It
            is called with no row if the batch has none.
        lengths: int (batch,): how many steps each row has.
        signature: what it returns, a nest of `tf.TensorSpec` and `tf.RaggedTensorSpec`.
        steps: the most steps of a bucket of several rows, padding included; None if
            the function keeps nothing of each step.
        rows: the most rows of a bucket; None for any number.

    Returns:
        The nest, of all rows in the order of the batch: dense tensors (batch, …) and
        ragged ones, (batch, steps, …).
    """
    order, bounds = _buckets(tf.cast(lengths, tf.int32), steps, rows)
    specs = tf.nest.flatten(signature, expand_composites=False)
    count = tf.size(bounds) - 1

    def go_on(number, arrays):
        found = function(order[bounds[number] : bounds[number + 1]])
        parts = tf.nest.flatten(
            [_parts(each) for each in tf.nest.flatten(found, expand_composites=False)]
        )
        pairs = zip(arrays, parts, strict=True)
        return number + 1, [array.write(number, part) for array, part in pairs]

    arrays = [array for spec in specs for array in _arrays(spec, count)]
    # One after another, or memory would be that of several.
    _, arrays = tf.while_loop(
        lambda number, _: number < count, go_on, (0, arrays), parallel_iterations=1
    )
    places, arrays = tf.math.invert_permutation(order), iter(arrays)
    joined = [tf.gather(_joined(spec, arrays), places) for spec in specs]
    return tf.nest.pack_sequence_as(signature, joined)


def _buckets(lengths, steps, rows):
    """Returns the rows' places, bucket by bucket, and where each begins and ends.

    Args:
        lengths: int32 (batch,).
        steps: see `in_buckets`.
        rows: see there.

    Returns:
        int32 (batch,) and (buckets + 1,), of one bucket at least.
    """
    count = tf.size(lengths)

    def several():
        return _several_buckets(lengths, steps, rows)

    def one():
        return tf.range(count), tf.stack([0, count])

    # What is mostly asked for is one bucket, which is soon found.
    longest = tf.reduce_max(tf.concat([lengths, [1]], axis=0))
    fits = count <= (tf.int32.max if rows is None else rows)
    if steps is not None:
        fits &= count <= tf.maximum(steps // longest, 1)
    return tf.cond(fits & ~_saves(lengths), one, several)


def _several_buckets(lengths, steps, rows):
    """Returns what `_buckets` does, of any number of buckets."""
    count, kinds = tf.size(lengths), len(_POWERS)
    # Without `tf.searchsorted`, which TFLite has none of.
    powers = tf.reduce_sum(tf.cast(lengths[:, None] > _POWERS, tf.int32), axis=1)
    powers = tf.where(_saves(lengths), powers, 0)
    room = tf.fill([kinds], tf.int32.max if rows is None else rows)
    if steps is not None:
        longest = tf.math.unsorted_segment_max(lengths, powers, kinds)
        fitting = steps // tf.maximum(longest, 1)
        room = tf.clip_by_value(fitting, 1, room)
    order = tf.argsort(powers, stable=True)
    powers = tf.gather(powers, order)
    sizes = tf.math.unsorted_segment_sum(tf.ones_like(powers), powers, kinds)
    first = tf.cumsum(sizes, exclusive=True)
    place = tf.range(count) - tf.gather(first, powers)
    number = place // tf.gather(room, powers)
    begins = (powers[1:] != powers[:-1]) | (number[1:] != number[:-1])
    begins = tf.where(tf.concat([[True], begins], axis=0))[:, 0]
    return order, tf.concat([tf.cast(begins, tf.int32), [count]], axis=0)


def _saves(lengths):
    """Says whether buckets save more than they cost."""
    rows = tf.size(lengths, tf.int64)
    lengths = tf.cast(lengths, tf.int64)
    padded = rows * tf.reduce_max(tf.concat([lengths, [0]], axis=0))
    least = 0 if kernels.is_portable() else _WORTH_COMPILING
    return padded - _PADDING * tf.reduce_sum(lengths) > least


def _parts(found):
    """Returns what is kept of a result: its values, of a ragged one row lengths too."""
    if isinstance(found, tf.RaggedTensor):
        return [found.values, tf.cast(found.row_lengths(), tf.int32)]
    return [found]


def _arrays(spec, count):
    """Returns room for the `_parts` of `count` results."""
    kept = [(spec.dtype, spec.shape[1:])]
    if isinstance(spec, tf.RaggedTensorSpec):
        kept = [(spec.dtype, spec.shape[2:]), (tf.int32, [])]
    return [
        tf.TensorArray(dtype, count, infer_shape=False, element_shape=[None, *shape])
        for dtype, shape in kept
    ]


def _joined(spec, arrays):
    """Returns the results of all buckets, of the next arrays, one after another."""
    values = next(arrays).concat()
    if not isinstance(spec, tf.RaggedTensorSpec):
        return tf.ensure_shape(values, [None, *spec.shape[1:]])
    values = tf.ensure_shape(values, [None, *spec.shape[2:]])
    lengths = next(arrays).concat()
    return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
