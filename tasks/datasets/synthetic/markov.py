"""`synthetic/markov`: one long text of a Markov chain whose entropy is known.

**Rule.** Each character is drawn given the two before it: P(c | a, b), above 0 for all
a, b and c of `ALPHABET`. The text is one, and the splits are its parts, as those of
`tiny_shakespeare` are: `validation` goes on where `train` ends, and `test` where
`validation` does.

**Optimum.** `entropy()`, 1.3826 nats per character on average: no model costs less. One
that sees the last character alone costs at least 1.9955 (`entropy_of_pairs()`), one
that sees none 2.0657 (`entropy_of_characters()`). What the chain itself costs on a
given text, which chance makes a little more or less, is `cost(text)`.
"""

import functools
import itertools
import random
from collections.abc import Iterator

import numpy as np

SIZES = {"train": 1, "validation": 1, "test": 1}
LENGTHS = {"train": 200_000, "validation": 20_000, "test": 20_000}  # characters
ALPHABET = "abcdefg "


@functools.cache
def transitions() -> np.ndarray:
    """Returns P(c | a, b), float64 (a, b, c), by places in `ALPHABET`."""
    rng = random.Random("synthetic/markov")
    size = len(ALPHABET)
    # The power makes some followers likely and some rare, and none impossible.
    weights = np.array([(1 - rng.random()) ** 4 for _ in range(size**3)])
    weights = weights.reshape([size] * 3)
    return weights / weights.sum(axis=2, keepdims=True)


@functools.cache
def stationary() -> np.ndarray:
    """Returns how often each pair of characters occurs in the long run, (a, b).

    ```
    π(b, c) = Σ_a π(a, b) P(c | a, b),  Σ π = 1
    ```
    """
    chances = transitions()
    size = len(ALPHABET)
    moves = np.zeros([size] * 4)  # from (a, b) to (b, c)
    for a, b in itertools.product(range(size), repeat=2):
        moves[a, b, b] = chances[a, b]
    moves = moves.reshape(size**2, size**2)
    # One of the equations follows from the others: the sum takes its place.
    equations = moves.T - np.eye(size**2)
    equations[-1] = 1
    return np.linalg.solve(equations, np.eye(size**2)[-1]).reshape(size, size)


def entropy() -> float:
    """Returns what a character costs on average, given all before it, in nats.

    ```
    H = -Σ_{a,b} π(a, b) Σ_c P(c | a, b) log P(c | a, b)
    ```
    """
    chances = transitions()
    return float(-(stationary()[..., None] * chances * np.log(chances)).sum())


def entropy_of_pairs() -> float:
    """Returns what a character costs given the one before it alone, in nats."""
    pairs = stationary()
    return float(-(pairs * np.log(pairs / pairs.sum(axis=1, keepdims=True))).sum())


def entropy_of_characters() -> float:
    """Returns what a character costs given nothing, in nats."""
    chances = stationary().sum(axis=0)
    return float(-(chances * np.log(chances)).sum())


def cost(text: str) -> float:
    """Returns -log P of a text, in nats per character, given its first two."""
    places = np.array([ALPHABET.index(character) for character in text])
    chances = transitions()[places[:-2], places[1:-1], places[2:]]
    return float(-np.log(chances).mean())


@functools.cache
def _text():
    """Returns the whole text."""
    rng = random.Random("synthetic/markov/text")
    chances = transitions().tolist()
    sums = [[list(itertools.accumulate(row)) for row in rows] for rows in chances]
    places = range(len(ALPHABET))
    before, last = 0, 0
    text = []
    for _ in range(sum(LENGTHS.values())):
        [drawn] = rng.choices(places, cum_weights=sums[before][last])
        before, last = last, drawn
        text.append(ALPHABET[drawn])
    return "".join(text)


def generate(split: str) -> Iterator[dict[str, str]]:
    """Yields the one example of `split`."""
    ends = dict(zip(LENGTHS, itertools.accumulate(LENGTHS.values()), strict=True))
    yield {"text": _text()[ends[split] - LENGTHS[split] : ends[split]]}
