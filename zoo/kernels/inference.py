"""Recurrences forward alone, in TensorFlow's own operations: nothing to compile.

What an export holds, and what Python takes where XLA would have to compile first. Three
things make it faster than a cell in a loop:

- A masked step changes nothing, so each row's valid steps are moved together in front,
  and none is looked at again: whatever the mask's pattern, the loop has no condition,
  and ends with the longest row's last valid step.
- `BlockLSTMV2` takes all steps of an LSTM in one operation. It keeps to one core and
  multiplies few rows well, many badly. (TensorFlow Lite knows no such operation, by
  itself or with Flex: what is exported for it goes without.)
- Else time runs in blocks, and a block in chunks. What the inputs give is one product
  for a block, of as many steps as make a matrix that is multiplied fast and stays in
  the cache. The steps of a chunk are written out one after another, for a turn of the
  loop costs as much as five operations of a step. The last chunk is a whole one, too:
  it goes on with steps that are there, and nobody looks at what they give.
"""

import functools
import weakref
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.kernels import gradients, recurrence, tracing
from zoo.kernels.contexts import has_tangents, is_for_lite, unobserved
from zoo.kernels.recurrence import time_first, written
from zoo.typing import Tensor

# Steps that are written out in the body of the loop: with more of them a graph takes
# longer to load and to start.
CHUNK = 4
# How many rows of inputs are multiplied at a time, where a chunk has no more.
_BLOCK_ROWS = 256
# The most rows for which one operation for all steps beats the loop; and the most units
# with which it does for any number of rows. Found, as all here, with 8 to 1 000 steps
# and up to 512 units on two cores that did other work as well.
_FEW_ROWS, _FEW_UNITS = 2, 64


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
    every_state: bool = True,
    shown: Tensor | None = None,
    backwards: bool = False,
) -> Any:
    """Runs a step over time, forward; a gradient is computed step by step.

    Args:
        step: a `zoo.kernels.steps.Step`.
        sequences: x, float (batch, steps, n_x).
        states: the initial states, each (batch, n_a).
        mask: bool (batch, steps), or None. Where it is false, a step changes nothing.
        kernel: W_x, (n_x, gates · n_a).
        bias: (gates · n_a,).
        weights: the step's own.
        every_step: whether to return the outputs.
        every_state: whether to return all last states, or the output's alone.
        shown: bool (batch, steps), beside a mask: where outputs aren't to be zeros.
            It is false before a row's first valid step, and in the order of outputs.
        backwards: whether to start at the end. Outputs are in the order of steps taken.

    Returns:
        The outputs, (batch, steps, n_a), or None, and the last states.
    """
    # TFLite has no such operation: only where the shape isn't known anyhow.
    if sequences.shape.rank != 3 or sequences.shape[-1] != kernel.shape[0]:
        sequences = tf.ensure_shape(sequences, [None, None, kernel.shape[0]])
    masks = () if mask is None else (mask, shown)
    given = sequences, tuple(states), masks, kernel, bias, tuple(weights)
    block = _may_take_a_block(step, given)
    how = _How(every_step, every_state, backwards, block)
    # Forward mode can't differentiate a graph's loop.
    in_graph = tf.executing_eagerly() and not has_tangents(tf.nest.flatten(given))
    with unobserved():
        recur = _kept(step, how, given) if in_graph else _recur
        outputs, last = recur(step, how, *given)
    for state, start in zip(last, states, strict=False):
        state.set_shape([sequences.shape[0], start.shape[-1]])
    if every_step:
        outputs.set_shape([*sequences.shape[:2], states[0].shape[-1]])
    return outputs, list(last)


class _How(NamedTuple):
    """What a graph is made for: see `run`."""

    every_step: bool
    every_state: bool
    backwards: bool
    block: bool


def _may_take_a_block(step, given):
    """Says whether one operation may take all steps.

    (Forward-mode differentiation would go through it unnoticed.)
    """
    sequences = given[0]
    if not step.has_block or sequences.dtype != tf.float32 or is_for_lite():
        return False
    return not has_tangents(tf.nest.flatten(given))


