"""Sequences that go in circles, as a model does that has lost its way."""

import dataclasses
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.typing import Tensor


@dataclasses.dataclass(frozen=True)
class Cycles:
    """What counts as going in circles: a tail that is one piece again and again.

    A sequence does if its last n ids are copies of one piece of `period` ids at most
    (the first copy may be cut), and n is at least `copies` pieces and at least
    `tokens`. With the defaults, whatever repeats itself in 200 813 pairs of English
    and German (Multi30k, Tatoeba) is at most 0.75 of that:
    `python -m tests.benchmarks.translation_lengths`.

    Attributes:
        period: of the longest piece that is looked for.
        copies: how often a piece must be there.
        tokens: how many ids it must be, however short the piece.

    Raises:
        ValueError: a number is below 1, or `copies` below 2.
    """

    period: int = 32
    copies: int = 4
    tokens: int = 16

    def __post_init__(self):
        for name, least in (("period", 1), ("copies", 2), ("tokens", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"`{name}` must be at least {least}, found {getattr(self, name)}."
                )

    def start(self, ids: Tensor) -> "Tail":
        """Returns what is known of sequences without any ids.

        Args:
            ids: int (…): a number for each sequence, of the dtype of their ids.
        """
        shape = tf.concat([tf.shape(ids), [self.period]], axis=0)
        return Tail(tf.fill(shape, -tf.ones([], ids.dtype)), tf.zeros(shape, tf.int32))

    def found(self, tail: "Tail") -> Any:
        """Returns whether sequences go in circles, bool (…)."""
        periods = tf.range(1, self.period + 1)
        # The first piece has nothing before it that it would be the same as.
        needed = tf.maximum(self.copies * periods, self.tokens) - periods
        return tf.reduce_any(tail.runs >= needed, axis=-1)


class Tail(NamedTuple):
    """The end of a sequence, as far as `Cycles` need it.

    Attributes:
        last: int (…, period): the last ids, the latest first; -1 before the first.
        runs: int32 (…, period): for each period p from 1 on, how many ids there are
            at the end that each are the same as the one p places before.
    """

    last: tf.Tensor
    runs: tf.Tensor

    def then(self, ids: Tensor) -> "Tail":
        """Returns the tail after one id more, int (…)."""
        ids = ids[..., None]
        return Tail(
            tf.concat([ids, self.last[..., :-1]], axis=-1),
            tf.where(self.last == ids, self.runs + 1, 0),
        )
