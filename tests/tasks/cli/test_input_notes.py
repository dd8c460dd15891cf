"""What a user gave in place of texts is noted, and taken for texts all the same."""

import pytest

from tasks import ner
from tasks.cli import input_notes


@pytest.fixture
def note(capsys):
    def note(*texts):
        given = [text.encode() for text in texts]
        assert list(input_notes.noted(iter(given))) == given
        return capsys.readouterr().err

    return note


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("text,label", "names columns, as in CSV"),
        ('"Review";"Stars"', "names columns, as in CSV"),
        ("id\tsentiment\treview", "names columns, as in CSV"),
        (",text,label", "names columns, as in CSV"),
        ('{"text": "good"}', "is JSON"),
        ('[{"text": "good"}', "is JSON"),
    ],
)
def test_tables_and_json_are_noted_once(note, first, told):
    err = note(first, first, "Good,1")
    assert err.startswith("note: ")
    assert told in err
    assert "--text-column NAME reads" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A text.",
        "Great score, great body, great sentence.",
        "I liked it, and the score was good.",
        "Nice, dull",
        "{ braces }",
        "\0",
        "text",
        "x" * 9999,
    ],
)
def test_texts_are_not_noted(note, text):
    assert note(text, "text,label", "{}") == ""
    assert note() == ""


def test_a_files_name_is_noted(note, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text("x")
    assert "'r.csv' is the name of a file, and is taken for a text." in note("r.csv")
    assert note("other.csv") == ""
    assert note(".") == ""


@pytest.mark.slow
def test_commands_note_what_they_were_given(run, preset, tagger, tmp_path):
    (tmp_path / "r.csv").write_text("text,label\ngood,1\n")
    for model, template in ((preset, {}), (tagger, {"template": ner.TEMPLATE})):
        given = ("--model", model, "--input", tmp_path / "r.csv")
        outcome = run("predict", *given, **template)
        assert outcome.code == 0
        assert outcome.err.startswith("note: the first line names columns")
        assert len(outcome.out.splitlines()) == 2
