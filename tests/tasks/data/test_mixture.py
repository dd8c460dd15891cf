"""Several datasets at once."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from tasks.cli.config import DataConfig
from tasks.data import builders as data
from tasks.data import mixture
from tasks.errors import UserError


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Examples that are numbers."""

    values: np.ndarray
    names: list
    source: str = "numbers/1.0.0/train"
    citation: str = ""

    def __len__(self):
        return len(self.values)

    def take(self, places, source):
        names = [self.names[place] for place in places]
        return dataclasses.replace(
            self, values=self.values[places], names=names, source=source
        )


def numbers(count, first=0, **fields):
    values = np.arange(first, first + count)
    return Numbers(values, [f"n{value}" for value in values], **fields)


def test_a_share_is_the_same_part_every_time_and_a_smaller_one_is_part_of_it():
    given = numbers(200)
    some = mixture.taken(given, 0.3)
    assert len(some) == len(set(some.values)) == 60
    assert some.source == "numbers/1.0.0/train (0.3 of it)"
    assert some.names == [f"n{value}" for value in some.values]
    np.testing.assert_array_equal(mixture.taken(given, 0.3).values, some.values)
    assert set(mixture.taken(given, 0.1).values) < set(some.values)
    assert mixture.taken(given, 1) is given


def test_a_share_above_one_repeats():
    found = mixture.taken(numbers(10), 2.5)
    counts = np.bincount(found.values, minlength=10)
    assert len(found) == 25
    assert set(counts) == {2, 3}
    assert found.source == "numbers/1.0.0/train (2.5 times)"
    assert list(mixture.taken(numbers(3), 2).values) == [0, 0, 1, 1, 2, 2]


def test_a_share_of_nothing_is_told():
    with pytest.raises(UserError, match=r"--shares 0.01 of numbers.*, 9 examples"):
        mixture.taken(numbers(9), 0.01)


def test_each_dataset_has_its_split_and_its_share(monkeypatch):
    monkeypatch.setattr(data, "load_builder", lambda name, folder: (name, folder))
    monkeypatch.setattr(data, "name", lambda builder: builder[0])
    settings = DataConfig(["a", "b"], data_dir="here")
    settings.check_datasets()
    assert mixture.load(settings) == [
        (("a", "here"), "train", 1.0),
        (("b", "here"), "train", 1.0),
    ]
    settings = DataConfig(
        ["a", "b"], train_split=["train", "unsupervised"], shares=[1, 0.3]
    )
    settings.check_datasets()
    assert [part[1:] for part in mixture.load(settings)] == [
        ("train", 1),
        ("unsupervised", 0.3),
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dataset": ["a", "b", "a"]}, "--dataset names 'a' twice"),
        ({"dataset": ["a"], "shares": [1, 2]}, "--shares takes a number, .* found 2"),
        ({"dataset": ["a", "b"], "shares": [1]}, "--shares takes 2 numbers"),
        ({"dataset": ["a", "b"], "shares": [1, 0]}, "above 0 .* found 0"),
        ({"dataset": ["a"], "shares": [-1]}, "above 0 .* found -1"),
        ({"dataset": ["a"], "shares": [float("nan")]}, "found nan"),
        ({"dataset": ["a"], "shares": [1e9]}, "at most 100, found"),
        ({"dataset": ["a"], "train_split": ["x", "y"]}, "--train-split takes one"),
    ],
)
def test_what_does_not_fit_the_datasets_is_told(settings, told):
    with pytest.raises(UserError, match=told):
        DataConfig(**settings).check_datasets()


def test_a_dataset_by_its_name_alone_is_one():
    assert DataConfig("imdb_reviews").dataset == ["imdb_reviews"]
    assert DataConfig(train_split="train[:1%]").train_split == ["train[:1%]"]


def test_several_sets_to_validate_on_are_known_by_their_names():
    parts = [numbers(2), numbers(3, source="wikiann/en/1.0.0/train (a random 10%)")]
    found = mixture.by_data_set(parts, len)
    assert found == {"numbers": 2, "wikiann/en": 3}
    assert mixture.by_data_set(parts[:1], len) == 2


def test_two_versions_of_a_set_to_validate_on_are_known_apart():
    sources = "a/b/1.0.0/train", "a/b/2.0.0/train", "c/1.0.0/train"
    parts = [numbers(count, source=each) for count, each in enumerate(sources, start=1)]
    assert mixture.by_data_set(parts, len) == {"a/b:1.0.0": 1, "a/b:2.0.0": 2, "c": 3}


def test_a_dataset_that_is_named_with_its_version_too_is_one(monkeypatch):
    def builder(name, _):
        version = name.partition(":")[2] or "2.0.0"
        return SimpleNamespace(name="stars", builder_config=None, version=version)

    monkeypatch.setattr(mixture.data, "load_builder", builder)
    assert len(mixture.load(DataConfig(["stars", "stars:1.0.0"]))) == 2
    told = "names 'stars' and 'stars:2.0.0', which are both stars:2.0.0. Name it once"
    with pytest.raises(UserError, match=told):
        mixture.load(DataConfig(["stars", "stars:1.0.0", "stars:2.0.0"]))
