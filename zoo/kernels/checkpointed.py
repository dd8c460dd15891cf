"""Back-propagation through time in little memory (Chen et al. 2016).

The way forward keeps the states between segments of the sequence only; the way back
runs each segment forward once more. With segments of √T steps memory grows with √T
but for inputs and outputs, at the price of one more run forward.
"""

import tensorflow as tf

from zoo.kernels import compiled
from zoo.kernels.recurrence import time_first, written


def run(
    step, sequences, states, mask, kernel, bias, weights, every_step=True, *, every
):
    """Does what `zoo.kernels.run` does, a segment of `every` steps at a time.

    Not inside a larger XLA computation (`jit_compile=True` on a model): there the
    length of the last segment would have to be known beforehand.
    """
    count, parameters = len(states), [kernel, bias, *weights]
    sequences = tf.ensure_shape(sequences, [None, None, kernel.shape[0]])

    def cut(sequence, segment):
        return sequence[:, segment * every : (segment + 1) * every]

    def one(segment, x, states, parameters, keep):
        kernel, bias, *weights = parameters
        masked = None if mask is None else cut(mask, segment)
        outputs, states = compiled.run(
            step, x, states, masked, kernel, bias, weights, every_step, keep
        )
        return [outputs, *states] if every_step else states

    @tf.custom_gradient
    def recur(sequences, *tensors):
        states, parameters = list(tensors[:count]), tensors[count:]
        # One at least, of no steps where there are none.
        segments = tf.maximum(-(-tf.shape(sequences)[1] // every), 1)
        starts = [_pieces(segments, state.dtype, state.shape) for state in states]
        outputs = [_pieces(segments, sequences.dtype)] if every_step else []

        def forward(segment, states, starts, outputs):
            starts = written(starts, segment, states)
            x = cut(sequences, segment)
            results = one(segment, x, states, parameters, keep=False)
            *seen, last = _split(results, count)
            outputs = written(outputs, segment, map(time_first, seen))
            return segment + 1, last, starts, outputs

        _, last, starts, outputs = tf.while_loop(
            lambda segment, *_: segment < segments,
            forward,
            (0, states, starts, outputs),
        )
        outputs = [_together(each, last[0], sequences) for each in outputs]

        def gradient(*gradients):
            *d_outputs, d_states = _split(gradients, count)

            def backward(segment, d_states, d_sequences, d_parameters):
                x = cut(sequences, segment)
                before = [start.read(segment) for start in starts]
                inputs = [x, *before, *parameters]
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    results = one(segment, x, before, parameters, keep=True)
                dx, *found = tape.gradient(
                    results, inputs, [cut(d, segment) for d in d_outputs] + d_states
                )
                d_sequences = d_sequences.write(segment, time_first(dx))
                sums = zip(d_parameters, found[count:], strict=True)
                return segment - 1, found[:count], d_sequences, [a + b for a, b in sums]

            _, d_states, d_sequences, d_parameters = tf.while_loop(
                lambda segment, *_: segment >= 0,
                backward,
                (
                    segments - 1,
                    d_states,
                    _pieces(segments, sequences.dtype),
                    [tf.zeros_like(each) for each in parameters],
                ),
            )
            d_sequences = _together(d_sequences, sequences[:, 0], sequences)
            return d_sequences, *d_states, *d_parameters

        return [*outputs, *last], gradient

    *outputs, last = _split(recur(sequences, *states, *parameters), count)
    return (outputs[0] if outputs else None), last


def _split(tensors, count):
    """Returns the outputs, one or none, and a list of the `count` states."""
    return [*tensors[:-count], list(tensors[-count:])]


def _pieces(count, dtype, shape=None):
    """Returns room for a tensor of each segment, by default of different shapes."""
    return tf.TensorArray(
        dtype, count, infer_shape=False, clear_after_read=False, element_shape=shape
    )


def _together(pieces, row, sequences):
    """Returns the pieces' steps in a row, (batch, steps, features of `row`)."""
    shape = [tf.shape(sequences)[1], tf.shape(sequences)[0], row.shape[-1]]
    return time_first(tf.reshape(pieces.concat(), shape))
