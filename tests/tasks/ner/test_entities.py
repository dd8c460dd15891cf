"""Entities for JSON and for a terminal."""

import io
import json
import os
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ner.entities import colored, entities, printable, tagged

TEXT = "Teddy  Roosevelt was in Côte-d'Or 👍🏽, Ünal in Rio"
TOKENS = [*TEXT.replace(",", " ,").split()]
TAGS = ["B-PER", "I-PER", "O", "O", "B-LOC", "O", "O", "B-PER", "O", "B-LOC"]
SCORES = np.array([0.9, 0.6, 1, 1, 0.75, 1, 1, 0.5, 1, 0.25], np.float32)
ANSI = re.compile(r"\x1b\[[\d;]*m")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _terminal_with_color(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)


def offsets(text, tokens):
    starts, place = [], 0
    for token in tokens:
        starts.append(text.index(token, place))
        place = starts[-1] + len(token)
    lengths = np.array([len(token) for token in tokens], np.int32)
    return np.array(starts, np.int32), np.array(starts, np.int32) + lengths


def found(text=TEXT, tokens=TOKENS, tags=TAGS, scores=SCORES, scheme="iob2"):
    return entities(text, tokens, *offsets(text, tokens), tags, scores, scheme)


def one(label, text="Ann"):
    return [{"start": 0, "end": len(text), "label": label, "text": text, "score": 1.0}]


def test_entity_has_its_place_type_text_and_lowest_score():
    first, second, third, fourth = found()
    assert first == {
        "start": 0,
        "end": 16,
        "label": "PER",
        "text": "Teddy  Roosevelt",
        "score": pytest.approx(0.6),
    }
    assert (second["text"], second["score"]) == ("Côte-d'Or", 0.75)
    assert (third["start"], third["end"]) == (38, 42)
    assert (fourth["end"], fourth["label"]) == (len(TEXT), "LOC")


def test_entities_are_plain_json():
    assert json.loads(json.dumps(found())) == found()


@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("iob1", ["I-X", "I-X", "B-X"], ["a b", "c"]),
        ("iob2", ["I-X", "B-X", "I-X"], ["b c"]),
        ("iobes", ["S-X", "B-X", "E-X"], ["a", "b c"]),
        ("iob2", ["O", "O", "O"], []),
    ],
)
def test_entities_are_those_of_the_scheme(scheme, tags, expected):
    rows = found("a b c", ["a", "b", "c"], tags, [1, 1, 1], scheme)
    assert [row["text"] for row in rows] == expected


def test_sentence_without_tokens_has_no_entity():
    assert found(" ", [], [], []) == []


def test_offsets_of_another_text_are_an_error():
    with pytest.raises(ValueError, match=r"'été ' from 0 to 4.*token 'été' should"):
        entities("été ", ["été"], [0], [4], ["B-X"], [1.0], "iob2")


def test_lengths_that_differ_are_an_error():
    with pytest.raises(ValueError, match="shorter"):
        entities("a", ["a"], [0], [1], ["B-X"], [], "iob2")
    with pytest.raises(ValueError, match="shorter"):
        tagged(["a"], [])


def test_plain_tags_have_no_entities():
    with pytest.raises(ValueError, match="no entities"):
        found("a", ["a"], ["NN"], [1], "plain")


def test_entities_are_in_brackets_where_there_is_no_terminal():
    assert colored(TEXT, found(), io.StringIO()) == (
        "[Teddy  Roosevelt PER] was in [Côte-d'Or LOC] 👍🏽, [Ünal PER] in [Rio LOC]"
    )


@pytest.mark.parametrize(("value", "plain"), [("1", True), ("", False)])
def test_no_color_is_heeded_if_it_is_not_empty(monkeypatch, value, plain):
    monkeypatch.setenv("NO_COLOR", value)
    shown = colored("Ann", one("PER"), Terminal())
    assert (shown == "[Ann PER]") == plain


def test_terminal_shows_entities_in_color_and_the_rest_without():
    shown = colored("Ann, hi", one("PER"), Terminal(), ["LOC", "PER"])
    assert shown == "\x1b[1;32mAnn \x1b[0;7;32mPER\x1b[0m, hi"
    assert ANSI.sub("", colored(TEXT, found(), Terminal())) == (
        "Teddy  Roosevelt PER was in Côte-d'Or LOC 👍🏽, Ünal PER in Rio LOC"
    )


def color(label, labels=()):
    return ANSI.search(colored("Ann", one(label), Terminal(), labels))[0]


def test_each_type_has_a_color_of_its_own_until_there_are_no_more():
    labels = [f"type{number}" for number in range(14)]
    colors = [color(label, labels) for label in labels]
    assert len(set(colors[:6])) == 6
    assert colors == (colors[:6] * 3)[:14]


def test_type_that_is_not_listed_has_the_same_color_in_every_run():
    script = (
        "from tasks.ner.entities import colored;"
        "row = dict(start=0, end=3, label='Größe', text='Ann', score=1.0);"
        "print(ascii(colored('Ann', [row], type('', (), {'isatty': lambda _: 1})())))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == ascii(colored("Ann", one("Größe"), Terminal()))


@given(st.text(), st.text(min_size=1), st.text())
def test_no_control_character_reaches_the_terminal(before, name, label):
    row = {
        "start": len(before),
        "end": len(before + name),
        "label": label,
        "text": name,
        "score": 1.0,
    }
    shown = ANSI.sub("", colored(before + name + before, [row], Terminal()))
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Zl", "Zp")]
    assert shown == printable(f"{before}{name} {label}{before}")


def test_escapes_are_pythons_and_everything_else_stays():
    assert printable("a\x1b[31m\n\t\0\x9b\x7f") == r"a\x1b[31m\n\t\x00\x9b\x7f"
    assert printable("\u202egnp.exe\u2066\u2028") == r"\u202egnp.exe\u2066\u2028"
    assert printable("\udcff") == r"\udcff"
    kept = "é 👩‍👩‍👧 שלום\u200f \u00a0\\n日本\U0010ffff"
    assert printable(kept) == kept


def test_plain_tags_stand_behind_their_tokens():
    assert tagged(["Cats", "1/2", "a\x1b"], ["NNS", "CD", "X"]) == (
        r"Cats/NNS 1/2/CD a\x1b/X"
    )