def _kept(step, how, given):
    """Returns `_recur` as a graph, which lives as long as a step that it is for."""
    signature = _signature(*given)
    key = type(step), how, signature
    found = _shared.get(key)
    if found is None:
        own = type(step)()

        def recur(*given):
            return _recur(own, how, *given)

        found = _shared[key] = tracing.graph(recur, signature)
    step.compiled[key] = found
    return lambda step, how, *given: found(*given)


_shared = weakref.WeakValueDictionary()


def _signature(sequences, states, masks, *parameters):
    """Returns what a graph takes: batch and length are of any size."""
    return (
        tf.TensorSpec([None, None, sequences.shape[-1]], sequences.dtype),
        tuple(tf.TensorSpec([None, each.shape[-1]], each.dtype) for each in states),
        tuple(tf.TensorSpec([None, None], tf.bool) for _ in masks),
        *tf.nest.map_structure(
            lambda each: tf.TensorSpec(each.shape, each.dtype), parameters
        ),
    )


def _recur(step, how, sequences, states, masks, kernel, bias, weights):
    """Returns the outputs or None, and the last states."""
    states, parameters = list(states), [kernel, bias, *weights]
    last = len(states) if how.every_state else 1
    through = functools.partial(_through, step, how.block)
    if masks:
        rows = _Rows(*masks, how.backwards)
        # The output's last state is found among the outputs, and so need the others.
        found, _ = through(rows.inputs(sequences), states, parameters, last)
        outputs = rows.apart(found[0]) if how.every_step else None
        return outputs, rows.last(found, states[:last])
    inputs = _Inputs(time_first(sequences[:, ::-1] if how.backwards else sequences))
    found, states = through(inputs, states, parameters, int(how.every_step))
    return (time_first(found[0]) if how.every_step else None), states[:last]


class _Inputs:
    """What a loop over time reads: x, float (steps, batch, n_x)."""

    # Whether the states after the last step are to be found.
    has_end = True

    def __init__(self, sequences: Tensor):
        self._sequences = sequences
        self.steps, self.batch, _ = tf.unstack(tf.shape(sequences))
        self.rows, self.dtype = sequences.shape[1], sequences.dtype
        self.tensors = [sequences]

    def of(self, tensors: Any) -> Any:
        """Returns the same of other tensors, for a gradient's own."""
        return _Inputs(*tensors)

    def all(self) -> Tensor:
        """Returns all steps."""
        return self._sequences

    def some(self, start: Tensor, end: Tensor) -> Tensor:
        """Returns steps, (end - start, batch, n_x): after the last it comes again."""
        steps = tf.minimum(tf.range(start, end), self.steps - 1)
        return tf.gather(self._sequences, steps)


class _GatheredInputs:
    """The same of rows whose valid steps are anywhere, read where they are.

    Args:
        flat: x, float (batch · steps, n_x).
        places: int32 (whole chunks, batch), of a row's valid steps; then of any valid
            one: never is what is under the mask read, NaN and infinity included.
    """

    # Each row's is another, and found among the histories.
    has_end = False

    def __init__(self, flat: Tensor, places: Tensor):
        self._flat, self._places = flat, places
        self.steps, self.batch = tf.unstack(tf.shape(places))
        self.rows, self.dtype = places.shape[1], flat.dtype
        self.tensors = [flat, places]

    def of(self, tensors: Any) -> Any:
        """Returns the same of other tensors, for a gradient's own."""
        return _GatheredInputs(*tensors)

    def all(self) -> Tensor:
        """Returns all steps."""
        return tf.gather(self._flat, self._places)

    def some(self, start: Tensor, end: Tensor) -> Tensor:
        """Returns steps, (end - start, batch, n_x)."""
        return tf.gather(self._flat, self._places[start:end])


