"""The character models of the text benchmarks: sizes, weights and made-up texts.

All the same in every process, from a seed.
"""

import dataclasses
import string

import numpy as np

from tests.benchmarks import cases

CHARACTERS = (string.ascii_letters + string.punctuation)[:65]
# Of zoo.text.vocabulary, which would bring TensorFlow into torch's process.
SPECIAL, START_ID = 4, 2
VOCABULARY_SIZE = SPECIAL + len(CHARACTERS)
EMBEDDING_UNITS = 64
EPSILON = 1e-10
"""Adam's: so small that it matters little that Keras and torch add it elsewhere."""


@dataclasses.dataclass(frozen=True)
class TextCase:
    """A character model: embedding, recurrent layers, softmax.

    Attributes:
        cell: "gru" or "lstm".
        batch: texts at once.
        units: n_a of each layer.
        layers: how many.
    """

    cell: str
    batch: int
    units: int
    layers: int = 1

    def layer_weights(self, kind: str) -> list[list[np.ndarray]]:
        """Returns each layer's kernel, recurrent kernel and bias, as Keras has them.

        Args:
            kind: of `cases.KINDS`, the one of the cell's variants that is meant.
        """
        inputs = [EMBEDDING_UNITS] + (self.layers - 1) * [self.units]
        return [
            cases.data(self._layer(kind, size), seed).weights
            for seed, size in enumerate(inputs)
        ]

    def _layer(self, kind, inputs):
        return cases.Case(kind, "inference", cases.Shape(1, 1, inputs, self.units))

    def embedding(self) -> np.ndarray:
        """Returns E, (V, n_e)."""
        shape = VOCABULARY_SIZE, EMBEDDING_UNITS
        return np.random.default_rng(0).standard_normal(shape, "float32")

    def softmax(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the softmax' kernel, (n_a, V), and bias.

        The bias rules the special tokens out, as the zoo does by itself.
        """
        generator = np.random.default_rng(1)
        shape = self.units, VOCABULARY_SIZE
        kernel = generator.standard_normal(shape, "float32") / self.units**0.5
        return kernel, np.where(np.arange(VOCABULARY_SIZE) < SPECIAL, -1e9, 0)

    def texts(self, length: int) -> np.ndarray:
        """Returns ids of characters, int32 (batch, length)."""
        size = self.batch, length
        generator = np.random.default_rng(2)
        return generator.integers(SPECIAL, VOCABULARY_SIZE, size, np.int32)

    def windows(self, window: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns windows that go on row by row, as ids and as what follows each.

        Args:
            window: steps in a window.
            count: how many windows each row has.

        Returns:
            Two times int32 (count · batch, window), batch after batch.
        """
        texts = self.texts(count * window + 1)
        return tuple(
            np.concatenate(np.split(part, count, axis=1))
            for part in (texts[:, :-1], texts[:, 1:])
        )


def as_texts(ids: np.ndarray) -> list[str]:
    """Returns the texts of ids (batch, length)."""
    return ["".join(CHARACTERS[i - SPECIAL] for i in row) for row in ids]
