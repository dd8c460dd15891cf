"""The made-up sentences of the translation benchmark, and its translators' sizes.

All the same in every process, from a seed.
"""

import itertools
import string

import numpy as np

VOCABULARY_SIZE = 4000
# Of zoo.text.vocabulary, which would bring TensorFlow into the process that only waits.
SPECIAL, END_ID = 4, 3
SIZES = {"embedding_units": 256, "units": 256}
"""Those of `tasks.translation`, as is the size of the vocabulary."""


def words() -> list[str]:
    """Returns the words that there are."""
    letters = itertools.product(string.ascii_lowercase, repeat=3)
    count = VOCABULARY_SIZE - SPECIAL
    return ["".join(word) for word in itertools.islice(letters, count)]


def ids(rows: int, length: int, seed: int = 0) -> np.ndarray:
    """Returns sentences of so many words, int32 (rows, length)."""
    generator = np.random.default_rng(seed)
    size = rows, length
    return generator.integers(SPECIAL, VOCABULARY_SIZE, size, np.int32)


def texts(rows: int, length: int) -> list[str]:
    """Returns the texts of `ids`."""
    known = np.array(words())
    return [" ".join(known[row - SPECIAL]) for row in ids(rows, length)]


def pairs(rows: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns sentences and translations to train on, padded with 0 on the right.

    Args:
        rows: how many.
        longest: the most words a sentence has; the least are half of it.

    Returns:
        x and y with `<EOS>`, int32 (rows, longest) and (rows, longest + 1).
    """
    generator = np.random.default_rng(1)
    lengths = generator.integers(longest // 2, longest, (2, rows), endpoint=True)
    lengths[:, 0] = longest
    places = np.arange(longest + 1)
    x, y = (
        np.where(places < counts[:, None], ids(rows, longest + 1, seed), 0)
        for seed, counts in enumerate(lengths)
    )
    y[np.arange(rows), lengths[1]] = END_ID
    return x[:, :-1], y
