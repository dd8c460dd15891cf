"""Examples of any kind, and what they are for."""

import dataclasses

import numpy as np
import pytest

from tasks.data import corpus
from tasks.data.corpus import Corpus, Examples


@dataclasses.dataclass(frozen=True)
class Numbers(Examples):
    """Examples that are numbers, with their names."""

    values: np.ndarray
    names: list
    source: str = "numbers/1.0.0/train"
    citation: str = ""

    COLUMNS = "values", "names"


def numbers(count, first=0, **fields):
    values = np.arange(first, first + count)
    return Numbers(values, [f"n{value}" for value in values], **fields)


@pytest.mark.parametrize(
    ("places", "expected"),
    [([2, 0], [2, 0]), (np.array([1, 1]), [1, 1]), (slice(2), [0, 1]), ([], [])],
)
def test_examples_are_taken_by_their_places(places, expected):
    found = numbers(3).take(places, "some")
    assert found.values.tolist() == expected
    assert found.names == [f"n{value}" for value in expected]
    assert (found.source, len(found)) == ("some", len(expected))


def test_joined_examples_are_end_to_end():
    one, two = numbers(2, citation="@a"), numbers(3, 7, source="x", citation="@b")
    found = corpus.joined_examples([one, two])
    assert found.values.tolist() == [0, 1, 7, 8, 9]
    assert found.names == ["n0", "n1", "n7", "n8", "n9"]
    assert found.source == "numbers/1.0.0/train + x"
    assert found.citation == "@a\n@b"
    assert corpus.joined_examples([one]) is one


def test_a_corpus_says_what_it_has_and_what_is_missing():
    train, other = numbers(1200), numbers(2, source="other")
    assert Corpus(train, (other, train), (other,), {}).describe().splitlines() == [
        "train       numbers/1.0.0/train, 1,200",
        "validation  other, 2",
        "validation  numbers/1.0.0/train, 1,200",
        "test        other, 2",
    ]
    alone = Corpus(train, (), (), {})
    assert alone.validation is None
    assert alone.describe().splitlines()[1:] == [
        "validation  none: the last epoch is kept",
        "test        none: no split to report on is left",
    ]


def test_corpora_of_several_datasets_are_one_whose_tests_stay_apart():
    def of(name, first):
        parts = (numbers(2, first, source=f"{name}/{part}") for part in ("a", "b"))
        train, test = parts
        record = {"dataset": [name], "train": train.source, "test_splits": ["b"]}
        return Corpus(train, (test,), (test,), record | {"chosen_on": test.source})

    found = corpus.joined([of("x", 0), of("y", 5)])
    assert found.train.values.tolist() == [0, 1, 5, 6]
    assert [part.source for part in found.tests] == ["x/b", "y/b"]
    assert found.validation.source == "x/b + y/b"
    assert found.record == {
        "dataset": ["x", "y"],
        "train": "x/a + y/a",
        "chosen_on": "x/b + y/b",
        "test_splits": ["b"],
    }
