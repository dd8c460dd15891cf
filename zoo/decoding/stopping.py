"""When a sequence has ended.

A stop is any `stop(window) → bool (batch,)` of the last draws, window (batch, n, …).
Its attribute `steps` is n, 1 if it has none. What comes before the first draw is −1.
"""

from collections.abc import Sequence

import tensorflow as tf


class StopSequences:
    """Ends a sequence where one of some sequences of ids has been drawn.

    A stop string, that is, as ids: of its characters or of its words.

    Args:
        sequences: of Python integers ≥ 0, each of one at least.

    Call arguments:
        window: int (batch, steps), the last ids.

    Returns:
        bool (batch,), true where the window ends with one of the sequences.

    Raises:
        ValueError: there is no sequence, or an empty one.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]):
        self.sequences = tuple(tuple(each) for each in sequences)
        if not self.sequences or not all(self.sequences):
            raise ValueError(
                "StopSequences takes sequences of one id at least, found "
                f"{list(self.sequences)}."
            )
        self.steps = max(map(len, self.sequences))

    def __call__(self, window):
        """Returns whether the windows end with one of the sequences."""
        # Before a short sequence's start, anything goes.
        anything = -2
        rows = [
            (anything,) * (self.steps - len(each)) + each for each in self.sequences
        ]
        wanted = tf.constant(rows, window.dtype)
        same = (window[:, None, :] == wanted) | (wanted == anything)
        return tf.reduce_any(tf.reduce_all(same, axis=-1), axis=-1)
