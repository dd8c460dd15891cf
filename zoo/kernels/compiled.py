"""Recurrences compiled by XLA, a half of the batch on each core.

XLA compiles anew for every shape, so sequences are padded to one of a few lengths
(`padded_length`); the loops run over the true number of steps. Each half of the batch
is a compiled function of its own inside a function that isn't, for one runs on one
core: TensorFlow runs the two side by side. (Where a core has another recurrence to run
meanwhile, the batch stays in one piece: see `contexts.undivided`.)
"""

import functools
import os

import tensorflow as tf

from zoo.kernels import contexts, recurrence
from zoo.kernels.recurrence import time_first

_SMALLEST_HALVED = 4
# With so many cores, halves of what runs side by side have a core each as well.
_MANY_CORES = 4
_SHORTEST = 8


def run(
    step, sequences, states, mask, kernel, bias, weights, every_step=True, keep=True
):
    """Runs a step over time, on a CPU, with a gradient of its own.

    Args:
        step: a `zoo.kernels.steps.Step`.
        sequences: x, float (batch, steps, n_x).
        states: the initial states, each (batch, n_a).
        mask: bool (batch, steps), or None. Where it is false, a step changes nothing.
        kernel: W_x, (n_x, gates · n_a).
        bias: (gates · n_a,).
        weights: the step's own.
        every_step: whether to return the outputs.
        keep: whether the way back is expected, and what it needs kept. Without, it
            starts by running forward once more.

    Returns:
        The outputs, (batch, steps, n_a), or None, and the last states. There is no
        second-order gradient: asking for one raises InvalidArgumentError. Nor is there
        forward-mode differentiation, or `tf.vectorized_map`.
    """
    sequences = tf.ensure_shape(sequences, [None, None, kernel.shape[0]])
    steps = tf.shape(sequences)[1]
    missing = padded_length(steps) - steps
    arguments = [tf.pad(sequences, [[0, 0], [0, missing], [0, 0]]), *states]
    if mask is not None:
        arguments.append(tf.pad(mask, [[0, 0], [0, missing]]))
    starts, parameters = states, (kernel, bias, *weights)
    recur = _compiled(step, _signature(arguments, parameters), every_step, keep)

    if contexts.is_undivided() and (os.cpu_count() or 1) < _MANY_CORES:
        pieces = [recur(steps, tuple(arguments), parameters)]
    else:
        pieces = _in_halves(recur, steps, arguments, parameters)
    if every_step:
        pieces = [
            [_batch_first(outputs, steps), *states] for outputs, *states in pieces
        ]
    states = [tf.concat(each, axis=0) for each in zip(*pieces, strict=True)]
    outputs = states.pop(0) if every_step else None
    # One compiled function serves every batch and length: say again what is known.
    for state, start in zip(states, starts, strict=True):
        state.set_shape(start.shape)
        state.set_shape([sequences.shape[0], None])
    if every_step:
        outputs.set_shape([*sequences.shape[:2], starts[0].shape[-1]])
    return outputs, states


def _in_halves(recur, steps, arguments, parameters):
    """Returns what `recur` does for the first half of the batch and the second."""
    # An empty half costs nothing; a condition would, in the gradient's graph. And so
    # would `each[:half]`: its gradient is one of TensorFlow's slowest, `split`'s not.
    batch = tf.shape(arguments[0])[0]
    half = tf.where(batch >= _SMALLEST_HALVED, batch // 2, batch)
    halves = [tf.split(each, [half, batch - half]) for each in arguments]
    first, second = zip(*halves, strict=True)
    rest = tf.where(half < batch, steps, 0)
    return recur(steps, first, parameters), recur(rest, second, parameters)


def _batch_first(outputs, steps):
    """Returns outputs, (length, batch, n_a), as (batch, steps, n_a).

    The kernel leaves time first, for it would have to copy all to turn it round. Here
    the padding goes with it: a slice of the first axis is no copy.
    """
    return time_first(tf.slice(outputs, [0, 0, 0], [steps, -1, -1]))


def padded_length(steps):
    """Returns the length that sequences are padded to: a power of two, 8 at least.

    Args:
        steps: int32, a scalar.
    """
    powers = tf.constant([_SHORTEST * 2**n for n in range(24)])
    return tf.reduce_min(tf.where(powers >= steps, powers, 2**30))


def _signature(arguments, parameters):
    """Returns what a compiled function takes: batch and length are of any size."""
    free = [
        tf.TensorSpec([None] * (len(each.shape) - 1) + each.shape[-1:], each.dtype)
        if each.dtype != tf.bool
        else tf.TensorSpec([None, None], tf.bool)
        for each in arguments
    ]
    fixed = [tf.TensorSpec(each.shape, each.dtype) for each in parameters]
    return tf.TensorSpec([], tf.int32), tuple(free), tuple(fixed)


@functools.lru_cache(maxsize=128)
def _compiled(step, signature, every_step, keep):
    """Returns what runs a step over a part of the batch, in one XLA computation."""

    @tf.function(jit_compile=True, autograph=False, input_signature=signature)
    def recur(steps, arguments, parameters):
        sequences, *states = arguments[: 1 + step.states]
        mask = arguments[-1] if len(arguments) > 1 + step.states else None
        differentiable = _differentiable(step, mask, steps, every_step, keep)
        return differentiable(sequences, *states, *parameters)

    return recur


def _refused(gradient):
    """Stands for a second-order gradient, which there is none of.

    TensorFlow traces this as soon as two tapes are open, or a persistent one, and runs
    it only where a second-order gradient is asked for. XLA then refuses to compile
    it, and quotes its name.
    """
    name = "kernels_have_no_second_order_gradient__make_the_layer_with_fused_False"
    text = tf.strings.as_string(tf.cast(gradient, tf.float32), name=name)
    return tf.cast(tf.strings.to_number(text), gradient.dtype)


def _differentiable(step, mask, steps, every_step, keep):
    """Returns what runs a step over time, with the gradient written by hand.

    It takes sequences, states and parameters, and returns the outputs, (length, batch,
    n_a), where `every_step`, and the last states.
    """

    def forward(keep, sequences, *tensors):
        states, (kernel, bias, *weights) = _cut(tensors, step.states)
        inputs = step, sequences, states, mask, steps, kernel, bias, weights
        return recurrence.forward(*inputs, every_step=every_step, keep=keep)

    @tf.custom_gradient
    def recur(sequences, *tensors):
        last, *trace = forward(keep, sequences, *tensors)
        outputs = trace[0][:1] if every_step else []
        # Under two tapes TensorFlow would look for a way back through these as well.
        trace = _constant(trace)

        @tf.custom_gradient
        def gradient(*gradients):
            found = trace
            if not keep:
                _, *found = forward(True, *_constant([sequences, *tensors]))
            states, (kernel, _, *weights) = _cut(tensors, step.states)
            inputs = step, sequences, states, mask, steps, kernel, weights
            results = recurrence.backward(
                *inputs, *found, *_cut(gradients, len(outputs))
            )
            return results, lambda *_: [_refused(each) for each in gradients]

        return [*outputs, *last], gradient

    return recur


def _cut(tensors, count):
    """Returns the first `count` tensors, and the others."""
    return tensors[:count], tensors[count:]


def _constant(tensors):
    """Returns tensors that no gradient goes through."""
    return tf.nest.map_structure(tf.stop_gradient, tensors)
