"""A classifier's own files: which texts, which classes, what is told."""

import dataclasses

import numpy as np
import pytest

from tasks import sentiment
from tasks.errors import UserError
from tasks.sentiment import labelled_files
from tasks.sentiment.config import Config
from tests.tasks import commands
from tests.tasks.commands import read_json

GOOD = "text,label\ngood film,pos\nbad film,neg\n"


def read(folder, content, name="a.csv", columns=(None, None), **known):
    path = folder / name
    path.write_text(content, "utf-8")
    return labelled_files.read(str(path), "utf-8", *columns, **known)


def named(texts):
    return [texts.class_names[place] for place in texts.labels]


def test_texts_and_classes_are_in_the_order_of_the_file(tmp_path):
    found = read(tmp_path, GOOD)
    assert found.texts.tolist() == [b"good film", b"bad film"]
    assert found.class_names == ("neg", "pos")
    assert named(found) == ["pos", "neg"]
    assert found.source == "a.csv"


def test_ratings_are_in_the_order_of_numbers(tmp_path):
    rows = "".join(f"a,{rating}\n" for rating in (10, 2, 1, 10))
    assert read(tmp_path, f"text,stars\n{rows}").class_names == ("1", "2", "10")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("true false", ["True", "False"]),
        ("1 0", ["1", "0"]),
        ("2.0 1", ["2", "1"]),
        ('"a" "b"', ["a", "b"]),
    ],
)
def test_labels_of_json_are_strings_bools_or_whole_numbers(tmp_path, labels, expected):
    rows = [f'{{"text": "x", "label": {label}}}' for label in labels.split()]
    assert named(read(tmp_path, "\n".join(rows), "a.jsonl")) == expected


def test_columns_are_chosen_by_name(tmp_path):
    content = "de,text,label,art\ngut,good,pos,a\nschlecht,bad,neg,b\n"
    found = read(tmp_path, content, columns=("de", "art"))
    assert found.texts.tolist() == [b"gut", b"schlecht"]
    assert found.class_names == ("a", "b")


def test_classes_have_the_places_that_the_model_knows(tmp_path):
    found = read(tmp_path, GOOD, class_names=("pos", "so", "neg"))
    assert found.labels.tolist() == [0, 2]
    renamed = {"pos": "1", "neg": "0"}
    assert read(tmp_path, GOOD, renamed=renamed).class_names == ("0", "1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,pos\nb,\n", "line 3: 'label' is empty. A label is a class"),
        ("text,label\n", "holds no record"),
        ("text,other\na,b\n", "text, other: .* --label-column"),
        ("a,label\na,b\n", "a, label: .* --text-column"),
        ("text,label\na,pos\nb,zeg\n", "line 3: the model doesn't know .*'zeg'"),
    ],
)
def test_what_cannot_be_learnt_is_told(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, content, class_names=("neg", "pos"))


@pytest.mark.parametrize("label", ["null", "1.5", "[1]", "{}", r'"a\ud83d"'])
def test_json_that_is_no_label_is_told(tmp_path, label):
    content = f'{{"text": "x", "label": {label}}}'
    with pytest.raises(UserError, match=r"line 1: .*'label' is"):
        read(tmp_path, content, "a.jsonl")


def test_free_texts_are_no_classes(tmp_path):
    rows = "".join(f"text {n},label {n}\n" for n in range(100))
    with pytest.raises(UserError, match="100 different strings in 100 examples"):
        read(tmp_path, f"text,label\n{rows}")


def test_a_few_examples_of_many_known_classes_are_read(tmp_path):
    intents = tuple(f"intent {n}" for n in range(77))
    rows = "".join(f"text {n},intent {n}\n" for n in range(40))
    found = read(tmp_path, f"text,label\n{rows}", class_names=intents)
    assert found.labels.tolist() == [*range(40)]
    chosen = str(tmp_path / "a.csv"), "utf-8", None, None
    assert {*labelled_files.class_names(*chosen, any_number=True)} < {*intents}
    with pytest.raises(UserError, match="40 different strings"):
        labelled_files.class_names(*chosen)


