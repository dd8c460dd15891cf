"""Sequences drawn step by step, each draw fed back, the whole loop in the graph."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.decoding import parameters, seeds
from zoo.decoding.progress import checked_length, is_under_way, start, take_step
from zoo.decoding.sampling import Categorical
from zoo.typing import Tensor


class Generated(NamedTuple):
    """What has been drawn.

    Attributes:
        sequences: (batch, n, …), the inputs' dtype: the draws, as wide as the longest
            row; after a row's end, padding.
        lengths: int32 (batch,): how many draws each row has, the one that ended it
            included.
        ended: bool (batch,): whether a row has ended; false where its length did.
        state: what the step gave back last. It has not seen the last draw: to go on,
            feed that. A row that ended before the others has no state to go on from.
        log_probabilities: float32 (batch, n), in nats, of each draw under the model,
            that is before penalties and filters; 0 at padding. None unless asked for.
    """

    sequences: tf.Tensor
    lengths: tf.Tensor
    ended: tf.Tensor
    state: Any
    log_probabilities: tf.Tensor | None


class Generator:
    """Draws sequences from any model that goes step by step.

    ```
    outputs, state = step(inputs, state)
    inputs = sample(outputs, seed)
    ```

    The loop runs in chunks of steps, each a call of one `tf.function`. A draw depends
    on the seed and on its place, not on the chunk; so the sequences are the same for
    every `chunk`, streamed or at once, and no room is made for more than one chunk
    beyond what is drawn. Under XLA a chunk is compiled once for each batch size,
    whatever the length.

    Called in another `tf.function`, as of a SavedModel's signature, everything may be
    a tensor of that graph, a sampler's temperature as well. Outside, a Generator
    keeps its graph from call to call; there make it once.

    Args:
        step: `step(inputs, state) → outputs, state`. Inputs are (batch, …), outputs
            what `sample` takes; a state is a nest of tensors, and goes out as it came
            in, of the same shapes. What never changes, as an attention's memory, may
            as well be closed over. It is traced without AutoGraph.
        sample: `sample(outputs, seed) → draw` of the inputs' shape, see
            `zoo.decoding.sampling`; by default `Categorical()`.
        end_id: the id that ends a row, or None.
        stop: what else ends a row, see `zoo.decoding.stopping`, or None.
        repetition_penalty: see `filters.repetition_penalty`, for what has been drawn
            and what `seen` says; None for none.
        log_probabilities: whether to return them.
        padding: what a row that has ended draws, and is fed. 0 by default.
        chunk: how many steps are taken at a time.
        jit_compile: whether XLA compiles the steps.

    Raises:
        ValueError: `chunk` is no whole number from 1 on.
    """

    def __init__(
        self,
        step: Callable,
        sample: Callable | None = None,
        *,
        end_id: int | None = None,
        stop: Callable | None = None,
        repetition_penalty: Tensor | float | None = None,
        log_probabilities: bool = False,
        padding: float = 0,
        chunk: int = 64,
        jit_compile: bool = False,
    ):
        parameters.check("chunk", chunk, whole=True, least=1)
        self.step = step
        self.sample = Categorical() if sample is None else sample
        self.end_id = end_id
        self.stop = stop
        self.repetition_penalty = repetition_penalty
        self.log_probabilities = log_probabilities
        self.padding = padding
        self.chunk = int(chunk)
        self._run = tf.function(
            self._take_steps, autograph=False, jit_compile=jit_compile
        )

    def __call__(
        self,
        first_inputs: Tensor,
        state: Any,
        length: Tensor | int,
        *,
        seed: Any,
        seen: Tensor | None = None,
    ) -> Generated:
        """Draws until every row has ended, or `length` times.

        Args:
            first_inputs: (batch, …): what the first step takes.
            state: the state before it, a nest of tensors.
            length: the most draws in a row: int, or an int tensor of shape () or,
                for each row, (batch,).
            seed: int, or an int tensor of shape () or (2,). The same seed, the same
                sequences; a row's don't depend on the other rows, but for the step's
                own rounding, but on its place. Of shape (batch, 2), each row has a
                seed of its own, and draws as if it were the first row, of that seed.
            seen: with a repetition penalty, bool (batch, V): what counts as having
                occurred beforehand. See `occurring`.

        Raises:
            TypeError: `length` or `seed` is no number.
            ValueError: `length` is known and negative, it or `seed`, no tensor, has a
                fraction, or there is a repetition penalty and no `seen`, or the
                reverse.
        """
        length, seed = checked_length(length), _seed(seed)
        progress = start(self, first_inputs, state, seen)

        def goes_on(progress, chunks, *_):
            # One chunk always, of no draw if need be: it has a shape, no chunk hasn't.
            return (chunks == 0) | is_under_way(progress, length)

        def go_on(progress, chunks, pieces):
            after, drawn = self._run(progress, seed, length)
            count = after.step - progress.step
            pieces = tuple(
                piece.write(chunks, each[:count])
                for piece, each in zip(pieces, drawn, strict=True)
            )
            return after, chunks + 1, pieces

        pieces: tuple[Any, ...] = (_pieces(progress.inputs),)
        if self.log_probabilities:
            pieces += (_pieces(tf.cast(progress.ended, tf.float32)),)
        progress, _, pieces = tf.while_loop(goes_on, go_on, (progress, 0, pieces))
        sequences, *logs = [_batch_first(piece.concat()) for piece in pieces]
        return Generated(
            sequences=sequences,
            lengths=progress.lengths,
            ended=progress.ended,
            state=progress.state,
            log_probabilities=logs[0] if logs else None,
        )

    def stream(
        self,
        first_inputs: Tensor,
        state: Any,
        length: Tensor | int,
        *,
        seed: Any,
        seen: Tensor | None = None,
    ) -> Iterator:
        """Yields what has been drawn, a chunk of steps at a time.

        Takes what a call takes, but not in a graph.

        Returns:
            An iterator of (batch, up to `chunk`, …). One after another they are the
            `sequences` of a call. With `log_probabilities` it is of pairs, those of
            the draws, (batch, up to `chunk`), behind them.

        Raises:
            ValueError: as a call.
        """
        length, seed = checked_length(length), _seed(seed)
        return self._stream(start(self, first_inputs, state, seen), seed, length)

    def _stream(self, progress, seed, length):
        while is_under_way(progress, length):
            after, found = self._run(progress, seed, length)
            count = after.step - progress.step
            drawn, *logs = (_batch_first(each[:count]) for each in found)
            yield (drawn, *logs) if logs else drawn
            progress = after

    def _take_steps(self, progress, seed, length):
        """Takes up to a chunk of steps.

        Returns:
            The progress then, and what was drawn: (chunk, batch, …), and log P of it,
            (chunk, batch), if wanted. What was not drawn is padding.
        """
        begin, fold = progress.step, seeds.folding(seed)
        until = tf.minimum(begin + self.chunk, length)

        def goes_on(progress, *_):
            return is_under_way(progress, until)

        def go_on(progress, arrays):
            after, drawn = take_step(self, progress, fold, length)
            place = progress.step - begin
            pairs = zip(arrays, drawn, strict=True)
            return after, tuple(array.write(place, each) for array, each in pairs)

        arrays = (self._room(progress.inputs, self.padding),)
        if self.log_probabilities:
            arrays += (self._room(tf.cast(progress.ended, tf.float32), 0),)
        progress, arrays = tf.while_loop(goes_on, go_on, (progress, arrays))
        return progress, tuple(array.stack() for array in arrays)

    def _room(self, like, padding):
        """Returns a TensorArray of a chunk of paddings: one that can always stack."""
        nothing = tf.fill(tf.shape(like), tf.cast(padding, like.dtype))
        array = tf.TensorArray(like.dtype, self.chunk)
        return array.unstack(tf.repeat(nothing[None], self.chunk, axis=0))


def generate(
    step: Any,
    first_inputs: Tensor,
    state: Any,
    length: Tensor | int,
    *,
    seed: Any,
    seen: Tensor | None = None,
    **how: Any,
) -> Generated:
    """Draws sequences, as `Generator(step, **how)` does when called.

    ```
    generated = zoo.decoding.generate(
        step, first_ids, state, length=500, seed=1,
        sample=zoo.decoding.Categorical(temperature=0.8, top_p=0.95, forbid=[UNKNOWN]),
        end_id=END,
    )
    ```

    Several samples of one prompt: `repeat` the first inputs and the state.
    """
    return Generator(step, **how)(first_inputs, state, length, seed=seed, seen=seen)


def stream(
    step: Any,
    first_inputs: Tensor,
    state: Any,
    length: Tensor | int,
    *,
    seed: Any,
    seen: Tensor | None = None,
    **how: Any,
) -> Iterator:
    """Yields what is drawn, as `Generator(step, **how).stream` does."""
    generator = Generator(step, **how)
    return generator.stream(first_inputs, state, length, seed=seed, seen=seen)


def _seed(seed):
    """Returns a seed of one number, or two, as int64 (2,); or as it is."""
    if any(map(tf.is_tensor, tf.nest.flatten(seed))):
        seed = tf.cast(tf.convert_to_tensor(seed, dtype_hint=tf.int64), tf.int64)
    else:
        limits = {"least": tf.int64.min, "most": tf.int64.max}
        parameters.check("seed", seed, whole=True, **limits)
        seed = parameters.known(seed, tf.int64)
    return tf.stack([tf.zeros_like(seed), seed]) if seed.shape.rank == 0 else seed


def _pieces(like):
    """Returns a TensorArray of pieces, (steps, batch, …), of any number of steps."""
    shape = [None, *like.shape]
    return tf.TensorArray(
        like.dtype, 0, dynamic_size=True, infer_shape=False, element_shape=shape
    )


def _batch_first(tensor):
    """Returns (steps, batch, …) as (batch, steps, …)."""
    rest = range(2, tensor.shape.rank)
    return tf.transpose(tensor, [1, 0, *rest])
