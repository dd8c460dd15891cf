"""What is said of references' lengths and repetitions, in small."""

import numpy as np

from tests.benchmarks import translation_lengths
from tests.zoo.models.translators import make


def test_runs_are_what_repeats_itself():
    ids = np.array(
        [[1, 2, 1, 2, 1, 0, 0], [3, 3, 3, 4, 5, 6, 7], [8, 9, 0, 0, 0, 0, 0]]
    )
    assert translation_lengths.longest_runs(ids, 4).tolist() == [3, 5, 0, 5]


def test_the_table_tells_how_near_a_limit_is(capsys):
    model = make(attention=None)
    counts, runs = translation_lengths.measure(
        model, [b"abc", b"a"], [b"x" * 80, b"xyxy"]
    )
    assert counts.tolist() == [[3, 80], [1, 4]]
    assert runs[:4].tolist() == [80, 80, 80, 80]
    translation_lengths.print_tables(counts, runs)
    printed = capsys.readouterr().out
    assert "longer than the limit: 1 of 2" in printed
    assert "of what is taken for a circle: 5.00" in printed
