"""Answers that are added to a table, or written into a file."""

import csv
import json
import re

import numpy as np
import pytest

from tasks import ner, sentiment, translation
from tasks.cli import answers
from tasks.cli.config import TablePredictionConfig
from tests.zoo.models import translators
from zoo.models import SequenceClassifier

TEXTS = ["a good film", 'bad, "very" bad\nfilm', "", "😀 été"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "reviews.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = [[number, text, "x;y"] for number, text in enumerate(TEXTS)]
        csv.writer(file).writerows([["id", "text", "label"], *rows])
    return path


def records(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "batch_size", [3, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 64))]
)
def test_a_class_is_added_to_each_record_which_stays_as_it_is(
    run, preset, table, tmp_path, batch_size
):
    output = tmp_path / "answers.csv"
    given = "--model", preset, "--input", table, "--text-column", "text"
    outcome = run(
        "predict", *given, "--output", output, "--batch-size", str(batch_size)
    )
    assert outcome.code == 0, outcome.err
    assert outcome.out == ""
    found = records(output)
    assert [row["text"] for row in found] == TEXTS
    assert [row["id"] for row in found] == ["0", "1", "2", "3"]
    assert {row["label"] for row in found} == {"x;y"}
    expected = SequenceClassifier.from_preset(preset).classify(TEXTS)
    labels = [label.decode() for label in expected["label"].numpy()]
    assert [row["predicted_label"] for row in found] == labels
    np.testing.assert_allclose(
        [float(row["predicted_probability"]) for row in found],
        expected["probability"],
        rtol=1e-5,
    )
    assert {*tmp_path.iterdir()} == {output, table}


def test_without_a_file_the_table_is_printed_as_it_was_or_as_json(run, preset, table):
    given = "predict", "--model", preset, "--input", table, "--text-column", "text"
    printed = run(*given).out
    assert printed.startswith("id,text,label,predicted_label,predicted_probability\n")
    rows = [json.loads(line) for line in run(*given, "--json").out.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    as_csv = csv.DictReader(printed.splitlines(keepends=True))
    assert [row["text"] for row in as_csv] == TEXTS


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("b.tsv", 'He said "hi"\t1\tpos\t0.5'),
        ("b.csv", '"He said ""hi""",1,pos,0.5'),
    ],
)
def test_quotes_that_are_text_stay_so_in_tsv(tmp_path, output, line):
    path = tmp_path / "a.tsv"
    path.write_text('text\tid\n"open\t0\nHe said "hi"\t1\n')
    texts = answers.texts([], str(path), "utf-8", "text")
    found = [answers.Answer("", {"label": "pos", "p": 0.5}) for _ in texts]
    settings = TablePredictionConfig(output=str(tmp_path / output))
    answers.write(found, texts, settings)
    assert (tmp_path / output).read_text().splitlines()[-1] == line


