"""A step over a whole sequence, forward and backward, for XLA to compile.

Time runs in chunks: what the inputs give, W_x x<t>, is one matrix product for a chunk
of steps and stays in the cache while the steps are taken; so it is with the weights'
gradients in the backward pass. Sequences are padded to whole chunks and beyond, but the
loops end with the chunk that the last step is in. Inside, time comes first: (steps,
batch, features).
"""

from typing import Any

import tensorflow as tf

from zoo.kernels.products import blocks, times
from zoo.kernels.tracing import in_graph
from zoo.typing import Tensor

CHUNK = 8


def forward(
    step: Any,
    sequences: Tensor,
    states: Any,
    mask: Tensor | None,
    steps: Tensor,
    kernel: Tensor,
    bias: Tensor,
    weights: Any,
    *,
    every_step: bool,
    keep: Tensor,
) -> Any:
    """Runs a step over time.

    Args:
        step: a `zoo.kernels.steps.Step`.
        sequences: x, (batch, length, n_x), length a multiple of `CHUNK`.
        states: the initial states, each (batch, n_a).
        mask: bool (batch, length), or None.
        steps: int32, how many of `length` to run.
        kernel: W_x, (n_x, gates · n_a).
        bias: (gates · n_a,).
        weights: the step's own.
        every_step: whether to return the outputs, where nothing is kept.
        keep: whether to return all that `backward` needs. (XLA would carry through
            its loops what nobody asks for, in half as much time again.)

    Returns:
        The last states; the history of each state that is asked for, its values after
        every step, (length, batch, n_a), the output's first; and what the steps kept,
        each (length, batch, n_a).
    """
    length, units = tf.shape(sequences)[1], states[0].shape[-1]
    kernel = blocks(kernel, many_rows=True)
    weights = [blocks(each) for each in weights]
    sequences = _valid(sequences, mask)
    biases = step.split(step.given(bias, tf.zeros([units], bias.dtype)))
    asked = len(states) if keep else int(every_step)
    histories = [_buffer(length, units, states[0]) for _ in range(asked)]
    kept = [_buffer(length, units, states[0]) for _ in range(step.kept if keep else 0)]

    def chunk(start, *carried):
        x = time_first(_chunk(sequences, start, 1))
        # Each gate's bias by itself: what is over half a megabyte XLA spreads over its
        # threads, and waits for those that the other half of the batch has busy.
        z = step.split(step.given(times(_flat(x), kernel), _flat(x)))
        z = [_unflat(part + b, x) for part, b in zip(z, biases, strict=True)]
        masked = None if mask is None else time_first(_chunk(mask, start, 1))

        def one(t, states, histories, kept):
            parts = [part[t - start] for part in z]
            after, gates = step.forward(parts, states, weights, times)
            if mask is not None:
                after = _choose(masked[t - start], after, states)
            histories = written(histories, t, after[:asked])
            return t + 1, after, histories, written(kept, t, gates[: len(kept)])

        end = tf.minimum(start + CHUNK, steps)
        _, *carried = tf.while_loop(lambda t, *_: t < end, one, (start, *carried))
        return start + CHUNK, *carried

    _, states, histories, kept = tf.while_loop(
        lambda start, *_: start < steps, chunk, (0, list(states), histories, kept)
    )
    return states, *([b.stack() for b in buffers] for buffers in (histories, kept))


