"""Recurrences compiled by XLA, a half of the batch on each core.

XLA compiles anew for every shape, so sequences are padded to one of a few lengths
(`padded_length`); the loops run over the true number of steps. Each half of the batch
is a compiled function of its own inside a function that isn't, for one runs on one
core: TensorFlow runs the two side by side. (Where a core has another recurrence to run
meanwhile, the batch stays in one piece: see `contexts.undivided`.)
"""

import os
import weakref
from typing import Any

import tensorflow as tf

from zoo.kernels import contexts, gradients, recurrence, tracing
from zoo.kernels.recurrence import time_first
from zoo.typing import Tensor

_SMALLEST_HALVED = 4
# With so many cores, halves of what runs side by side have a core each as well.
_MANY_CORES = 4
_SHORTEST = 8


def run(
    step: Any,
    sequences: Tensor,
    states: Any,
    mask: Tensor | None,
    kernel: Tensor,
    bias: Tensor,
    weights: Any,
    every_step: bool = True,
    keep: bool = True,
) -> Any:
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
        keep: whether a gradient is expected, and what it needs kept. Without, it
            starts by running forward once more.

    Returns:
        The outputs, (batch, steps, n_a), or None, and the last states. Gradients of
        the second order and higher, Jacobians and forward-mode differentiation go
        step by step (`zoo.kernels.gradients`).
    """
    sequences = tf.ensure_shape(sequences, [None, None, kernel.shape[0]])
    steps = tf.shape(sequences)[1]
    missing = padded_length(steps) - steps
    arguments = [tf.pad(sequences, [[0, 0], [0, missing], [0, 0]]), *states]
    if mask is not None:
        arguments.append(tf.pad(mask, [[0, 0], [0, missing]]))
    starts, parameters = states, (kernel, bias, *weights)
    recur = _compiled(step, _signature(arguments, parameters), every_step, keep)

    if _is_whole(sequences.shape[0]):
        pieces = [recur(steps, tuple(arguments), parameters, step)]
    else:
        pieces = _in_halves(recur, steps, arguments, parameters, step)
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
    if outputs is not None:
        outputs.set_shape([*sequences.shape[:2], starts[0].shape[-1]])
    return outputs, states


def _is_whole(batch):
    """Says whether a batch, of a known size or None, is to stay in one piece."""
    if batch is not None and batch < _SMALLEST_HALVED:
        # The other half would be empty, and be compiled all the same.
        return True
    return contexts.is_undivided() and (os.cpu_count() or 1) < _MANY_CORES


def _in_halves(recur, steps, arguments, parameters, owner):
    """Returns what `recur` does for the first half of the batch and the second."""
    # An empty half costs nothing; a condition would, in the gradient's graph. And so
    # would `each[:half]`: its gradient is one of TensorFlow's slowest, `split`'s not.
    batch = tf.shape(arguments[0])[0]
    half = tf.where(batch >= _SMALLEST_HALVED, batch // 2, batch)
    halves = [tf.split(each, [half, batch - half]) for each in arguments]
    first, second = zip(*halves, strict=True)
    rest = tf.where(half < batch, steps, 0)
    return (
        recur(steps, first, parameters, owner),
        recur(rest, second, parameters, owner),
    )


def _batch_first(outputs, steps):
    """Returns outputs, (length, batch, n_a), as (batch, steps, n_a).

    The kernel leaves time first, for it would have to copy all to turn it round. Here
    the padding goes with it: a part of the first axis is no copy. (Under XLA the
    gradient of `tf.slice` has none itself.)
    """
    missing = tf.shape(outputs)[0] - steps
    return time_first(tf.split(outputs, [steps, missing])[0])


def padded_length(steps: Tensor) -> Any:
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


def _compiled(step, signature, every_step, keep):
    """Returns what runs a step over a part of the batch, in XLA computations.

    Layers of the same shapes share it, and it goes with the last of them.
    """
    key = type(step), signature, every_step, keep
    found = _shared.get(key)
    if found is None:
        # Of another step, for this one is to hold it.
        found = _shared[key] = _Recurrence(type(step)(), every_step, keep)
    step.compiled[key] = found
    return found


_shared = weakref.WeakValueDictionary()


class _Recurrence:
    """A step over a part of the batch: forward and backward, each compiled by XLA.

    Called with the number of steps, a tuple of sequences, states and mask, one of
    parameters, and the step that it is for, it returns the outputs, (length, batch,
    n_a), where `every_step`, and the last states.
    """

    def __init__(self, step, every_step, keep):
        self._step, self._every_step, self._keep = step, every_step, keep
        self._forward = self._backward = None

    def __call__(self, steps, arguments, parameters, owner):
        count = 1 + self._step.states
        tensors, mask = _cut(arguments, count)
        inputs = [*tensors, *parameters]
        return gradients.call(
            self._run_forward,
            self._run_backward,
            self._plain,
            inputs,
            [steps, *mask],
            owner,
        )

    def _plain(self, inputs, fixed):
        steps, *mask = fixed
        (sequences, *states), parameters = _cut(inputs, 1 + self._step.states)
        given = sequences, states, mask[0] if mask else None, steps, parameters
        return recurrence.plain(*given, step=self._step, every_step=self._every_step)

    def _run_forward(self, inputs, fixed):
        """Returns what the step gives, and what it keeps for `_run_backward`."""
        steps, *mask = fixed
        tensors, parameters = _cut(inputs, 1 + self._step.states)
        arguments = *tensors, *mask
        if self._forward is None:
            self._forward = _by_xla(self._trace_forward, arguments, parameters)
        last, histories, kept = self._forward(steps, arguments, tuple(parameters))
        outputs = histories[:1] if self._every_step else []
        return [*outputs, *last], (*histories, *kept) if self._keep else ()

    def _run_backward(self, inputs, fixed, kept, upstream):
        """Returns the gradients by sequences, states and parameters."""
        steps, *mask = fixed
        tensors, parameters = _cut(inputs, 1 + self._step.states)
        arguments = *tensors, *mask, *kept, *upstream
        if self._backward is None:
            self._backward = _by_xla(self._trace_backward, arguments, parameters)
        return self._backward(steps, arguments, tuple(parameters))

    def _trace_forward(self, steps, arguments, parameters):
        return self._recur(steps, arguments, parameters, self._keep)

    def _trace_backward(self, steps, arguments, parameters):
        step = self._step
        results = step.states + int(self._every_step)
        arguments, upstream = _cut(arguments, len(arguments) - results)
        histories = kept = ()
        if self._keep:
            arguments, kept = _cut(arguments, len(arguments) - step.kept)
            arguments, histories = _cut(arguments, len(arguments) - step.states)
        else:
            _, histories, kept = self._recur(steps, arguments, parameters, keep=True)
        (sequences, *states), mask = _cut(arguments, 1 + step.states)
        kernel, _, *weights = parameters
        d_outputs, d_states = _cut(upstream, len(upstream) - step.states)
        return recurrence.backward(
            step,
            sequences,
            states,
            mask[0] if mask else None,
            steps,
            kernel,
            weights,
            histories,
            kept,
            d_outputs,
            d_states,
        )

    def _recur(self, steps, arguments, parameters, keep):
        (sequences, *states), mask = _cut(arguments, 1 + self._step.states)
        kernel, bias, *weights = parameters
        return recurrence.forward(
            self._step,
            sequences,
            states,
            mask[0] if mask else None,
            steps,
            kernel,
            bias,
            weights,
            every_step=self._every_step,
            keep=keep,
        )


def _by_xla(function, arguments, parameters):
    """Returns a function of steps, arguments and parameters that XLA compiles."""
    return tracing.graph(function, _signature(arguments, parameters), jit_compile=True)


def _cut(tensors, count):
    """Returns the first `count` tensors, and the others."""
    return tensors[:count], tensors[count:]
