"""Where a generation is, and how one step takes it on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.decoding import filters, parameters
from zoo.decoding.states import as_before
from zoo.typing import Tensor


class Progress(NamedTuple):
    """All that the next draw depends on, but for the seed.

    Attributes:
        step: int32, how many draws there have been.
        inputs: (batch, …), what the next step takes.
        state: what it takes, a nest of tensors.
        lengths: int32 (batch,), how many draws each row has.
        ended: bool (batch,).
        window: (batch, n, …), the last draws, or () if nothing looks at them.
        seen: bool (batch, V), what has occurred, or () if nothing looks at it.
    """

    step: tf.Tensor
    inputs: tf.Tensor
    state: Any
    lengths: tf.Tensor
    ended: tf.Tensor
    window: Any
    seen: Any


def start(how: Any, first_inputs: Tensor, state: Any, seen: Tensor) -> Any:
    """Returns the progress of a generation that has drawn nothing.

    Args:
        how: a `Generator`: what is to be done.
        first_inputs: (batch, …).
        state: a nest of tensors.
        seen: bool (batch, V), or None.
    """
    inputs = tf.convert_to_tensor(first_inputs)
    rows = tf.shape(inputs)[:1]
    if (seen is None) != (how.repetition_penalty is None):
        raise ValueError(
            "A repetition penalty and `seen`, bool (batch, V), go together: give "
            "both or neither. `zoo.decoding.occurring` makes it."
        )
    window = ()
    if how.stop is not None:
        steps = getattr(how.stop, "steps", 1)
        nothing = -tf.ones_like(inputs)[:, None]
        window = tf.repeat(nothing, steps, axis=1)
    return Progress(
        step=tf.constant(0),
        inputs=inputs,
        state=tf.nest.map_structure(tf.convert_to_tensor, state),
        lengths=tf.zeros(rows, tf.int32),
        ended=tf.zeros(rows, tf.bool),
        window=window,
        seen=() if seen is None else tf.convert_to_tensor(seen),
    )


def take_step(how: Any, progress: Any, fold: Callable, length: Tensor | int) -> Any:
    """Returns the progress after a step, and what was drawn.

    That is the draw, as the inputs, and log P of it, (batch,), if it is wanted. Rows
    that have ended, or have their length, draw padding.

    Args:
        how: a `Generator`.
        progress: a `Progress`.
        fold: `zoo.decoding.seeds.folding` of the seed.
        length: the most draws, int32, () or (batch,).
    """
    outputs, state = how.step(progress.inputs, progress.state)
    likely = outputs
    if how.repetition_penalty is not None:
        likely = filters.repetition_penalty(
            outputs, progress.seen, how.repetition_penalty
        )
    seed = fold(tf.cast(progress.step, tf.int64))
    full = progress.ended | (progress.step >= length)
    full = tf.ensure_shape(full, progress.ended.shape)
    draw = tf.cast(how.sample(likely, seed), progress.inputs.dtype)
    draw = tf.ensure_shape(draw, progress.inputs.shape)
    draw = _fill(draw, full, how.padding)
    drawn = [draw]
    if how.log_probabilities:
        logs = how.sample.log_probability(outputs, draw)
        drawn.append(_fill(logs, full, 0))
    return _moved_on(how, progress, draw, state, full), drawn


def _moved_on(how, progress, draw, state, full):
    """Returns the progress after a draw, which rows that were full have none of."""
    ended, window, seen = progress.ended, progress.window, progress.seen
    if how.end_id is not None:
        ended |= ~full & (draw == tf.cast(how.end_id, draw.dtype))
    if how.stop is not None:
        last = draw[:, None]
        several = window.shape[1] != 1
        window = tf.concat([window[:, 1:], last], axis=1) if several else last
        ended |= ~full & how.stop(window)
    if how.repetition_penalty is not None:
        seen |= tf.one_hot(draw, tf.shape(seen)[-1], True, False)
    return Progress(
        step=progress.step + 1,
        inputs=draw,
        state=as_before(state, progress.state),
        lengths=progress.lengths + tf.cast(~full, tf.int32),
        ended=ended,
        window=window,
        seen=seen,
    )


def checked_length(length: Tensor | int) -> Any:
    """Returns the most draws there may be, int32, () or (batch,).

    Raises:
        ValueError: it is known here, and negative.
    """
    parameters.check("length", length, whole=True, least=0)
    return tf.cast(length, tf.int32)


def is_under_way(progress: Any, until: Any) -> Any:
    """Returns whether there is a draw to make before step `until`, () or (batch,)."""
    return tf.reduce_any((progress.step < until) & ~progress.ended)


def _fill(tensor, ended, padding):
    """Returns (batch, …), of its static shape, with padding in the ended rows."""
    ended = ended[(..., *[None] * (tensor.shape.rank - 1))]
    filled = tf.where(ended, tf.cast(padding, tensor.dtype), tensor)
    return tf.ensure_shape(filled, tensor.shape)
