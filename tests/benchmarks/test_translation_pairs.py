"""What is asked of translations is in good ones, and missed in bad ones."""

import pytest

from tests.benchmarks import translation_pairs
from tests.benchmarks.translation_pairs import LANGUAGES, Pair

PAIRS = translation_pairs.read()


def test_there_are_sixty_pairs_and_each_asks_something():
    assert len(PAIRS) == len({pair.de for pair in PAIRS}) == 60
    assert {pair.kind for pair in PAIRS} == {
        *("negation", "number", "date", "price", "name")
    }
    assert all(pair.in_de and pair.in_en for pair in PAIRS)


@pytest.mark.parametrize("source", LANGUAGES)
def test_each_sentence_is_a_translation_of_the_other(source):
    target = LANGUAGES[1 - LANGUAGES.index(source)]
    for pair in PAIRS:
        assert translation_pairs.missed(pair, getattr(pair, target), source) == [], pair


@pytest.mark.parametrize("source", LANGUAGES)
def test_nothing_and_another_sentence_are_no_translations(source):
    target = LANGUAGES[1 - LANGUAGES.index(source)]
    affirmed = [pair for pair in PAIRS if getattr(pair, f"in_{target}") == "!NOT"]
    others = [pair for pair in PAIRS if pair not in affirmed]
    assert len(affirmed) >= 2
    never = {"de": "Das ist nie so.", "en": "It's never so."}
    for pair in others:
        assert translation_pairs.missed(pair, "", source)
    for pair in affirmed:
        assert translation_pairs.missed(pair, never[target], source)


@pytest.mark.parametrize(
    ("rule", "text", "is_kept"),
    [
        ("NOT", "I do know.", False),
        ("NOT", "I don’t know.", True),
        ("NOT", "Notes are knotty.", False),
        ("!NOT", "Nobody knows.", False),
        ("3|three", "It is 3.", True),
        ("3|three", "Three!", True),
        ("3|three", "It is 3.5 or 13 or 33.", False),
        ("4800|4,800", "All 4,800 of them", True),
        ("dollar|$", "It is $600.", True),
        ("600", "It is $600.", True),
        ("9|nine", "at 9:00", True),
        ("3; March", "on March 4", False),
        ("Rostock", "from Rostocker", False),
    ],
)
def test_a_rule_is_kept_by_whole_words_alone(rule, text, is_kept):
    pair = Pair("kind", "de", "en", "", rule)
    assert (translation_pairs.missed(pair, text, "de") == []) == is_kept