class _Rows:
    """Where each row's valid steps are, by a mask of any pattern, (batch, steps)."""

    def __init__(self, mask: Tensor, shown: Tensor, backwards: bool):
        self._shown, self._backwards = shown, backwards
        mask = mask[:, ::-1] if backwards else mask
        self._mask, self._size = mask, mask.shape[0]
        self._batch, self._steps = tf.unstack(tf.shape(mask))
        self._count = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
        self._lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)

    def inputs(self, sequences: Tensor) -> Any:
        """Returns each row's valid steps, one after another, to be read."""
        longest = tf.reduce_max(tf.concat([self._lengths, [0]], axis=0))
        longest = _chunks(longest) * CHUNK
        valid = tf.where(self._mask)
        row, t = tf.unstack(tf.cast(valid, tf.int32), axis=1)
        order = tf.gather_nd(self._count, valid) - 1
        t = self._steps - 1 - t if self._backwards else t
        valid = row * self._steps + t
        places = tf.tensor_scatter_nd_update(
            tf.fill([longest, self._batch], tf.concat([valid, [0]], axis=0)[0]),
            tf.stack([order, row], axis=1),
            valid,
        )
        places = tf.ensure_shape(places, [None, self._size])
        return _GatheredInputs(tf.reshape(sequences, [-1, sequences.shape[-1]]), places)

    def apart(self, history: Tensor) -> Tensor:
        """Returns outputs, (longest, batch, n), where they were: (batch, steps, n)."""
        # And a row of zeros, for what isn't to be shown.
        flat = tf.pad(tf.reshape(history, [-1, history.shape[-1]]), [[0, 1], [0, 0]])
        places = (self._count - 1) * self._batch + tf.range(self._batch)[:, None]
        return tf.gather(flat, tf.where(self._shown, places, tf.shape(flat)[0] - 1))

    def last(self, histories: Any, states: Any) -> list[Tensor]:
        """Returns the states after each row's last valid step."""
        begun = self._lengths[:, None] > 0
        places = tf.stack([self._lengths - 1, tf.range(self._batch)], axis=1)
        # Whole numbers of 32 bits, for a Jacobian takes no others.
        rows = tf.cast(tf.where(begun)[:, :1], tf.int32)
        places = tf.gather_nd(places, rows)
        return [
            tf.tensor_scatter_nd_update(start, rows, tf.gather_nd(history, places))
            for history, start in zip(histories, states, strict=False)
        ]


def _through(step, block, inputs, states, parameters, kept):
    """Runs a step over inputs without a mask, by the way that is fast for them.

    Args:
        step: as in `run`.
        block: whether one operation may take all steps.
        inputs: `_Inputs`.
        states: a list.
        parameters: W_x, the bias and the step's own weights.
        kept: of how many states the history is kept, the output's first.

    Returns:
        A list of these, (steps, batch, n_a), and a list of the last states.
    """

    def by_loop():
        return _loop(step, inputs, states, parameters, kept)

    def by_block():
        return _block(step, inputs, states, parameters, kept)

    if not block:
        return by_loop()
    if states[0].shape[-1] <= _FEW_UNITS:
        return by_block()
    if inputs.rows is not None:
        return by_block() if inputs.rows <= _FEW_ROWS else by_loop()
    return tf.cond(inputs.batch <= _FEW_ROWS, by_block, by_loop)


def _block(step, inputs, states, parameters, kept):
    """Takes all steps of an LSTM in one operation; see `_through`.

    The gradient that TensorFlow has for it is wrong, so that it gets the loop's.
    """
    count, (x, *fixed) = len(states), inputs.tensors

    def cut(given, fixed):
        x, states, parameters = given[0], given[1 : 1 + count], given[1 + count :]
        return inputs.of([x, *fixed]), states, parameters

    def forward(given, fixed):
        inputs, states, parameters = cut(given, fixed)
        return step.block(inputs.all(), states, parameters), ()

    def plain(given, fixed):
        return _loop(step, *cut(given, fixed), count)[0]

    def backward(given, fixed, nothing, upstream):
        with tf.GradientTape() as tape:
            tape.watch(given)
            found = plain(given, fixed)
        return tape.gradient(found, given, upstream, tf.UnconnectedGradients.ZERO)

    given = [x, *states, *parameters]
    histories = gradients.call(forward, backward, plain, given, fixed)
    # Of no steps, the last states are the first.
    last = [
        tf.concat([start[None], history[-1:]], axis=0)[-1]
        for start, history in zip(states, histories, strict=True)
    ]
    return histories[:kept], last