@pytest.mark.slow
def test_names_are_added_as_json_and_to_json_lines_as_they_are(
    run, tagger, table, tmp_path
):
    given = "--model", tagger, "--input", table, "--text-column", "text"
    for name in ("a.csv", "a.jsonl"):
        output = "--output", tmp_path / name
        outcome = run("predict", *given, *output, template=ner.TEMPLATE)
        assert outcome.code == 0, outcome.err
    cells = [row["predicted_entities"] for row in records(tmp_path / "a.csv")]
    lines = (tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    assert list(map(json.loads, cells)) == [
        json.loads(line)["predicted_entities"] for line in lines
    ]
    plain = run("predict", "--json", "--model", tagger, TEXTS[0], template=ner.TEMPLATE)
    parts = [
        [(each["label"], each["start"], each["text"]) for each in found]
        for found in (json.loads(plain.out)["entities"], json.loads(cells[0]))
    ]
    assert parts[0] == parts[1] != []


@pytest.mark.slow
def test_translations_are_added(run, table, tmp_path):
    translators.make().save_to_preset(tmp_path / "translator")
    given = "--model", tmp_path / "translator", "--input", table
    given = *given, "--text-column", "text", "--output", tmp_path / "a.jsonl"
    template = translation.TEMPLATE
    outcome = run("translate", *given, "--n-best", 2, template=template)
    assert outcome.code == 0, outcome.err
    rows = map(json.loads, (tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    for row, text in zip(rows, TEXTS, strict=True):
        assert row["text"] == text
        assert row["translation"] == row["translations"][0]["translation"]
        assert row["translation_score"] == row["translations"][0]["score"]
    resume = run("translate", *given, "--resume", template=template)
    assert "--resume goes on with a text a line" in resume.err


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_half_a_surrogate_pair_in_another_column_loses_no_answers(
    run, preset, tmp_path, name
):
    line = r'{"text": "good 😀", "user \ud83d": "\ud83d", "id": 1}'
    (tmp_path / "in.jsonl").write_text(f"{line}\n", "utf-8")
    output = tmp_path / name
    given = "--input", tmp_path / "in.jsonl", "--text-column", "text"
    outcome = run("predict", "--model", preset, *given, "--output", output)
    assert outcome.code == 0, outcome.err
    if name == "a.csv":
        [row] = records(output)
        assert row[r"user \ud83d"] == r"\ud83d"
        return
    row = json.loads(output.read_text("utf-8"))
    assert row.pop("predicted_label") in ("neg", "pos")
    assert row.pop("predicted_probability") > 0.5
    assert row == json.loads(line)


def test_answers_to_lines_are_written_into_a_file(run, preset, tmp_path):
    output = tmp_path / "answers"
    assert run("predict", "--model", preset, "a", "b", "--output", output).out == ""
    assert output.read_text() == run("predict", "--model", preset, "a", "b").out


@pytest.mark.parametrize(
    ("template", "flags", "message"),
    [
        (sentiment, ["--text-column", "txt"], "'txt'. Did you mean 'text'?"),
        (sentiment, ["--text-column", "text", "film"], "give its file with --input"),
        (
            sentiment,
            ["--text-column", "text", "--output", "{table}"],
            "the same file",
        ),
        (sentiment, ["--text-column", "text", "--output", "a.txt"], "no table by its"),
        (
            sentiment,
            ["--text-column", "text", "--json", "--output", "a.csv"],
            "say different things",
        ),
        (ner, ["--text-column", "text", "--tokens"], "not both"),
        (ner, ["--text-column", "text", "--conll"], "--conll is of tokens"),
    ],
)
def test_what_does_not_go_together_is_told_in_a_line(
    run, preset, tagger, table, template, flags, message
):
    model = tagger if template is ner else preset
    flags = [flag.format(table=table) for flag in flags]
    given = [] if "film" in flags else ["--input", table]
    outcome = run(
        "predict", "--model", model, *given, *flags, template=template.TEMPLATE
    )
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert message in line


def test_a_column_that_would_be_added_may_not_be_there(run, preset, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,predicted_label\na,b\n")
    given = "--model", preset, "--input", path, "--text-column", "text"
    assert "has a column 'predicted_label' already" in run("predict", *given).err


@pytest.mark.parametrize(
    ("first", "second", "output", "told"),
    [
        ("", '"predicted_label": "mine"', "b.jsonl", "'predicted_label' already"),
        ("", '"predicted_label": "mine"', None, "'predicted_label' already"),
        ("", '"id": 1, "x": 2', "b.csv", r"line 2 has other .*, id, x: no CSV"),
        ('"by": "me"', "", "b.tsv", r"other columns .*, by: no CSV .* \.jsonl"),
    ],
)
def test_columns_of_all_records_are_looked_at_before_there_is_work(
    run, monkeypatch, tmp_path, first, second, output, told
):
    monkeypatch.setattr("zoo.presets.load", lambda _: pytest.fail("a model was loaded"))
    cells = ('"text": "a"', first), (second, '"text": "b"'), (first, '"text": "c"')
    lines = (f"{{{', '.join(filter(None, row))}}}\n" for row in cells)
    (tmp_path / "a.jsonl").write_text("".join(lines))
    given = "--input", tmp_path / "a.jsonl", "--text-column", "text"
    to = ("--output", tmp_path / output) if output else ()
    outcome = run("predict", *given, *to)
    assert outcome.code == 2
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert re.search(told, line)
    assert [*tmp_path.iterdir()] == [tmp_path / "a.jsonl"]


def test_records_of_json_lines_may_have_columns_of_their_own(run, preset, tmp_path):
    rows = [{"text": "a"}, {"id": 1, "text": "b"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    given = "--input", tmp_path / "a.jsonl", "--text-column", "text"
    outcome = run("predict", "--model", preset, *given)
    assert outcome.code == 0, outcome.err
    found = map(json.loads, outcome.out.splitlines())
    assert [[*row][:-2] for row in found] == [["text"], ["id", "text"]]


def test_nothing_is_written_of_a_table_that_is_damaged_at_its_end(
    run, preset, tmp_path
):
    (tmp_path / "a.csv").write_text("text,id\na,1\nb,2,3\n")
    given = "--model", preset, "--input", tmp_path / "a.csv", "--text-column", "text"
    outcome = run("predict", *given, "--output", tmp_path / "b.csv")
    assert "line 3: 3 cells" in outcome.err
    assert not (tmp_path / "b.csv").exists()
