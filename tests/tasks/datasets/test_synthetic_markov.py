"""The chain's text keeps what its docstring promises."""

import collections
import itertools
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest

from tasks.datasets.synthetic import markov


@pytest.fixture(scope="module")
def texts():
    """The text of each split."""
    return {split: next(markov.generate(split))["text"] for split in markov.SIZES}


@pytest.fixture(scope="module")
def whole(texts):
    return "".join(texts.values())


def counted(text):
    """Returns how often each three characters occur, (a, b, c)."""
    counts = np.zeros([len(markov.ALPHABET)] * 3)
    threes = collections.Counter(zip(text, text[1:], text[2:], strict=False))
    for three, count in threes.items():
        counts[tuple(map(markov.ALPHABET.index, three))] = count
    return counts


def block_entropy(length):
    """Returns the entropy of all strings of a length, one by one, in nats."""
    chances, pairs = markov.transitions(), markov.stationary()
    total = 0.0
    for places in itertools.product(range(len(markov.ALPHABET)), repeat=length):
        p = pairs[places[:2]].sum()  # of a single place: all pairs that begin so
        for three in zip(places, places[1:], places[2:], strict=False):
            p *= chances[three]
        total -= p * math.log(p)
    return total


def test_lengths_are_the_promised_ones_and_splits_are_parts_of_one_text(texts, whole):
    assert {split: len(text) for split, text in texts.items()} == markov.LENGTHS
    for first, second in itertools.pairwise(texts.values()):
        # What follows the two last characters was drawn given these.
        joint = first[-2:] + second[0]
        places = tuple(map(markov.ALPHABET.index, joint))
        assert markov.transitions()[places] > 0.01
    assert set(whole) == set(markov.ALPHABET)


def test_entropy_is_what_one_more_character_adds_to_all_strings():
    expected = block_entropy(5) - block_entropy(4)
    assert markov.entropy() == pytest.approx(expected, rel=1e-9)
    expected = block_entropy(2) - block_entropy(1)
    assert markov.entropy_of_pairs() == pytest.approx(expected, rel=1e-9)
    assert markov.entropy_of_characters() == pytest.approx(block_entropy(1), rel=1e-9)


def test_pairs_are_as_frequent_in_a_long_walk_of_many_steps():
    rows = markov.transitions().reshape(-1, len(markov.ALPHABET))
    size, spread = len(markov.ALPHABET), np.full(len(rows), 1 / len(rows))
    for _ in range(300):
        joint = (spread[:, None] * rows).reshape(size, size, size)
        spread = joint.sum(axis=0).ravel()
    np.testing.assert_allclose(spread.reshape(size, size), markov.stationary(), 1e-9)


def test_characters_are_drawn_given_the_two_before_them(whole):
    counts = counted(whole)
    frequent = counts.sum(axis=2) > 2000
    found = counts[frequent] / counts[frequent].sum(axis=1, keepdims=True)
    expected = markov.transitions()[frequent]
    spread = np.sqrt(expected * (1 - expected) / counts[frequent].sum(1)[:, None])
    assert frequent.sum() > 20
    assert (abs(found - expected) < 5 * spread + 1e-9).all()


def test_the_text_costs_about_the_entropy(texts, whole):
    for text in texts.values():
        assert markov.cost(text) == pytest.approx(markov.entropy(), rel=0.01)
    shuffled = "".join(random.Random(0).sample(whole, len(whole)))
    assert markov.cost(shuffled) > 1.5 * markov.entropy()


def test_the_figures_in_the_documents_are_the_computed_ones():
    expected = [
        markov.entropy(),
        markov.entropy_of_pairs(),
        markov.entropy_of_characters(),
    ]
    expected = [f"{value:.4f}" for value in expected]
    assert re.findall(r"\d\.\d{4}", markov.__doc__) == expected
    readme = Path(markov.__file__).with_name("README.md").read_text("utf-8")
    [row] = [line for line in readme.splitlines() if "`markov`" in line[:12]]
    assert re.findall(r"\d\.\d{4}", row) == expected[:2]