def _loop(step, inputs, states, parameters, kept):
    """Takes step after step, a chunk in each turn of the loop; see `_through`."""
    kernel, bias, *weights = parameters
    size = kernel.shape[0]
    # A loop's variables keep their shapes: say again what is known.
    rows = tf.TensorShape(states[0].shape[:1]).merge_with([inputs.rows])[0]
    for state in states:
        state.set_shape([rows, state.shape[-1]])
    chunks = _chunks(inputs.steps)
    block = tf.maximum(_BLOCK_ROWS // (CHUNK * tf.maximum(inputs.batch, 1)), 1)

    def ahead(number, end):
        """Returns what chunks' steps can be given before any of them is taken."""
        x = tf.reshape(inputs.some(number * CHUNK, end * CHUNK), [-1, size])
        z = step.given(tf.nn.bias_add(tf.matmul(x, kernel), bias), x)
        z = tf.reshape(z, [(end - number) * CHUNK, inputs.batch, z.shape[-1]])
        return step.linear(z, weights) if step.is_linear else (z,)

    def of_chunk(given, number):
        """Returns a chunk's steps of what the chunks of a block are given."""
        given = tf.slice(given, [number * CHUNK, 0, 0], [CHUNK, -1, -1])
        given.set_shape([CHUNK, rows, given.shape[-1]])
        return tf.unstack(given, CHUNK)

    def take(given, states):
        if not step.is_linear:
            return step.infer(*given, states, weights)
        (a, b), (h,) = given, states
        return [tf.cast(a * tf.cast(h, a.dtype) + b, h.dtype)]

    def take_chunk(number, states, histories, first, every):
        start, before, after = number * CHUNK, states, []
        every = [of_chunk(each, number - first) for each in every]
        for given in zip(*every, strict=True):
            states = take(given, states)
            after.append(states)
        # One tensor of a chunk's steps: half the operations of one for each step.
        some = slice(None if inputs.has_end else kept)
        pieces = [tf.stack(several) for several in [*zip(*after, strict=True)][some]]
        if inputs.has_end:
            last = tf.minimum(inputs.steps - start, CHUNK) - 1
            states = [tf.gather(piece, last) for piece in pieces]
            states = recurrence.connected(step, states, before, last >= 0)
        return number + 1, states, written(histories, number, pieces[:kept])

    def take_block(first, states, histories):
        end = tf.minimum(first + block, chunks)
        every = ahead(first, end)
        return tf.while_loop(
            lambda number, *_: number < end,
            lambda *carried: take_chunk(*carried, first, every),
            (first, states, histories),
        )

    histories = [_history(chunks, state) for state in states[:kept]]
    _, states, histories = tf.while_loop(
        lambda first, *_: first < chunks, take_block, (0, states, histories)
    )
    return [_steps(each.stack(), inputs.steps) for each in histories], states


def _chunks(steps):
    """Returns how many chunks some steps are."""
    return (steps + CHUNK - 1) // CHUNK


def _history(chunks, state):
    """Returns room for a state at each step of chunks, and of one at least.

    What has no step has no shape to be stacked in.
    """
    shape = [CHUNK, state.shape[0], state.shape[-1]]
    room = tf.TensorArray(state.dtype, tf.maximum(chunks, 1), element_shape=shape)
    return room.write(0, tf.stack([state] * CHUNK))


def _steps(history, steps):
    """Returns the first steps of a history in chunks, (steps, batch, n_a)."""
    shape = tf.shape(history)
    history = tf.reshape(history, [-1, shape[2], history.shape[-1]])
    return history[:steps]
