"""When a sequence has ended.

A stop is any `stop(window) → bool (batch,)` of the last draws, window (batch, n, …).
Its attribute `steps` is n, 1 if it has none. What comes before the first draw is −1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.typing import Tensor


class StopSequences:
    """Ends a sequence where one of some sequences of ids has been drawn.

    A stop string, that is, as ids: of its characters or of its words. A step takes
    time in proportion to the ids of all sequences, those that are twice counted once.

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
        self.sequences = tuple(dict.fromkeys(tuple(each) for each in sequences))
        if not self.sequences or not all(self.sequences):
            raise ValueError(
                "StopSequences takes sequences of one id at least, found "
                f"{'an empty one' if self.sequences else 'none'}. Leave it out."
            )
        self.steps = max(map(len, self.sequences))

    def __call__(self, window: Tensor) -> Any:
        """Returns whether the windows end with one of the sequences."""
        lengths = [len(each) for each in self.sequences]
        # All sequences in a row: a step costs their ids, not their number times the
        # longest one's.
        places = [self.steps - n + place for n in lengths for place in range(n)]
        wanted = [id for each in self.sequences for id in each]
        wrong = tf.gather(window, places, axis=1) != tf.constant(wanted, window.dtype)
        count = tf.cumsum(tf.cast(wrong, tf.int32), axis=1)
        ends = np.cumsum(lengths)
        upto = tf.gather(count, ends - 1, axis=1)
        before = tf.gather(tf.pad(count, [[0, 0], [1, 0]]), ends - lengths, axis=1)
        return tf.reduce_any(upto == before, axis=1)
