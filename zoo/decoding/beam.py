"""Beam search: the most probable sequences, rather than draws."""

import dataclasses
import numbers
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.decoding import filters
from zoo.decoding.cycles import Cycles
from zoo.decoding.hypotheses import (
    Hypotheses,
    Paths,
    concatenated,
    first,
    largest,
    only,
    placed,
    taken,
    with_room,
)
from zoo.decoding.progress import checked_length
from zoo.decoding.scoring import coverage_term, length_divisor
from zoo.decoding.states import as_before, gather, repeat
from zoo.typing import Tensor

# Where rows leave a search, its sequences have room for so many ids at first; when it
# is used up, for twice as many.
_ROOM = 32


def beam_search(
    step: Callable,
    first_inputs: Tensor,
    state: Any,
    beams: int,
    length: Tensor | int,
    end_id: int,
    *,
    memory: Any = None,
    normalized: bool = False,
    length_penalty: Tensor | float = 0.0,
    coverage_penalty: Tensor | float = 0.0,
    attention_mask: Tensor | None = None,
    forbid: Sequence[int] = (),
    cycles: Cycles | None = None,
    returned: int | None = None,
    padding: int = 0,
) -> Hypotheses:
    """Searches for the sequences of the highest score.

    ```
    score = log P(y|x) / ((5 + |y|) / 6)^α + β Σ_s log min(Σ_t α<t,s>, 1)
    ```

    (Wu et al. 2016, §7.) At each step the `beams` most probable hypotheses that have
    not ended go on. One ends if, with its `<EOS>`, it is among the `beams` most
    probable of all continuations; the best that have ended are kept aside, by score.
    |y| and log P(y|x) count `<EOS>`, and so does its attention.

    A row is done when none of its live hypotheses can come before those kept aside,
    whatever follows: log P only falls, and coverage adds 0 at most. With one beam
    and α = 0 this is greedy decoding; with a beam as wide as the space, it is exact.

    No row's answer depends on the others. With `memory` its cost doesn't either: rows
    that are done leave the computation whenever they are half of those in it, and
    room is made for ids as they come. (Without it all rows are computed until the last
    is done, in tensors of static shapes, as XLA wants them.)

    Args:
        step: `step(inputs, state) → logits, state`, or, for a coverage penalty,
            `logits, state, attention`; with a memory `step(inputs, state, memory)`.
            Inputs are (batch · beams,), logits floating (batch · beams, V), V ≥ 2,
            attention α<t,·>, (batch · beams, source). A state is a nest of tensors
            (batch · beams, …), which follow their hypotheses, and scalars.
        first_inputs: int (batch,), what the first step takes, such as `<SOS>`.
        state: the state before it, of (batch, …).
        beams: how many hypotheses a row has.
        length: int, or int tensor, () or (batch,): the most ids in a hypothesis. What
            has not ended by then comes after all that has, if there is room.
        end_id: the id of `<EOS>`.
        memory: what never changes, as what attention looks at: a nest of tensors
            (batch, …) and scalars, with rows of those texts that are still searched
            for, and not repeated for each beam. `()` where there is none, or all rows
            share it. With None, the step may close over tensors of (batch · beams, …),
            such as `repeat(memory, beams)`, and all rows stay to the end.
        normalized: whether the step's logits are log P already, and are taken as such.
        length_penalty: α, a number or a tensor, () or (batch,).
        coverage_penalty: β ≥ 0, a number or a tensor, () or (batch,).
        attention_mask: bool (batch, source), false at padding. A coverage penalty
            needs it; without one neither it nor attention is looked at.
        forbid: ids that no hypothesis has. The others' log P is still the model's.
        cycles: what counts as going in circles; a hypothesis that does may only end.
            None: none does.
        returned: n, how many are returned, `beams` if None. With fewer it is done
            sooner.
        padding: what follows a hypothesis' end.

    Returns:
        `Hypotheses`. Where there are fewer than n, a score is −∞ and a length 0.

    Raises:
        ValueError: `beams`, `length`, `returned` or a penalty is out of its range, or
            there is a coverage penalty and no mask, or no attention.
    """
    returned = beams if returned is None else returned
    _check(beams, returned, length_penalty, coverage_penalty)
    if isinstance(coverage_penalty, numbers.Real) and coverage_penalty == 0:
        attention_mask = None
    elif attention_mask is None:
        raise ValueError(
            "A coverage penalty needs an `attention_mask`, bool (batch, source), "
            "true everywhere if there is no padding."
        )
    inputs = tf.convert_to_tensor(first_inputs)
    length = checked_length(length)
    batch = tf.shape(inputs)[:1]
    rows = _Rows(
        number=tf.range(batch[0]),
        length=tf.broadcast_to(length, batch),
        length_penalty=_for_each(length_penalty, batch),
        coverage_penalty=_for_each(coverage_penalty, batch),
        attention_mask=() if attention_mask is None else attention_mask,
        memory=() if memory is None else memory,
    )
    rows = tf.nest.map_structure(tf.convert_to_tensor, rows)
    search = _Search(
        step=step if memory is not None else lambda *args: step(*args[:2]),
        normalized=normalized,
        beams=beams,
        end_id=end_id,
        covering=attention_mask is not None,
        forbid=tuple(forbid),
        cycles=cycles,
        returned=returned,
        padding=padding,
    )
    if memory is None:
        return search.run(rows, inputs, state, length)
    return search.run_while_rows_leave(rows, inputs, state)


