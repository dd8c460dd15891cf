"""Which splits are chosen and reported on."""

import types

import numpy as np
import pytest

from tasks.data import splits
from tasks.errors import UserError

NONE = ()
CASES = [
    (["train", "validation", "test"], "train", NONE, ("validation", ["test"])),
    (["train", "dev", "test"], "train[:5%]", NONE, ("dev", ["test"])),
    (["train", "dev", "validation", "test"], "train", NONE, ("validation", ["test"])),
    (["train", "test"], "train", NONE, (None, ["test"])),
    # What is reported was not chosen on.
    (["train", "validation"], "train", NONE, (None, ["validation"])),
    (["train", "validation", "test"], "train", ["test"], (None, ["validation"])),
    (["train", "validation", "test"], "train", ["validation"], (None, ["test"])),
    # What was trained on is neither.
    (["train", "validation", "test"], "train+validation", NONE, (None, ["test"])),
    (["train", "validation", "test"], "test[:50%]", NONE, (None, ["validation"])),
    # A name in another is another.
    (["latest", "dev", "test"], "latest", NONE, ("dev", ["test"])),
    (["devel", "dev", "test"], "devel[:9] + test", NONE, (None, ["dev"])),
    (["train"], "train", NONE, (None, [])),
    (["train", "unsupervised"], "train", NONE, (None, [])),
]


@pytest.mark.parametrize(("names", "train", "unusable", "expected"), CASES)
def test_the_splits_that_are_chosen(names, train, unusable, expected):
    builder = types.SimpleNamespace(info=types.SimpleNamespace(splits=names))
    asked = []

    def is_usable(name):
        asked.append(name)
        return name not in unusable

    assert splits.choose(builder, train, is_usable) == expected
    # Only of a split that is there can it be told.
    assert not set(asked) & {"train", *({"validation", "dev", "test"} - {*names})}


class Numbers:
    """Examples that are their own places."""

    source = "made/1.0.0/train"

    def __init__(self, values, source=source):
        self.values, self.source = values, source

    def __len__(self):
        return len(self.values)

    def take(self, places, source):
        return Numbers(self.values[places], source)


@pytest.mark.parametrize("count", [2, 10, 105])
def test_a_tenth_is_held_out_the_same_each_time(count):
    given = Numbers(np.arange(count))
    train, held_out = splits.hold_out(given)
    assert len(held_out) == max(1, round(count / 10))
    assert sorted([*train.values, *held_out.values]) == list(range(count))
    np.testing.assert_array_equal(splits.hold_out(given)[1].values, held_out.values)


def test_one_example_is_too_few():
    with pytest.raises(UserError, match="train holds a single example"):
        splits.hold_out(Numbers(np.arange(1)))
