"""Back-propagation through time in little memory (Chen et al. 2016).

The forward pass keeps the states between segments of the sequence only; the backward
pass runs each segment forward once more. With segments of √T steps memory grows with √T
but for inputs and outputs, at the price of one more run forward.
"""

from typing import Any

import tensorflow as tf

from zoo.kernels import compiled, gradients, recurrence
from zoo.kernels.recurrence import time_first, written
from zoo.typing import Tensor


def run(
    step: Any,
    sequences: Tensor,
    states: Any,
    mask: Tensor | None,
    kernel: Tensor,
    bias: Tensor,
    weights: Any,
    every_step: bool = True,
    *,
    every: int,
) -> Any:
    """Does what `zoo.kernels.run` does, a segment of `every` steps at a time.

    Not inside a larger XLA computation (`jit_compile=True` on a model): there the
    length of the last segment would have to be known beforehand.
    """
    count, parameters = len(states), [kernel, bias, *weights]
    # A step that shares what is compiled, for the gradient must not hold its owner.
    owner, step = step, type(step)(step.compiled)
    sequences = tf.ensure_shape(sequences, [None, None, kernel.shape[0]])

    def cut(sequence, segment):
        return sequence[:, segment * every : (segment + 1) * every]

    def one(segment, x, states, mask, parameters, keep):
        kernel, bias, *weights = parameters
        masked = cut(mask[0], segment) if mask else None
        outputs, states = compiled.run(
            step, x, states, masked, kernel, bias, weights, every_step, keep
        )
        return [outputs, *states] if every_step else states

    def forward(inputs, mask):
        sequences, *tensors = inputs
        states, parameters = tensors[:count], tensors[count:]
        # One at least, of no steps where there are none.
        segments = tf.maximum(-(-tf.shape(sequences)[1] // every), 1)
        starts = [_pieces(segments, state.dtype, state.shape) for state in states]
        outputs = [_pieces(segments, sequences.dtype)] if every_step else []

        def advance(segment, states, starts, outputs):
            starts = written(starts, segment, states)
            x = cut(sequences, segment)
            results = one(segment, x, states, mask, parameters, keep=False)
            *seen, last = _split(results, count)
            outputs = written(outputs, segment, map(time_first, seen))
            return segment + 1, last, starts, outputs

        _, last, starts, outputs = tf.while_loop(
            lambda segment, *_: segment < segments,
            advance,
            (0, states, starts, outputs),
        )
        outputs = [_together(each, last[0], sequences) for each in outputs]
        return [*outputs, *last], [start.stack() for start in starts]

    def backward(inputs, mask, starts, upstream):
        sequences, *tensors = inputs
        states, parameters = tensors[:count], tensors[count:]
        *d_outputs, d_states = _split(upstream, count)

        def back(segment, d_states, d_sequences, d_parameters):
            x = cut(sequences, segment)
            inputs = [x, *(start[segment] for start in starts), *parameters]
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                before = inputs[1 : 1 + count]
                results = one(segment, x, before, mask, parameters, keep=True)
            dx, *found = tape.gradient(
                results, inputs, [cut(d, segment) for d in d_outputs] + d_states
            )
            d_sequences = d_sequences.write(segment, time_first(dx))
            sums = zip(d_parameters, found[count:], strict=True)
            d_states = _shaped(found[:count], states)
            return segment - 1, d_states, d_sequences, [a + b for a, b in sums]

        segments = tf.shape(starts[0])[0]
        _, d_states, d_sequences, d_parameters = tf.while_loop(
            lambda segment, *_: segment >= 0,
            back,
            (
                segments - 1,
                _shaped(d_states, states),
                _pieces(segments, sequences.dtype),
                [tf.zeros_like(each) for each in parameters],
            ),
        )
        d_sequences = _together(d_sequences, sequences[:, 0], sequences)
        return d_sequences, *d_states, *d_parameters

    def plain(inputs, mask):
        sequences, *tensors = inputs
        steps, masked = tf.shape(sequences)[1], mask[0] if mask else None
        given = sequences, tensors[:count], masked, steps, tensors[count:]
        found = recurrence.plain(*given, step=type(step)(), every_step=every_step)
        *outputs, last = _split(found, count)
        return [*map(time_first, outputs), *last]

    results = gradients.call(
        forward,
        backward,
        plain,
        [sequences, *states, *parameters],
        [] if mask is None else [mask],
        owner,
    )
    *outputs, last = _split(results, count)
    return (outputs[0] if outputs else None), last


def _split(tensors, count):
    """Returns the outputs, one or none, and a list of the `count` states."""
    return [*tensors[:-count], list(tensors[-count:])]


def _shaped(tensors, like):
    """Returns tensors that have the static shapes of others."""
    return [
        tf.ensure_shape(t, each.shape) for t, each in zip(tensors, like, strict=True)
    ]


def _pieces(count, dtype, shape=None):
    """Returns room for a tensor of each segment, by default of different shapes."""
    return tf.TensorArray(
        dtype, count, infer_shape=False, clear_after_read=False, element_shape=shape
    )


def _together(pieces, row, sequences):
    """Returns the pieces' steps in a row, (batch, steps, features of `row`)."""
    shape = [tf.shape(sequences)[1], tf.shape(sequences)[0], row.shape[-1]]
    return time_first(tf.reshape(pieces.concat(), shape))
