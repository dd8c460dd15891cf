"""Other names for types and classes."""

import pytest

from tasks.data import renaming
from tasks.errors import UserError


def test_pairs_are_read_and_written():
    found = renaming.parse(["person=PER", "group=ORG", "person=PER", "a=b=c"])
    assert found == {"person": "PER", "group": "ORG", "a": "b=c"}
    assert renaming.parse(renaming.written(found)) == found
    assert renaming.parse(None) == {}


@pytest.mark.parametrize("pair", ["person", "=PER", "person=", "=", ""])
def test_what_is_no_pair_is_told(pair):
    with pytest.raises(UserError, match="takes OLD=NEW"):
        renaming.parse([pair])


def test_two_new_names_for_one_are_told():
    with pytest.raises(UserError, match="renames 'a' twice, to 'b' and to 'c'"):
        renaming.parse(["a=b", "a=c"])


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UserError, match=r"Unknown class 'ngative'.*'negative'"):
        renaming.check({"ngative": "x"}, ["positive", "negative"], "class")
    renaming.check({"negative": "x"}, ["positive", "negative"], "class")
