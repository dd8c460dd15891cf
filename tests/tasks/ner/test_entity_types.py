"""Which types of entities are learnt, and what they are called."""

import pytest

from tasks.errors import UserError
from tasks.ner import entity_types

WNUT = ["person=PER", "corporation=ORG", "group=ORG", "location=LOC"]
TYPES = entity_types.parse(["PER", "ORG", "LOC"], WNUT)


def test_types_are_renamed_and_others_go():
    rows = [
        ["B-person", "I-person", "O", "B-product", "I-product"],
        ["B-group", "B-corporation", "I-corporation", "B-LOC", "B-creative-work"],
    ]
    assert TYPES.applied(rows, "iob2") == [
        ["B-PER", "I-PER", "O", "O", "O"],
        ["B-ORG", "B-ORG", "I-ORG", "B-LOC", "O"],
    ]


def test_two_entities_that_become_one_type_stay_two():
    assert TYPES.applied([["I-group", "I-corporation"]], "iob1") == [["I-ORG", "B-ORG"]]
    [row] = TYPES.applied([["S-group", "B-corporation", "E-corporation"]], "iobes")
    assert row == ["S-ORG", "B-ORG", "E-ORG"]


def test_the_inventory_follows():
    tags = ["O", "B-person", "I-person", "B-product", "B-group", "B-corporation"]
    assert TYPES.inventory(tags, "iob2") == ["O", "B-PER", "I-PER", "B-ORG"]
    assert not entity_types.parse(None, None)
    assert entity_types.parse(None, WNUT).name_of("product") == "product"


def test_what_is_remembered_says_the_same():
    found = TYPES.record()
    assert entity_types.parse(found["types"], found["map"]) == TYPES
    assert entity_types.parse(None, None).record() == {}


@pytest.mark.parametrize(
    ("types", "pairs", "told"),
    [
        (["PRE"], ["person=PER"], "Unknown entity type 'PRE'.*'PER'"),
        (["PER"], ["preson=PER"], "Unknown entity type 'preson'.*'person'"),
        (["person"], ["person=PER"], "Unknown entity type 'person'"),
    ],
)
def test_names_that_the_data_lack_are_told(types, pairs, told):
    with pytest.raises(UserError, match=told):
        entity_types.parse(types, pairs).check(["person", "location"])
