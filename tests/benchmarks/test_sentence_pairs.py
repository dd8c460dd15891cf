"""The pairs of sentences to rank are whole, and differ in little."""

import difflib

import pytest

from tests.benchmarks import sentence_pairs


@pytest.mark.parametrize("name", sentence_pairs.PAIRS)
def test_there_are_at_least_sixty_pairs_that_differ_in_little(name):
    pairs = sentence_pairs.read(name)
    assert len({pair.right for pair in pairs}) == len(pairs) >= 60
    for pair in pairs:
        assert pair.right != pair.wrong
        same = difflib.SequenceMatcher(None, pair.right, pair.wrong).ratio()
        assert same > 0.6, pair
