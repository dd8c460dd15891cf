"""Sequences that are known, read a window of steps at a time."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from zoo.decoding.states import as_before


def over_windows(
    read: Callable,
    state: Sequence[tf.Tensor],
    inputs: tf.Tensor,
    targets: tf.Tensor,
    *,
    window: tf.Tensor,
    kept: Sequence[tuple],
) -> list[tf.Tensor]:
    """Reads sequences window by window, and keeps what is found of each step.

    So logits, thousands for each step, are never there for more than a window.

    Args:
        read: `read(inputs, targets, state)` of some steps → what is kept of them, a
            list of (batch, n, …), and the state after them, like the one before. It
            gets one step at least: Keras' loops can't do without.
        state: before the first step.
        inputs: y<t-1>, int32 (batch, steps).
        targets: y<t>, the same.
        window: the most steps that are read at a time, int32 scalar; below 1 as 1.
        kept: the dtype and the rank of each tensor that is kept.

    Returns:
        What is kept, of all steps: a list of (batch, steps, …).
    """
    steps = tf.shape(targets)[1]
    window = tf.clip_by_value(steps, 1, tf.maximum(window, 1))
    windows = tf.maximum((steps + window - 1) // window, 1)
    missing = [[0, 0], [0, windows * window - steps]]
    inputs, targets = tf.pad(inputs, missing), tf.pad(targets, missing)

    def go_on(number, state, arrays):
        place = slice(number * window, (number + 1) * window)
        found, new = read(inputs[:, place], targets[:, place], state)
        pairs = zip(arrays, map(_time_first, found), strict=True)
        arrays = [array.write(number, each) for array, each in pairs]
        return number + 1, as_before(new, state), arrays

    arrays = [
        tf.TensorArray(dtype, windows, infer_shape=False, element_shape=rank * [None])
        for dtype, rank in kept
    ]
    *_, arrays = tf.while_loop(
        lambda number, *_: number < windows,
        go_on,
        (0, list(state), arrays),
        parallel_iterations=1,
    )
    return [_time_first(array.concat())[:, :steps] for array in arrays]


def _time_first(tensor):
    """Swaps the first two axes."""
    return tf.transpose(tensor, [1, 0, *range(2, tensor.shape.rank)])
