"""What is measured of inputs is of the size that is told."""

import pytest

from tests.benchmarks import input_bounds


@pytest.mark.parametrize("kind", input_bounds.KINDS)
def test_texts_are_as_long_together_as_told(kind):
    texts = input_bounds.texts(kind, 10_000)
    assert sum(map(len, texts)) == 10_000
    rows = {"many": 10_000 // input_bounds.SHORT, "mixed": input_bounds.ROWS}
    assert len(texts) == rows.get(kind, 1)
    assert input_bounds.texts(kind, 10_000) == texts
    if kind == "word":
        assert b" " not in texts[0]


@pytest.mark.parametrize("kind", ["good", "noise", "many", "mixed"])
def test_rolls_have_as_many_frames_as_told(kind):
    roll, lengths = input_bounds.rolls(kind, 88_000)
    assert roll.shape == (len(lengths), max(lengths), 88)
    assert sum(lengths) == 1000 + (kind == "mixed") * 63 * 8
    assert set(roll.ravel()) == {0.0, 1.0}


def test_a_line_tells_the_largest_sizes_cost_of_each_byte():
    found = [{"seconds": 0.1, "bytes": 2**20}, {"seconds": 1.0, "bytes": 2**24}]
    line = input_bounds.row("p", "f", "good", (1000, 10_000), found)
    assert line.endswith("| 0.10 s, 1 MiB | 1.00 s, 16 MiB | 100.0 | 1678 |")
    assert line.count("|") == input_bounds.heading((1000, 10_000)).count("|") // 2
