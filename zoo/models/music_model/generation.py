"""Pieces drawn frame by frame from a music model."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.decoding import Generator, parameters, seeds
from zoo.decoding.parameters import LARGEST, checked, one_or_per_row, per_row
from zoo.decoding.seeds import uniform
from zoo.layers.nade_output import LOW_TO_HIGH
from zoo.layers.stepping import stepper
from zoo.models.kept_graphs import KeptGraphs
from zoo.typing import Tensor

# Points that decide a key, whatever its probability.
_SOUNDS, _SILENT = -1.0, 1.0


class MusicGenerator:
    """Generates a music model's pieces in graphs that it keeps.

    Args:
        model: a `zoo.models.MusicModel`.
    """

    def __init__(self, model: Any):
        self._model = model
        self._graphs = KeptGraphs()

    def generate(
        self,
        primer: Tensor,
        steps: Tensor | int,
        temperature: Tensor | float,
        seed: Any,
        vector: Tensor,
    ) -> Any:
        """Generates: see `zoo.models.MusicModel.generate`; numbers are known."""
        parameters.check("steps", steps, whole=True, least=0)
        parameters.check("primer", () if primer is None else primer, least=0)
        if primer is None:
            rows = 1 if vector is None else len(vector)
            primer = tf.zeros([rows, 0, self._model.keys])
        primer, _, vector = self._model.pieces(primer, vector=vector)
        least = np.min(steps, initial=primer.shape[1])
        if least < primer.shape[1]:
            raise ValueError(
                f"The primer has {primer.shape[1]} steps, the piece is to have "
                f"{least}. Ask for more steps, or give a shorter primer."
            )
        steps = parameters.known(steps, tf.int32)
        numbers = _numbers(temperature, seed)
        graph = self._graphs.get("generate", functools.partial(generate, self._model))
        return graph(primer, steps, *numbers, vector)

    def harmonize(
        self,
        roll: Tensor,
        lengths: Tensor,
        temperature: Tensor | float,
        seed: Any,
        vector: Tensor,
        free: Any,
    ) -> Any:
        """Harmonizes: see `zoo.models.MusicModel.harmonize`; numbers are known."""
        if getattr(self._model.frame_output, "order", None) == LOW_TO_HIGH:
            raise ValueError(
                "The model draws a frame's notes from low to high, but a melody is "
                "what is highest. Harmonize with one of order='high_to_low'."
            )
        parameters.check("roll", roll, least=0)
        roll, lengths, vector = self._model.pieces(roll, lengths, vector)
        if free is not None:
            free = tf.cast(free, tf.float32) > 0
            if free.shape != roll.shape:
                raise ValueError(
                    f"`free` tells of each note of the roll, {tuple(roll.shape)}, "
                    f"whether it is drawn. Found {tuple(free.shape)}."
                )
        numbers = _numbers(temperature, seed)
        graph = self._graphs.get("harmonize", functools.partial(harmonize, self._model))
        return graph(roll, lengths, *numbers, vector, free)


def _numbers(temperature, seed):
    """Returns them as tensors, so that others need no other graph."""
    parameters.check("temperature", temperature, least=0, most=LARGEST)
    return parameters.known(temperature, tf.float32), seeds.given(seed)


def generate(
    model: Any,
    primer: Tensor,
    steps: Tensor | int,
    temperature: Tensor | float,
    seed: Any,
    vector: Tensor | None = None,
) -> Any:
    """Returns pieces, in a graph or not.

    Args:
        model: a `zoo.models.MusicModel`.
        primer: (batch, n, keys).
        steps: int32, n at least; as all numbers () or (1,) for all rows, or (batch,).
        temperature: float32.
        seed: int64. Of one for each row, a row's piece is what it would be alone; a
            negative one is new at each call.
        vector: float (batch, conditioning), or None.

    Returns:
        roll, float32 (batch, steps, keys), as long as the longest piece may be; and
        lengths, int32 (batch,).

    Raises:
        tf.errors.InvalidArgumentError: a number is out of its range, or there are too
            few or too many; or a primer is longer than `steps`.
    """
    primer, _, vector = model.pieces(primer, vector=vector)
    rows, given = tf.unstack(tf.shape(primer)[:2])
    steps = one_or_per_row("steps", steps, rows, least=0)
    longest = tf.reduce_max(tf.concat([steps, [given]], axis=0))
    steps = per_row("steps", steps, rows)
    steps = checked(
        steps,
        given <= steps,
        "The primer has {} steps, pieces are to have {}. Ask for more steps, or give a "
        "shorter primer.",
        given,
        steps,
    )
    temperature, seed = _for_rows(temperature, seed, rows)
    total = steps
    if hasattr(model.ending, "draw_lengths"):
        # The frames' seeds are this one folded with their places.
        own = tf.concat([tf.ones_like(seed[..., :1]), seed[..., 1:]], axis=-1)
        total = model.ending.draw_lengths(rows, given, own, temperature)
    walk = Walk(model, total, vector)
    first, state = walk.read(primer)
    draw_frame = model.frame_output.drawer(temperature)

    def sample(outputs, seed):
        hidden, remaining, _ = outputs
        points = uniform([rows, model.keys + 1], seed)
        frame = draw_frame(hidden, points[:, :-1])
        if model.ending is None:
            return _with_end(frame, tf.zeros([rows], tf.bool))
        ends = model.ending.draw(hidden, frame, remaining, points[:, -1], temperature)
        if model.ending.steps_after:
            frame = tf.where(ends[:, None], 0.0, frame)
        return _with_end(frame, ends)

    generator = Generator(walk, sample, stop=lambda window: window[:, -1, -1] > 0)
    drawn = generator(first, state, steps - given, seed=seed)
    lengths = given + drawn.lengths
    if model.ending is not None:
        lengths -= model.ending.steps_after * tf.cast(drawn.ended, tf.int32)
    # Both are of the dtype that the model computes in.
    roll = [tf.cast(each, tf.float32) for each in (primer, drawn.sequences[..., :-1])]
    roll = tf.concat(roll, axis=1)
    roll = tf.pad(roll, [[0, 0], [0, longest - tf.shape(roll)[1]], [0, 0]])
    return tf.ensure_shape(roll, [None, None, model.keys]), lengths


def harmonize(
    model: Any,
    roll: Tensor,
    lengths: Tensor,
    temperature: Tensor | float,
    seed: Any,
    vector: Tensor | None = None,
    free: Any = None,
) -> Any:
    """Returns pieces with the melodies of `roll`, in a graph or not.

    Args:
        model: a `zoo.models.MusicModel`.
        roll: (batch, steps, keys).
        lengths: int32 (batch,).
        temperature: float32, see `generate`.
        seed: int64, see there.
        vector: float (batch, conditioning), or None.
        free: bool (batch, steps, keys), the notes that are drawn; by default those
            that have one of `roll` above them.

    Returns:
        float32 (batch, steps, keys).
    """
    frames, lengths, vector = model.pieces(roll, lengths, vector)
    rows, steps = tf.unstack(tf.shape(frames)[:2])
    temperature, seed = _for_rows(temperature, seed, rows)
    walk = Walk(model, lengths, vector)
    if free is None:
        free = tf.cumsum(frames, axis=-1, reverse=True, exclusive=True) > 0
    free, frames = (tf.transpose(each, [1, 0, 2]) for each in (free, frames))

    draw_frame = model.frame_output.drawer(temperature)

    def sample(outputs, seed):
        hidden, _, t = outputs
        decided = tf.cast(tf.where(frames[t - 1] > 0, _SOUNDS, _SILENT), tf.float64)
        points = uniform([rows, model.keys], seed)
        points = tf.where(free[t - 1], points, decided)
        frame = draw_frame(hidden, points)
        return _with_end(frame, tf.zeros([rows], tf.bool))

    first, state = walk.read(tf.zeros([rows, 0, model.keys]))
    drawn = Generator(walk, sample)(first, state, steps, seed=seed)
    roll = tf.ensure_shape(drawn.sequences[..., :-1], [None, None, model.keys])
    # The loop ends when all rows have, and so at once if there is none.
    roll = tf.pad(roll, [[0, 0], [0, steps - tf.shape(roll)[1]], [0, 0]])
    return tf.where(tf.sequence_mask(lengths, steps)[..., None], roll, 0.0)


def _for_rows(temperature, seed, rows):
    """Returns a temperature for each row, and seeds as a `Generator` takes them."""
    temperature = per_row(
        "temperature", temperature, rows, tf.float32, least=0, most=LARGEST
    )
    seed = seeds.new_where_negative(seed)
    if seed.shape.rank != 0:  # of one there is nothing to decide at each step
        seed = one_or_per_row("seed", seed, rows)
    return temperature, seeds.as_pairs(seed)


def _with_end(frame, ends):
    """Returns a frame and after it whether the piece ends, (batch, keys + 1)."""
    return tf.concat([frame, tf.cast(ends, frame.dtype)[:, None]], axis=1)


class Walk:
    """A music model's step, for a `zoo.decoding.Generator`.

    Args:
        model: a `zoo.models.MusicModel`.
        total: T, int32 (batch,), for an ending that is an input of each step.
        vector: float (batch, conditioning), or None.

    Call arguments:
        inputs: x<t>, with the end that it isn't, (batch, keys + 1).
        state: the recurrent layers' states, and t, from 1.

    Returns:
        h<t>, T - t and t; and the new state.
    """

    def __init__(self, model: Any, total: Tensor | int, vector: Tensor):
        self._model = model
        self._total = total
        self._vector = vector
        self._step = stepper(model.recurrent)

    def __call__(self, inputs: Tensor, state: Any) -> Any:
        """Takes one step."""
        model, (recurrent, t) = self._model, state
        remaining = self._total - t
        x = model.inputs(inputs[:, :-1], remaining)
        if self._vector is not None and model.conditioned.as_input:
            x = tf.concat([x, self._vector], axis=-1)
        hidden, recurrent = self._step(x, recurrent)
        return (hidden, remaining, t), (recurrent, t + 1)

    def read(self, primer: Tensor) -> Any:
        """Reads a primer, (batch, n, keys).

        Returns:
            What the step that predicts the next frame takes: inputs and state.
        """
        model = self._model
        rows, steps = tf.unstack(tf.shape(primer)[:2])
        if self._vector is not None and model.conditioned.as_state:
            recurrent = model.conditioned.initial_state(self._vector)
        else:
            recurrent = model.recurrent.get_initial_state(rows)
        # x<1> = 0, then the primer; with the end that none of them is.
        inputs = tf.pad(primer, [[0, 0], [1, 0], [0, 1]])

        def go_on(state):
            _, state = self(inputs[:, state[1] - 1], state)
            return (state,)

        (state,) = tf.while_loop(
            lambda state: state[1] <= steps, go_on, ((recurrent, tf.constant(1)),)
        )
        return inputs[:, -1], state
