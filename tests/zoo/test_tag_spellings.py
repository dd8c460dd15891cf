"""Tags in other spellings: read where it is certain what they mean, else told."""

import itertools

import pytest

from zoo import tags
from zoo.tag_spellings import are_entities, meant, respelled

IOB2 = ["O", "B-PER", "I-PER", "B-geo-loc"]


def parts(tag):
    return tag[0], tag[2:]


SPELLINGS = {
    "lower case": lambda p, x: f"{p.lower()}-{x}",
    "lower case throughout": lambda p, x: f"{p}-{x}".lower(),
    "type first": lambda p, x: f"{x}-{p}",
    "type first, in lower case": lambda p, x: f"{x}_{p}".lower(),
    **{
        f"separated by {s!r}": lambda p, x, s=s: f"{p}{s}{x}"
        for s in "_:./|+ \u2013\u2011"
    },
}


@pytest.mark.parametrize("outside", ["O", "o", "0", "_", "-", None])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_tags_in_one_spelling_are_read(spelling, outside):
    written = {spelling(*parts(tag)): tag for tag in IOB2[1:]}
    if outside:
        written[outside] = "O"
    found = respelled(written)
    for name, tag in written.items():
        read = found.get(name, name)
        assert read.lower() == tag.lower()
        assert read[:2] == tag[:2]
    assert are_entities(written)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [("BILU", "BIES"), ("BMEW", "BIES"), ("BMES", "BIES"), ("BIES", "BIES")],
)
def test_schemes_with_other_letters_are_iobes(letters, expected):
    found = respelled(["O", *(f"{letter}-PER" for letter in letters)])
    for letter, same in zip(letters, expected, strict=True):
        name = f"{letter}-PER"
        assert found.get(name, name) == f"{same}-PER"
    assert tags.detect([["O"], [f"{letter}-X" for letter in expected]]) == "iobes"


@pytest.mark.parametrize(
    "names",
    [
        IOB2,
        ["O"],
        [],
        ["B-PER", "I-PER"],
        ["S-X", "O"],
        ["NOUN", "VERB", "X", "_"],
        ["0", "1"],
        ["B", "I", "O"],
        ["PER", "LOC", "O"],
        ["-LRB-", ".", ",", "``", "NN", "PRP$", "WP$", ":"],
        ["S:x", "a"],
        ["B.x", "E.y"],
        ["l_s", "m_x"],
    ],
)
def test_what_is_spelled_right_or_is_of_no_entities_stays(names):
    assert respelled(names) == {}


def test_plain_tags_are_no_entities():
    for names in (["O"], [], ["NOUN"], ["B", "I", "O"], ["0", "1"], ["PER", "O"]):
        assert not are_entities(names)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["O", "B-PER", "B_LOC"], "'B_LOC' for 'B-LOC'"),
        (["O", "B-PER", "PER-I"], "'PER-I' for 'I-PER'"),
        (["O", "b-per", "B_LOC"], "'B_LOC' for 'B-LOC', 'b-per' for 'B-per'"),
        (["O", "B-PER", "E-PER", "L-PER"], "'L-PER' for 'E-PER'"),
        (["O", "B-PER", "'I-PER'"], "''I-PER'\\\" for 'I-PER'"),
        (["O", "B-PER", "I-PER,"], "'I-PER,' is more than a tag"),
        (["O", "B-PER|B-ORG"], "'B-PER|B-ORG' is more than a tag"),
        (["O", "B-PER", "B-PER,B-ORG"], "'B-PER,B-ORG' is more than a tag"),
        (["O", "B_PER,", "I_PER"], "'B_PER,' is more than a tag"),
        (["O", "O,", "B-PER"], "'O,' for 'O'"),
    ],
)
def test_what_is_not_certain_is_told_with_what_may_be_meant(names, told):
    with pytest.raises(ValueError, match="tag") as caught:
        respelled(names)
    assert told.replace('\\"', '"').replace("''I", "\"'I") in str(caught.value)


def test_spelling_keeps_different_tags_apart():
    letters, types = "BIES", ("PER", "per", "geo-loc", "B", "I-O")
    names = [f"{p}_{x}" for p, x in itertools.product(letters, types)]
    found = respelled(["O", *names])
    assert len(set(found.values())) == len(names)
    assert all(tags.is_tag(tag) for tag in found.values())


def test_a_tag_alone_may_mean_something():
    assert meant("b-per") == "B-per"
    assert meant("PER_U") == "S-PER"
    assert meant("o") == "O"
    assert meant('"I-LOC",') == "I-LOC"
    for name in ("NOUN", "", "B-", "-", "B", "42"):
        assert meant(name) is None
