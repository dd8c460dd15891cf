"""Beam search: the most probable sequences, rather than draws."""

import dataclasses
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.decoding import filters
from zoo.decoding.hypotheses import (
    Hypotheses,
    Paths,
    first,
    largest,
    only,
    side_by_side,
    taken,
)
from zoo.decoding.progress import checked_length
from zoo.decoding.scoring import coverage_term, length_divisor
from zoo.decoding.states import as_before, gather, repeat


def beam_search(
    step: Callable,
    first_inputs,
    state,
    beams: int,
    length,
    end_id: int,
    *,
    length_penalty=0.0,
    coverage_penalty=0.0,
    attention_mask=None,
    forbid: Sequence[int] = (),
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

    Args:
        step: `step(inputs, state) → logits, state`, or, for a coverage penalty,
            `logits, state, attention`. Inputs are (batch · beams,), logits floating
            (batch · beams, V), V ≥ 2, attention α<t,·>, (batch · beams, source). A
            state is a nest of tensors (batch · beams, …), which follow their
            hypotheses, and scalars. What never changes, as an attention's memory, is
            better closed over, `repeat(memory, beams)`, than gathered at every step.
        first_inputs: int (batch,), what the first step takes, such as `<SOS>`.
        state: the state before it, of (batch, …).
        beams: how many hypotheses a row has.
        length: int, or int scalar tensor: the most ids in one. What has not ended by
            then comes after all that has, if there is room.
        end_id: the id of `<EOS>`.
        length_penalty: α, a number or a scalar tensor.
        coverage_penalty: β ≥ 0, a number or a scalar tensor.
        attention_mask: bool (batch, source), false at padding. A coverage penalty
            needs it; without one neither it nor attention is looked at.
        forbid: ids that no hypothesis has. The others' log P is still the model's.
        returned: n, how many are returned, `beams` if None. With fewer it is done
            sooner.
        padding: what follows a hypothesis' end.

    Returns:
        `Hypotheses`. Where there are fewer than n, a score is −∞ and a length 0.

    Raises:
        ValueError: `beams`, `length`, `returned` or `coverage_penalty` is out of its
            range, or there is a coverage penalty and no mask, or no attention.
    """
    returned = beams if returned is None else returned
    _check(beams, returned, coverage_penalty)
    if isinstance(coverage_penalty, numbers.Real) and coverage_penalty == 0:
        attention_mask = None
    elif attention_mask is None:
        raise ValueError(
            "A coverage penalty needs an `attention_mask`, bool (batch, source), "
            "true everywhere if there is no padding."
        )
    search = _Search(
        step=step,
        beams=beams,
        length=checked_length(length),
        end_id=end_id,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        attention_mask=attention_mask,
        forbid=tuple(forbid),
        returned=returned,
        padding=padding,
    )
    return search.run(first_inputs, state)


@dataclasses.dataclass(frozen=True)
class _Search:
    """A search: what it was asked for, and its steps."""

    step: Callable
    beams: int
    length: tf.Tensor
    end_id: int
    length_penalty: Any
    coverage_penalty: Any
    attention_mask: Any
    forbid: tuple[int, ...]
    returned: int
    padding: int

    def run(self, first_inputs, state):
        """Returns the hypotheses that are found."""

        def goes_on(steps, inputs, state, live, kept):
            return (steps < self.length) & ~tf.reduce_all(self._done(steps, live, kept))

        def go_on(steps, *before):
            return steps + 1, *as_before(self._take_step(steps, *before), before)

        inputs = tf.convert_to_tensor(first_inputs)
        start = [repeat(inputs, self.beams), repeat(state, self.beams)]
        start += [self._start(inputs), self._nothing(inputs)]
        steps, _, _, live, kept = tf.while_loop(goes_on, go_on, (0, *start))
        return self._filled(kept, self._hypotheses(live, steps, ended=False))

    def _start(self, inputs):
        """Returns a single live hypothesis for each row, of no ids."""
        batch = tf.shape(inputs)[0]
        logs = tf.one_hot(tf.zeros([batch], tf.int32), self.beams, 0.0, -np.inf)
        coverage = ()
        if self.attention_mask is not None:
            source = tf.shape(self.attention_mask)[1]
            coverage = tf.zeros([batch, self.beams, source])
        return Paths(self._empty(inputs, self.beams), logs, coverage)

    def _nothing(self, inputs):
        """Returns as many hypotheses as are wanted, none of which is one."""
        shape = [tf.shape(inputs)[0], self.returned]
        return Hypotheses(
            sequences=self._empty(inputs, self.returned),
            log_probabilities=tf.fill(shape, np.float32(-np.inf)),
            scores=tf.fill(shape, np.float32(-np.inf)),
            lengths=tf.zeros(shape, tf.int32),
            ended=tf.zeros(shape, tf.bool),
        )

    def _empty(self, inputs, n):
        shape = [tf.shape(inputs)[0], n, self.length]
        return tf.fill(shape, tf.cast(self.padding, inputs.dtype))

    def _done(self, steps, live, kept):
        """Returns where nothing that lives can come before what is kept, (batch,)."""
        highest = live.log_probabilities[:, 0]
        # Of the lengths still possible, the best one is the next or the last.
        soonest = highest / length_divisor(steps + 1, self.length_penalty)
        latest = highest / length_divisor(self.length, self.length_penalty)
        return tf.maximum(soonest, latest) <= kept.scores[:, -1]

    def _take_step(self, steps, inputs, state, live, kept):
        """Returns the next inputs and state, what lives, and what is kept."""
        logs, state, attention = self._outputs(inputs, state)
        beams, size = self.beams, tf.shape(logs)[-1]
        totals = live.log_probabilities[..., None] + logs
        # At most as many of them end as there are beams: as many are left to go on.
        totals, places = tf.math.top_k(
            tf.reshape(totals, [-1, beams * size]), 2 * beams
        )
        parents, ids = places // size, tf.cast(places % size, inputs.dtype)
        coverage = live.coverage
        if self.attention_mask is not None:
            coverage += attention
        sequences = taken(live.sequences, parents)
        here = tf.range(self.length) == steps
        sequences = tf.where(here, ids[..., None], sequences)
        paths = Paths(sequences, totals, taken(coverage, parents))

        ends = ids == tf.cast(self.end_id, ids.dtype)
        ended = first(only(ends, paths), beams)
        ended = self._hypotheses(ended, steps + 1, ended=True)
        kept = side_by_side(kept, ended)
        kept = taken(kept, largest(kept.scores, self.returned))

        live = only(~ends, paths)
        chosen = largest(live.log_probabilities, beams)
        rows = tf.range(tf.shape(ids)[0])[:, None] * beams + taken(parents, chosen)
        state = gather(state, tf.reshape(rows, [-1]))
        inputs = tf.reshape(taken(ids, chosen), [-1])
        return inputs, state, taken(live, chosen), kept

    def _outputs(self, inputs, state):
        """Returns log P (batch, beams, V), the state, and attention or ()."""
        logits, state, *attention = self.step(inputs, state)
        logs = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        logs = self._by_beam(filters.forbid(logs, self.forbid))
        if self.attention_mask is None:
            return logs, state, ()
        if not attention:
            raise ValueError(
                "A coverage penalty needs a step that returns (logits, state, "
                "attention). Found one that returns no attention."
            )
        return logs, state, self._by_beam(tf.cast(attention[0], tf.float32))

    def _by_beam(self, tensor):
        """Returns (batch · beams, n) as (batch, beams, n)."""
        rows, size = tf.unstack(tf.shape(tensor))
        return tf.reshape(tensor, [rows // self.beams, self.beams, size])

    def _hypotheses(self, paths, lengths, ended):
        """Returns paths, all of one length, with what they are ranked by."""
        logs = paths.log_probabilities
        scores = logs / length_divisor(lengths, self.length_penalty)
        if self.attention_mask is not None:
            scores += coverage_term(
                paths.coverage, self.coverage_penalty, self.attention_mask
            )
        return Hypotheses(
            sequences=paths.sequences,
            log_probabilities=logs,
            scores=scores,
            lengths=tf.fill(tf.shape(logs), lengths),
            ended=tf.fill(tf.shape(logs), ended),
        )

    def _filled(self, kept, live):
        """Returns what is kept and, in places left empty, the best of what lives."""
        live = taken(live, largest(live.scores, self.beams))
        both = side_by_side(kept, live)
        # Only after the last step are places empty while something lives.
        order = tf.where(both.ended, 0, tf.where(both.scores > -np.inf, 1, 2))
        order = tf.argsort(order, axis=1, stable=True)
        return taken(both, order[:, : self.returned])


def _check(beams, returned, coverage_penalty):
    """Raises a ValueError if a number is out of its range."""
    if beams < 1:
        raise ValueError(f"`beams` must be at least 1, found {beams}.")
    if not 1 <= returned <= beams:
        raise ValueError(
            f"`returned` must be from 1 to `beams`, {beams}, found {returned}."
        )
    if isinstance(coverage_penalty, numbers.Real) and not coverage_penalty >= 0:
        raise ValueError(
            f"`coverage_penalty` must be 0 or more, found {coverage_penalty}."
        )