def test_free_texts_are_not_among_known_classes(tmp_path):
    rows = "".join(f"text {n},{n} {'long ' * 99}\n" for n in range(100))
    known = tuple(f"intent {n}" for n in range(999))
    told = r"line 2: the model doesn't know the class '0 long .*…'\. It knows intent 0"
    with pytest.raises(UserError, match=told) as error:
        read(tmp_path, f"text,label\n{rows}", class_names=known)
    assert len(str(error.value)) < 3000


def test_one_column_cannot_be_both(tmp_path):
    with pytest.raises(UserError, match="'text' can't be the text and its class"):
        read(tmp_path, GOOD, columns=("text", "text"))


def corpus(folder, **contents):
    files = {}
    for name, content in contents.items():
        path = folder / f"{name}.csv"
        path.write_text(content, "utf-8")
        files[f"{name}_file"] = str(path)
    return labelled_files.read_corpus(dataclasses.replace(Config(), **files), {})


def test_without_a_file_to_choose_on_a_tenth_is_held_out(tmp_path):
    rows = "".join(f"text {n},{n % 2}\n" for n in range(20))
    found = corpus(tmp_path, train=f"text,label\n{rows}")
    assert (len(found.train), len(found.validation), found.tests) == (18, 2, ())
    assert found.record["text_column"] == "text"
    assert "dataset" not in found.record
    assert "label       label: 0, 1" in found.describe()


def test_files_to_choose_and_to_report_on_have_the_classes_of_train(tmp_path):
    found = corpus(tmp_path, train=GOOD, validation=GOOD, test="text,label\nx,pos\n")
    assert found.validation.class_names == found.tests[0].class_names == ("neg", "pos")
    np.testing.assert_array_equal(found.tests[0].labels, [1])
    with pytest.raises(UserError, match=r"line 2: train\.csv doesn't know .*'so'"):
        corpus(tmp_path, train=GOOD, test="text,label\nx,so\n")


def test_one_class_and_a_class_of_one_example_are_told(tmp_path):
    with pytest.raises(UserError, match="one class only, 'pos'"):
        corpus(tmp_path, train="text,label\na,pos\nb,pos\n")
    rows = "text,label\n" + "a,pos\nb,neg\n" * 9 + "c,so\n"
    described = corpus(tmp_path, train=rows).describe()
    assert "note        'so' has one example" in described
    assert "'pos' has" not in described


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_a_model_is_trained_and_measured_on_files(run, tmp_path):
    rows = "".join(f"a {'good' if n % 2 else 'bad'} film,{n % 2}\n" for n in range(60))
    (tmp_path / "own.csv").write_text(f"review,stars\n{rows}")
    files = "--train-file", tmp_path / "own.csv", "--test-file", tmp_path / "own.csv"
    small = "--units", 4, "--embedding-units", 4, "--buckets", 1, "--epochs", 2
    renamed = "--map", "0=bad", "1=good"
    folder = tmp_path / "run"
    printed = commands.succeed(
        *(sentiment.TEMPLATE, "train", *files, *small, *renamed), "--output", folder
    )
    assert "train       own.csv (less 10%), 54" in printed
    metrics = read_json(folder / "preset" / "metrics.json")
    assert list(metrics["evaluations"]["own.csv"]["classes"]) == ["bad", "good"]
    assert str(tmp_path) not in str(metrics)
    again = "evaluate", "--model", folder, "--file", tmp_path / "own.csv"
    measured = run(*again)
    assert measured.code == 0, measured.err
    assert "measuring on own.csv, 60 texts" in measured.out
    assert "Unknown class 'x'" in run(*again, "--map", "x=y").err
    without = run("evaluate", "--model", folder)
    assert "has no dataset on record" in without.err
    assert "--file" in without.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--test-file", "x.csv"], "--test-file goes with --train-file"),
        (
            ["--train-file", "x.csv", "--pretrain-split", "train"],
            "give --pretrain-dataset as well",
        ),
        (["--train-file", "x.csv", "--encoding", "utf-9"], "Did you mean 'utf-8'"),
        (["--train-file", "nowhere.csv"], "nowhere.csv can't be read: No such file"),
    ],
)
def test_flags_that_do_not_go_together_are_told(run, tmp_path, flags, message):
    outcome = run("train", "--output", tmp_path / "run", *flags)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert message in line