def backward(
    step: Any,
    sequences: Tensor,
    states: Any,
    mask: Tensor | None,
    steps: Tensor,
    kernel: Tensor,
    weights: Any,
    histories: Any,
    kept: Tensor,
    d_outputs: Tensor,
    d_states: Tensor,
) -> Any:
    """Back-propagates through time.

    Args:
        step: as in `forward`, and so on.
        sequences: see there.
        states: see there.
        mask: see there.
        steps: see there.
        kernel: see there.
        weights: see there.
        histories: what `forward` returned: each state after every step.
        kept: what `forward` returned.
        d_outputs: gradients of the loss with respect to the outputs, a list of one
            (length, batch, n_a) or none.
        d_states: and with respect to each of the last states.

    Returns:
        The gradients with respect to `sequences`, `states`, `kernel`, `bias` and
        `weights`.
    """
    length = tf.shape(sequences)[1]
    clean = _valid(sequences, mask)
    before = [
        tf.concat([state[None], history[:-1]], axis=0)
        for state, history in zip(states, histories, strict=True)
    ]
    transposed = [blocks(tf.transpose(each)) for each in (kernel, *weights)]
    units, beside = states[0].shape[-1], int(step.takes_inputs) + step.summed
    widths = [kernel.shape[-1], *[units] * beside]

    def chunk(start, d_states, d_sequences, d_parameters):
        x = time_first(_chunk(clean, start, 1))
        masked = None if mask is None else time_first(_chunk(mask, start, 1))

        def one(t, d_states, dz):
            now = start + t
            for each in d_outputs:
                d_states = [d_states[0] + each[now], *d_states[1:]]
            here, passed = step.backward(
                d_states,
                [state[now] for state in before],
                [state[now] for state in histories],
                [each[now] for each in kept],
                transposed[1:],
                times,
            )
            if mask is not None:
                here = tf.where(masked[t], here, tf.zeros_like(here))
                passed = _choose(masked[t], passed, d_states)
            return t - 1, passed, dz.write(t, here)

        dz = _buffer(CHUNK, sum(widths), states[0])
        last = tf.minimum(CHUNK, steps - start) - 1
        _, d_states, dz = tf.while_loop(lambda t, *_: t >= 0, one, (last, d_states, dz))
        dz, *others = tf.split(_flat(dz.stack()), widths, axis=-1)
        dx = times(dz, transposed[0])
        dx = _unflat(dx + others.pop(0) if step.takes_inputs else dx, x)
        of_chunk = [
            tf.matmul(_flat(x), dz, transpose_a=True),
            tf.reduce_sum(dz, axis=0),
            *step.weight_gradients(
                dz,
                _flat(_chunk(before[0], start, 0)),
                [_flat(_chunk(each, start, 0)) for each in kept],
            ),
            *(tf.reduce_sum(each, axis=0) for each in others),
        ]
        d_parameters = [a + b for a, b in zip(d_parameters, of_chunk, strict=True)]
        d_sequences = d_sequences.write(start // CHUNK, dx)
        return start - CHUNK, d_states, d_sequences, d_parameters

    d_sequences = tf.TensorArray(
        sequences.dtype,
        length // CHUNK,
        element_shape=[CHUNK, sequences.shape[0], sequences.shape[2]],
    )
    zeros = [tf.zeros_like(each) for each in (kernel, kernel[0], *weights)]
    _, d_states, d_sequences, d_parameters = tf.while_loop(
        lambda start, *_: start >= 0,
        chunk,
        ((steps - 1) // CHUNK * CHUNK, list(d_states), d_sequences, zeros),
    )
    d_sequences = tf.reshape(
        d_sequences.stack(), [length, tf.shape(sequences)[0], sequences.shape[2]]
    )
    return time_first(d_sequences), *d_states, *d_parameters


@in_graph
def plain(
    sequences: Tensor,
    states: Any,
    mask: Tensor | None,
    steps: Tensor,
    parameters: Any,
    *,
    step: Any,
    every_step: bool,
) -> Any:
    """Does what `forward` does, for TensorFlow to differentiate, to any order.

    Args:
        sequences: see `forward`.
        states: see there.
        mask: see there.
        steps: see there.
        parameters: W_x, the bias, and the step's own weights.
        step: see `forward`.
        every_step: whether the outputs, (length, batch, n_a), come first.

    Returns:
        A list: the outputs or not, and the last states.
    """
    kernel, bias, *weights = parameters
    length = tf.shape(sequences)[1]
    x = time_first(_valid(sequences, mask))
    z = step.given(tf.matmul(x, kernel) + bias, x)
    mask = None if mask is None else time_first(mask)
    inputs = tf.TensorArray(z.dtype, length).unstack(z)
    # Zeros, as the kernel leaves them, in steps that aren't run.
    shape = tf.concat([[length], tf.shape(states[0])], axis=0)
    outputs = (
        [tf.TensorArray(z.dtype, length).unstack(tf.zeros(shape, z.dtype))]
        if every_step
        else []
    )

    def one(t, states, outputs):
        after, _ = step.forward(step.split(inputs.read(t)), states, weights)
        if mask is not None:
            after = _choose(mask[t], after, states)
        after = connected(step, after, states, t >= 0)
        return t + 1, after, written(outputs, t, after[: len(outputs)])

    # Within a larger XLA computation the gradient needs to know the most steps.
    _, states, outputs = tf.while_loop(
        lambda t, *_: t < steps,
        one,
        (0, list(states), outputs),
        maximum_iterations=length,
    )
    return [*(each.stack() for each in outputs), *states]


def connected(step: Any, after: Any, before: Any, always: Tensor) -> Any:
    """Leads a state that no step reads through a loop, so that it has a gradient.

    Else its gradient is zeros that depend on nothing, and a Jacobian, which stacks what
    depends on an output, can't convert the loop.

    Args:
        step: a `zoo.kernels.steps.Step`.
        after: the states after a turn of the loop.
        before: those before it.
        always: bool, true, which TensorFlow mustn't know: it would leave the choice
            out, and `before` with it.

    Returns:
        The states after the turn.
    """
    pairs = zip(after[: step.unread], before, strict=False)
    unread = [tf.where(always, new, old) for new, old in pairs]
    return [*unread, *after[step.unread :]]


def _valid(sequences, mask):
    """Returns sequences without what is under the mask, NaN and infinity included."""
    if mask is None:
        return sequences
    return tf.where(mask[..., None], sequences, tf.zeros_like(sequences))


def _choose(valid, new, old):
    """Returns the new states where a row's step is valid, the old ones elsewhere."""
    return [tf.where(valid, n, o) for n, o in zip(new, old, strict=True)]


def _buffer(length, features, like):
    """Returns room for (batch, features) at each step, zeros to begin with."""
    shape = [like.shape[0], features]
    return tf.TensorArray(like.dtype, size=length, element_shape=shape)


def _chunk(tensor, start, axis):
    """Returns `CHUNK` steps along an axis; a slice's size must be known to XLA."""
    begin, size = [0] * len(tensor.shape), [*tensor.shape]
    for place, dimension in enumerate(size):
        if dimension is None:
            size[place] = tf.shape(tensor)[place]
    begin[axis], size[axis] = start, CHUNK
    return tf.slice(tensor, begin, size)


def written(buffers: Any, t: Tensor, values: Tensor) -> Any:
    """Returns the buffers with a value more in each."""
    return [
        buffer.write(t, value) for buffer, value in zip(buffers, values, strict=True)
    ]


def time_first(tensor: Tensor) -> Any:
    """Swaps batch and time, of a sequence or of a mask, which gets a third axis."""
    if tensor.dtype == tf.bool:
        return tf.transpose(tensor)[..., None]
    return tf.transpose(tensor, [1, 0, 2])


def _flat(sequences):
    return tf.reshape(sequences, [-1, sequences.shape[-1]])


def _unflat(rows, like):
    """Undoes `_flat`: gives rows the steps and batch of `like`."""
    shape = tf.shape(like)
    return tf.reshape(rows, [shape[0], shape[1], rows.shape[-1]])
