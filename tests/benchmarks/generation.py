"""What a way to generate texts is asked for by its worker."""

import numpy as np

from tests.benchmarks.text_cases import SPECIAL, TextCase

_COMPARED_STEPS = 8


class Generation:
    """A way to generate texts, ready to do it again and again.

    A way is made of a `TextCase`. It has `generate(length)`, which returns a text for
    each row, and, to be compared, `start()`, which returns a state, and `step(ids,
    state)`, which returns logits (batch, V) and the next one, of int32 (batch,).

    Args:
        name: one of `WAYS`, which a subclass has.
        case: the model's sizes, a `TextCase`'s fields.
        length: how many characters each call generates.
    """

    WAYS = {}

    def __init__(self, name: str, case: dict, length: int):
        self._case = TextCase(**case)
        self._length = length
        self._way = self.WAYS[name](self._case)

    def run(self) -> list[str]:
        """Generates a text for each row."""
        return self._way.generate(self._length)

    def results(self) -> list[np.ndarray]:
        """Returns the characters' logits at each step of the same texts."""
        state, logits = self._way.start(), []
        for ids in self._case.texts(_COMPARED_STEPS).T:
            found, state = self._way.step(ids, state)
            logits.append(np.asarray(found)[:, SPECIAL:])
        return [np.stack(logits)]
