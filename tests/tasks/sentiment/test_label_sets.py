"""Texts with any number of labels: read, learnt, measured, given."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tasks import sentiment
from tasks.errors import UserError
from tasks.sentiment import corpus as labelled_texts
from tasks.sentiment import label_reading, label_sets, labelled_files
from tests.tasks import commands
from tests.tasks.commands import read_json
from tests.zoo.cells.units import draw_weights
from zoo.models import SequenceClassifier

LABELS = ("joy", "anger")
TEXTS = ["good good", "bad bad", "good bad", "so so"]
TRUTH = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], np.float32)


class Stored:
    """A prepared data set with a column of truth values for each label."""

    name, version, builder_config = "stored", "1.0.0", None

    def __init__(self, values=TRUTH, dtype=np.bool_):
        feature = tfds.features.Scalar(dtype)
        self._values = {n: values[:, k].astype(dtype) for k, n in enumerate(LABELS)}
        self.info = types.SimpleNamespace(
            features=tfds.features.FeaturesDict(
                {
                    "author": tfds.features.Text(),
                    "comment_text": tfds.features.Text(),
                    **dict.fromkeys(LABELS, feature),
                }
            ),
            full_name="stored/1.0.0",
            citation="",
            splits=dict.fromkeys(["train"]),
            supervised_keys=None,
        )

    def as_dataset(self, split, decoders=None):
        rows = {"comment_text": TEXTS, "author": TEXTS, **self._values}
        return tf.data.Dataset.from_tensor_slices(rows)


def test_columns_of_truth_values_are_the_labels():
    builder = Stored()
    text, columns = labelled_texts.columns(builder, None, None, ["anger", "joy"])
    assert (text, columns) == ("comment_text", ("anger", "joy"))
    found = labelled_texts.read(builder, "train", text, columns)
    np.testing.assert_array_equal(found.labels, TRUTH[:, ::-1])
    assert found.class_names == ("anger", "joy")
    assert found.counts.tolist() == [2, 2]


def test_labels_have_the_places_that_the_model_knows():
    columns = "comment_text", ("anger", "joy")
    found = labelled_texts.read(Stored(), "train", *columns, class_names=LABELS)
    np.testing.assert_array_equal(found.labels, TRUTH)
    renamed = {"joy": "Freude"}
    found = labelled_texts.read(Stored(), "train", *columns, renamed=renamed)
    assert found.class_names == ("anger", "Freude")
    with pytest.raises(UserError, match=r"makes 2 classes of .* one, 'anger'"):
        labelled_texts.read(Stored(), "train", *columns, renamed={"joy": "anger"})
    with pytest.raises(UserError, match=r"labels anger, joy, but the model knows a\."):
        labelled_texts.read(Stored(), "train", *columns, class_names=("a",))


def test_a_corpus_says_which_labels_there_are_and_which_are_rare():
    described = labelled_texts.read_corpus(
        Stored(np.array([[1, 0], [0, 0], [1, 1], [1, 0]]), np.int64),
        "train",
        "comment_text",
        LABELS,
    )
    assert described.record["label_columns"] == ["joy", "anger"]
    assert "labels      any of joy, anger" in described.describe()
    assert "note        'anger' has one example" in described.describe()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["joy", "joy"], "names 'joy' twice"),
        (["joi"], "Did you mean 'joy'"),
        (["author"], "can't be the label"),
    ],
)
def test_columns_that_are_no_labels_are_told(columns, message):
    with pytest.raises(UserError, match=message):
        labelled_texts.columns(Stored(), None, None, columns)


def test_other_values_and_equal_labels_are_told():
    columns = "comment_text", LABELS
    with pytest.raises(UserError, match=r"Column 'joy' .* is 2.* in example 0"):
        labelled_texts.read(Stored(TRUTH * 2, np.int64), "train", *columns)
    with pytest.raises(UserError, match="have the same labels"):
        labelled_texts.read_corpus(Stored(TRUTH > 1), "train", *columns)


@pytest.mark.parametrize("cell", ["2", "", "x", None, 0.5, [1]])
def test_a_cell_of_a_file_that_is_no_truth_value_is_told(cell):
    with pytest.raises(UserError, match=r"line 7: 'joy' is .* 1 or 0, true"):
        label_reading.truth(cell, 7, "joy", "a.csv")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("1", 1), ("TRUE", 1), (True, 1), (1, 1), ("0", 0), ("False", 0), (0.0, 0)],
)
def test_cells_are_numbers_or_words(cell, expected):
    assert label_reading.truth(cell, 1, "joy", "a.csv") == expected


def test_figures_are_those_of_scikit_learn():
    learnt = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(50, 4)), random.integers(0, 2, (50, 4))
    labels[:, 3] = 0
    found = label_sets.measure(logits, labels, list("abcd"))
    guessed = logits >= 0
    for kind in ("micro", "macro"):
        expected = learnt.f1_score(labels, guessed, average=kind, zero_division=0)
        assert found[f"{kind}_f1"] == pytest.approx(expected)
    assert found["accuracy"] == pytest.approx(learnt.accuracy_score(labels, guessed))
    probabilities = label_sets.probabilities(logits)
    losses = [
        learnt.log_loss(labels[:, n], probabilities[:, n], labels=[0, 1])
        for n in range(4)
    ]
    assert found["cross_entropy"] == pytest.approx(np.mean(losses))
    assert found["classes"]["d"]["examples"] == 0


@pytest.fixture(scope="module")
def model():
    made = SequenceClassifier(
        ["good", "bad"],
        LABELS,
        embedding_units=3,
        units=2,
        ngrams=2,
        ngram_buckets=16,
        multi_label=True,
    )
    draw_weights(made)
    return made


def test_each_label_has_a_probability_of_its_own(model):
    found = {name: each.numpy() for name, each in model.classify(TEXTS).items()}
    logits = model(model.encode(TEXTS)).numpy()
    np.testing.assert_allclose(
        found["probabilities"], 1 / (1 + np.exp(-logits)), rtol=1e-5
    )
    for row, names in zip(found["probabilities"], found["labels"], strict=True):
        expected = label_sets.names_of(row, LABELS)
        assert [name.decode() for name in names if name] == expected
        assert list(names) == sorted(names, key=lambda name: not name)


@pytest.mark.slow
def test_a_model_of_label_sets_comes_back_from_disk(model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    copy = SequenceClassifier.from_preset(tmp_path / "preset")
    assert copy.multi_label
    served = tf.saved_model.load(tmp_path / "preset" / "saved_model")
    answer = served.signatures["serving_default"](text=tf.constant(TEXTS))
    expected = model.classify(TEXTS)
    np.testing.assert_array_equal(answer["labels"], expected["labels"])
    np.testing.assert_allclose(
        copy.classify(TEXTS)["probabilities"], answer["probabilities"], rtol=1e-5
    )


def test_one_label_is_enough_for_a_set_and_too_few_for_a_class():
    assert SequenceClassifier(["a"], ["spam"], units=2, multi_label=True).multi_label
    with pytest.raises(ValueError, match="Two classes or more"):
        SequenceClassifier(["a"], ["spam"], units=2)


@pytest.mark.slow
def test_labels_are_printed_and_added_to_a_table(run, model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    given = "predict", "--model", tmp_path / "preset"
    rows = [json.loads(line) for line in run(*given, "--json", *TEXTS).out.splitlines()]
    for row in rows:
        probabilities = np.array(list(row["probabilities"].values()))
        assert row["labels"] == label_sets.names_of(probabilities, LABELS)
    for line, row in zip(run(*given, *TEXTS).out.splitlines(), rows, strict=True):
        assert line.endswith(f"  {row['text']}")
        assert all(name in line for name in row["labels"] or ["no label"])
    table = tmp_path / "a.jsonl"
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    added = run(*given, "--input", table, "--text-column", "text").out.splitlines()
    labels = [json.loads(line)["predicted_labels"] for line in added]
    assert labels == [row["labels"] for row in rows]


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_label_sets_are_learnt_from_files_and_measured(run, tmp_path):
    rows = [f"{t},{int(j)},{int(a)}" for t, (j, a) in zip(TEXTS, TRUTH, strict=True)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["text,joy,anger", *rows * 20]))
    files = "--train-file", path, "--validation-file", path, "--test-file", path
    labels = "--label-columns", "joy", "anger"
    small = "--units", 8, "--embedding-units", 8, "--dropout", 0, "--epochs", 12
    fast = "--learning-rate", 0.03, "--buckets", 1, "--batch-size", 16
    where = "--output", tmp_path / "run"
    commands.succeed(
        *(sentiment.TEMPLATE, "train", *files, *labels, *small, *fast, *where)
    )
    preset = tmp_path / "run" / "preset"
    figures = read_json(preset / "metrics.json")["evaluations"]["own.csv"]
    assert figures["micro_f1"] == figures["macro_f1"] == 1
    assert "no label" in (preset / "README.md").read_text("utf-8")
    again = run("evaluate", "--model", preset, "--file", path)
    assert "micro F1    1.0000" in again.out, again.err


def test_one_class_and_several_labels_exclude_each_other(run, preset, tmp_path):
    flags = "--label-column", "a", "--label-columns", "b"
    outcome = run("train", "--output", tmp_path / "run", *flags)
    assert "--label-columns, not both" in outcome.err
    path = tmp_path / "a.csv"
    path.write_text("text,neg\na,1\n")
    outcome = run(
        *("evaluate", "--model", preset, "--file", path, "--label-columns", "neg")
    )
    assert "gives one class: name its column by --label-column" in outcome.err


def test_one_class_of_a_model_of_several_labels_is_refused(
    run, model, monkeypatch, tmp_path
):
    monkeypatch.setattr("zoo.presets.load", lambda _: model)
    (tmp_path / "config.json").write_text("{}")
    argv = "evaluate", "--model", tmp_path, "--file", "a.csv", "--label-column", "joy"
    outcome = run(*argv)
    assert outcome.code == 2
    assert "gives several labels: name their columns by --label-columns" in outcome.err


def test_files_have_label_sets_too(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,joy,anger\ngood,1,0\nbad,FALSE,true\n")
    chosen = None, None, ["anger", "joy"]
    found = labelled_files.read(str(path), "utf-8", *chosen, class_names=LABELS)
    np.testing.assert_array_equal(found.labels, [[1, 0], [0, 1]])
    with pytest.raises(UserError, match="Unknown column 'sad'"):
        labelled_files.read(str(path), "utf-8", None, None, ["joy", "sad"])