class _Rows(NamedTuple):
    """What doesn't change in a search, for each row that is in it.

    Attributes:
        number: int32 (rows,), which row of the batch it is.
        length: int32 (rows,), the most ids.
        length_penalty: α, float32 (rows,).
        coverage_penalty: β, float32 (rows,).
        attention_mask: bool (rows, source), or () without a coverage penalty.
        memory: a nest of (rows, …), and of scalars.
    """

    number: tf.Tensor
    length: tf.Tensor
    length_penalty: tf.Tensor
    coverage_penalty: tf.Tensor
    attention_mask: Any
    memory: Any


class _Progress(NamedTuple):
    """What changes at each step.

    Attributes:
        inputs: (rows · beams,), what the next step takes.
        state: of (rows · beams, …).
        live: `Paths`, (rows, beams, …), that have not ended.
        kept: `Hypotheses`, (rows, returned, …), that have.
    """

    inputs: tf.Tensor
    state: Any
    live: Paths
    kept: Hypotheses


@dataclasses.dataclass(frozen=True)
class _Search:
    """A search: what it was asked for, and its steps."""

    step: Callable
    normalized: bool
    beams: int
    end_id: int
    covering: bool
    forbid: tuple[int, ...]
    cycles: Cycles | None
    returned: int
    padding: int

    def run(self, rows, inputs, state, length):
        """Returns the hypotheses that are found, all rows together to the end."""
        room = length if length.shape.rank == 0 else tf.reduce_max(rows.length, axis=0)
        start = self._start(rows, inputs, state, tf.maximum(room, 0))
        steps, progress = self._go_on(rows, 0, start, lambda steps, left: left > 0)
        return self._hypotheses_of(rows, steps, progress)

    def run_while_rows_leave(self, rows, inputs, state):
        """Returns the hypotheses that are found; a row that is done costs no more."""
        start = self._start(rows, inputs, state, _ROOM)
        longest = tf.reduce_max(tf.concat([rows.length, [0]], axis=0))

        def are_left(steps, room, rows, progress, found):
            return tf.size(rows.number) > 0

        def go_on(steps, room, rows, progress, found):
            half = tf.size(rows.number) // 2
            steps, progress = self._go_on(
                rows,
                steps,
                progress,
                lambda steps, left: (left > half) & (steps < room),
            )
            done = self._done(rows, steps, progress)
            gone, left = tf.where(done)[:, 0], tf.where(~done)[:, 0]
            final = self._hypotheses_of(
                gather(rows, gone), steps, self._progress_of(progress, gone)
            )
            found = placed(found, tf.gather(rows.number, gone), final)
            progress = self._progress_of(progress, left)
            # Not for the last step, which may be far away, but as many as there were.
            room = tf.where(steps < room, room, tf.minimum(2 * room, longest))
            progress = progress._replace(
                live=with_room(progress.live, room, self.padding),
                kept=with_room(progress.kept, room, self.padding),
            )
            found = with_room(found, room, self.padding)
            return steps, room, gather(rows, left), progress, found

        variables = (0, _ROOM, rows, start, start.kept)
        variables = tf.nest.map_structure(tf.convert_to_tensor, variables)
        *_, found = tf.while_loop(
            are_left, go_on, variables, shape_invariants=_with_any_rows(variables)
        )
        longest = tf.reduce_max(tf.concat([tf.reshape(found.lengths, [-1]), [0]], 0))
        return found._replace(sequences=found.sequences[..., :longest])

    def _go_on(self, rows, steps, progress, condition):
        """Takes steps while `condition(steps, rows that are not done)`."""

        def goes_on(steps, progress):
            done = self._done(rows, steps, progress)
            left = tf.reduce_sum(tf.cast(~done, tf.int32))
            return condition(steps, left)

        def go_on(steps, progress):
            after = self._take_step(rows, steps, progress)
            return steps + 1, as_before(after, progress)

        return tf.while_loop(goes_on, go_on, (steps, progress))

    def _start(self, rows, inputs, state, room):
        """Returns a single live hypothesis for each row, of no ids."""
        batch = tf.size(rows.number)
        logs = tf.one_hot(tf.zeros([batch], tf.int32), self.beams, 0.0, -np.inf)
        coverage, tail = (), ()
        if self.covering:
            coverage = tf.zeros([batch, self.beams, tf.shape(rows.attention_mask)[1]])
        if self.cycles is not None:
            tail = self.cycles.start(tf.zeros([batch, self.beams], inputs.dtype))
        sequences = self._empty(inputs, self.beams, room)
        return _Progress(
            inputs=repeat(inputs, self.beams),
            state=repeat(state, self.beams),
            live=Paths(sequences, logs, coverage, tail),
            kept=self._nothing(inputs, room),
        )

    def _nothing(self, inputs, room):
        """Returns as many hypotheses as are wanted, none of which is one."""
        shape = [tf.shape(inputs)[0], self.returned]
        return Hypotheses(
            sequences=self._empty(inputs, self.returned, room),
            log_probabilities=tf.fill(shape, np.float32(-np.inf)),
            scores=tf.fill(shape, np.float32(-np.inf)),
            lengths=tf.zeros(shape, tf.int32),
            ended=tf.zeros(shape, tf.bool),
        )

    def _empty(self, inputs, n, room):
        shape = [tf.shape(inputs)[0], n, room]
        return tf.fill(shape, tf.cast(self.padding, inputs.dtype))

    def _done(self, rows, steps, progress):
        """Returns where nothing that lives can come before what is kept, (rows,)."""
        highest = progress.live.log_probabilities[:, 0]
        # Of the lengths still possible, the best one is the next or the last.
        soonest = highest / length_divisor(steps + 1, rows.length_penalty)
        latest = highest / length_divisor(rows.length, rows.length_penalty)
        nothing_better = tf.maximum(soonest, latest) <= progress.kept.scores[:, -1]
        return nothing_better | (steps >= rows.length)

    def _take_step(self, rows, steps, progress):
        """Returns the next inputs and state, what lives, and what is kept."""
        live = progress.live
        logs, state, attention = self._outputs(rows, progress)
        beams, size = self.beams, tf.shape(logs)[-1]
        totals = live.log_probabilities[..., None] + logs
        # At most as many of them end as there are beams: as many are left to go on.
        totals, places = tf.math.top_k(
            tf.reshape(totals, [-1, beams * size]), 2 * beams
        )
        parents, ids = places // size, tf.cast(places % size, progress.inputs.dtype)
        paths = self._continued(live, attention, parents, ids, totals, steps)

        ends = ids == tf.cast(self.end_id, ids.dtype)
        ended = first(only(ends, paths), beams)
        ended = self._hypotheses(rows, ended, steps + 1, ended=True)
        kept = concatenated(progress.kept, ended)
        kept = taken(kept, largest(kept.scores, self.returned))

        going_on = only(~ends, paths)
        chosen = largest(going_on.log_probabilities, beams)
        places = tf.range(tf.shape(ids)[0])[:, None] * beams + taken(parents, chosen)
        state = gather(state, tf.reshape(places, [-1]))
        inputs = tf.reshape(taken(ids, chosen), [-1])
        # What has reached its length stays as it is, and waits for the others.
        within = steps < rows.length
        kept = _where(within, kept, progress.kept)
        return _Progress(
            inputs, state, _where(within, taken(going_on, chosen), live), kept
        )

    def _continued(self, live, attention, parents, ids, totals, steps):
        """Returns paths of an id more, (rows, 2 · beams, …)."""
        coverage, tail = live.coverage, live.tail
        if self.covering:
            coverage = taken(coverage + attention, parents)
        if self.cycles is not None:
            tail = taken(tail, parents).then(ids)
        sequences = taken(live.sequences, parents)
        here = tf.range(tf.shape(sequences)[2]) == steps
        sequences = tf.where(here, ids[..., None], sequences)
        return Paths(sequences, totals, coverage, tail)

    def _outputs(self, rows, progress):
        """Returns log P (rows, beams, V), the state, and attention or ()."""
        logits, state, *attention = self.step(
            progress.inputs, progress.state, rows.memory
        )
        logs = tf.cast(logits, tf.float32)
        logs = logs if self.normalized else tf.nn.log_softmax(logs)
        logs = self._by_beam(filters.forbid(logs, self.forbid))
        if self.cycles is not None:
            circling = self.cycles.found(progress.live.tail)
            is_end = tf.range(tf.shape(logs)[-1]) == self.end_id
            logs = tf.where(circling[..., None] & ~is_end, -np.inf, logs)
        if not self.covering:
            return logs, state, ()
        if not attention:
            raise ValueError(
                "A coverage penalty needs a step that returns (logits, state, "
                "attention). Found one that returns no attention."
            )
        return logs, state, self._by_beam(tf.cast(attention[0], tf.float32))

    def _by_beam(self, tensor):
        """Returns (rows · beams, n) as (rows, beams, n)."""
        rows, size = tf.unstack(tf.shape(tensor))
        return tf.reshape(tensor, [rows // self.beams, self.beams, size])

    def _hypotheses(self, rows, paths, lengths, ended):
        """Returns paths, each row's of one length, with what they are ranked by."""
        logs = paths.log_probabilities
        lengths = tf.broadcast_to(tf.reshape(lengths, [-1, 1]), tf.shape(logs))
        scores = logs / length_divisor(lengths, rows.length_penalty[:, None])
        if self.covering:
            scores += coverage_term(
                paths.coverage, rows.coverage_penalty[:, None], rows.attention_mask
            )
        return Hypotheses(
            sequences=paths.sequences,
            log_probabilities=logs,
            scores=scores,
            lengths=lengths,
            ended=tf.fill(tf.shape(logs), ended),
        )

    def _hypotheses_of(self, rows, steps, progress):
        """Returns what is kept and, in places left empty, the best of what lives."""
        lengths = tf.minimum(steps, rows.length)
        live = self._hypotheses(rows, progress.live, lengths, ended=False)
        live = taken(live, largest(live.scores, self.beams))
        both = concatenated(progress.kept, live)
        # Only after the last step are places empty while something lives.
        order = tf.where(both.ended, 0, tf.where(both.scores > -np.inf, 1, 2))
        order = tf.argsort(order, axis=1, stable=True)
        both = both._replace(lengths=tf.where(both.scores > -np.inf, both.lengths, 0))
        return taken(both, order[:, : self.returned])

    def _progress_of(self, progress, places):
        """Returns the progress of rows at these places, int (n,)."""
        beams = tf.cast(places[:, None] * self.beams, tf.int32)
        beams = tf.reshape(beams + tf.range(self.beams), [-1])
        return _Progress(
            inputs=tf.gather(progress.inputs, beams),
            state=gather(progress.state, beams),
            live=gather(progress.live, places),
            kept=gather(progress.kept, places),
        )


def _with_any_rows(variables):
    """Returns shapes of a search's variables that allow any rows, and any room."""

    def any_room(found):
        n = found.sequences[1]
        return found._replace(sequences=tf.TensorShape([None, n, None]))

    def any_rows(tensor):
        shape = tensor.shape
        return tf.TensorShape([None, *shape[1:]]) if shape.rank else shape

    *others, progress, found = tf.nest.map_structure(any_rows, variables)
    progress = progress._replace(
        live=any_room(progress.live), kept=any_room(progress.kept)
    )
    return *others, progress, any_room(found)


def _where(rows, one, other):
    """Returns one nest of (rows, …) where `rows`, bool, is true, and else the other."""
    return tf.nest.map_structure(
        lambda *pair: tf.where(
            tf.reshape(rows, [-1, *[1] * (pair[0].shape.rank - 1)]), *pair
        ),
        one,
        other,
    )


def _for_each(number, batch):
    return tf.broadcast_to(tf.cast(number, tf.float32), batch)


def _check(beams, returned, length_penalty, coverage_penalty):
    """Raises a ValueError if a number is out of its range."""
    if beams < 1:
        raise ValueError(f"`beams` must be at least 1, found {beams}.")
    if not 1 <= returned <= beams:
        raise ValueError(
            f"`returned` must be from 1 to `beams`, {beams}, found {returned}."
        )
    if isinstance(length_penalty, numbers.Real) and not np.isfinite(length_penalty):
        raise ValueError(f"`length_penalty` must be a number, found {length_penalty}.")
    if isinstance(coverage_penalty, numbers.Real) and not coverage_penalty >= 0:
        raise ValueError(
            f"`coverage_penalty` must be 0 or more, found {coverage_penalty}."
        )
