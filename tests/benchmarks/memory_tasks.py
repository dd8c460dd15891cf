"""Two problems that only a long memory solves, and what is reached without one."""

import math
from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """Examples of a problem.

    Attributes:
        sequences: (batch, steps, inputs), float32.
        targets: (batch, 1), float32, or (batch, steps), int32.
    """

    sequences: np.ndarray
    targets: np.ndarray


class Adding:
    """The sum of two marked numbers (Hochreiter & Schmidhuber 1997).

    As Le et al. (2015) have it: T numbers drawn from [0, 1], and beside them a mark
    at one of the first half and one of the second half; the sum of the two marked
    numbers is asked for after the last step. The measure is the squared error.
    """

    name = "adding"
    inputs, outputs = 2, 1
    every_step = False
    loss = "mean_squared_error"
    right_within = 0.04  # Hochreiter & Schmidhuber's criterion

    def baseline(self, steps: int) -> float:
        """Returns the loss of always saying 1: the variance of the sum, 2/12."""
        return 1 / 6

    def batch(self, generator: np.random.Generator, size: int, steps: int) -> Batch:
        """Draws examples of T = `steps`."""
        values = generator.random((size, steps), "float32")
        rows = np.arange(size)
        first = generator.integers(0, steps // 2, size)
        second = generator.integers(steps // 2, steps, size)
        marks = np.zeros_like(values)
        marks[rows, first] = marks[rows, second] = 1
        sums = values[rows, first] + values[rows, second]
        return Batch(np.stack([values, marks], axis=-1), sums[:, None])

    def right(self, predicted: np.ndarray, targets: np.ndarray) -> float:
        """Returns the part of the sums that are off by less than 0.04."""
        return float(np.mean(np.abs(predicted - targets) < self.right_within))


class Copy:
    """Symbols to be repeated after a long pause (Arjovsky et al. 2016).

    `symbols` draws from an alphabet; T − 1 blanks; a sign to begin; as many blanks
    as symbols, in whose places the symbols are to be repeated. Until then blanks
    are asked for. The measure is the cross-entropy in nats a step, over all steps.

    Args:
        symbols: how many, K.
        alphabet: how many there are to draw from, V.
    """

    name = "copy"
    every_step = True

    def __init__(self, symbols: int = 10, alphabet: int = 8):
        self.symbols, self.alphabet = symbols, alphabet
        self.blank, self.sign = alphabet, alphabet + 1
        self.inputs, self.outputs = alphabet + 2, alphabet + 1

    @property
    def loss(self):
        """Cross-entropy by logits."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def baseline(self, steps: int) -> float:
        """Returns the loss of knowing when to answer, and of the symbols nothing."""
        return self.symbols * math.log(self.alphabet) / (steps + 2 * self.symbols)

    def batch(self, generator: np.random.Generator, size: int, steps: int) -> Batch:
        """Draws examples of T = `steps`, which are `steps` + 2 K long."""
        symbols = generator.integers(0, self.alphabet, (size, self.symbols))
        ids = np.full((size, steps + 2 * self.symbols), self.blank)
        ids[:, : self.symbols] = symbols
        ids[:, self.symbols + steps - 1] = self.sign
        targets = np.full_like(ids, self.blank)
        targets[:, -self.symbols :] = symbols
        one_hot = np.eye(self.inputs, dtype="float32")[ids]
        return Batch(one_hot, targets.astype("int32"))

    def right(self, predicted: np.ndarray, targets: np.ndarray) -> float:
        """Returns the part of the symbols that are repeated right."""
        answers = predicted[:, -self.symbols :].argmax(-1)
        return float(np.mean(answers == targets[:, -self.symbols :]))
