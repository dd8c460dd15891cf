"""A classifier that is trained on several data sets."""

import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tasks import sentiment
from tasks.cli.config import PretrainingConfig
from tasks.data import builders as data
from tasks.data import unlabelled
from tasks.errors import UserError
from tasks.sentiment import corpus as labelled_texts
from tasks.sentiment import template
from tests.tasks import commands
from tests.tasks.commands import history, read_json

TINY = """
    --epochs 2 --batch-size 8 --buckets 1 --cell rnn --units 4 --embedding-units 4
    --min-count 1
"""


class Opinions:
    """A prepared data set of texts with two classes, some splits without labels."""

    version, builder_config = "1.0.0", None

    def __init__(self, name, names, text, counts, hidden=()):
        self.name = name
        self._text, self._counts, self._hidden = text, counts, hidden
        label = tfds.features.ClassLabel(names=names)
        self.info = types.SimpleNamespace(
            features=tfds.features.FeaturesDict(
                {text: tfds.features.Text(), "label": label}
            ),
            full_name=f"{name}/1.0.0",
            citation=f"@misc{{{name}}}",
            splits=dict.fromkeys(counts),
            supervised_keys=None,
        )

    def as_dataset(self, split, decoders=None):
        split, _, cut = split.partition("[")
        count = 1 if cut == ":1]" else self._counts[split]
        labels = np.arange(count) % 2
        words = np.array(["it is n't good .", "it is fine ."])
        texts = [f"{words[label]} {split} {k}" for k, label in enumerate(labels)]
        if split in self._hidden:
            labels = np.full(count, -1)
        return tf.data.Dataset.from_tensor_slices({self._text: texts, "label": labels})


@pytest.fixture
def stored(monkeypatch):
    whole = {"train": 40, "validation": 10, "test": 12}
    known = {
        "films": Opinions(
            "films", ["neg", "pos"], "text", {**whole, "unsupervised": 9}
        ),
        "short": Opinions(
            "short", ["negative", "positive"], "sentence", whole, hidden=["test"]
        ),
    }
    monkeypatch.setattr(
        data, "load_builder", lambda name, *_: known[name.partition(":")[0]]
    )
    return known


def train(output, flags):
    given = ["train", "--output", output, *flags.split(), *TINY.split()]
    return commands.succeed(sentiment.TEMPLATE, *given)


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_each_data_set_is_validated_and_tested_apart(stored, tmp_path):
    renamed = "--map neg=negative pos=positive"
    train(tmp_path / "run", f"--dataset films short {renamed} --shares 0.5 2")
    preset = tmp_path / "run" / "preset"
    metrics = read_json(preset / "metrics.json")
    record = metrics["training"]
    assert record["text_column"] == ["text", "sentence"]
    assert record["label_column"] == "label"
    assert record["test_splits"] == [["test"], ["validation"]]
    assert record["map"] == ["neg=negative", "pos=positive"]
    assert list(metrics["evaluations"]) == [
        "films/1.0.0/test",
        "short/1.0.0/validation",
    ]
    for row in history(tmp_path / "run"):
        each = [float(row[f"val_accuracy_{name}"]) for name in ("films", "short")]
        assert float(row["val_accuracy"]) == pytest.approx(np.mean(each))
    commands.succeed(sentiment.TEMPLATE, "evaluate", "--model", preset)
    again = read_json(preset / "metrics.json")
    assert again["evaluations"].keys() == metrics["evaluations"].keys()
    for source, figures in again["evaluations"].items():
        assert figures["accuracy"] == metrics["evaluations"][source]["accuracy"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--dataset films short", "--map OTHER=NAME"),
        ("--dataset films --map ngative=x", "Unknown class 'ngative'"),
        ("--dataset films --map neg=pos", "makes 2 classes of films/1.0.0/train one"),
        ("--dataset films --augment-spacing 1", "--augment-spacing must be in [0, 1)"),
        ("--dataset films --pretrain-split nothing", "Unknown split 'nothing'"),
        (
            "--dataset films short --map neg=negative pos=positive "
            "--pretrain-split nothing",
            "None of the datasets has the --pretrain-split 'nothing'",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(run, stored, tmp_path, flags, told):
    outcome = run("train", "--output", tmp_path / "run", *flags.split(), *TINY.split())
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert told in line


def test_what_has_the_split_is_learnt_from(stored):
    settings = PretrainingConfig(["films", "short"], pretrain_split="unsupervised")
    [texts] = unlabelled.read(settings)
    assert len(texts) == 9
    settings = PretrainingConfig(
        ["films"],
        pretrain_split=["train", "validation"],
        pretrain_dataset=["short", "films"],
    )
    settings.check()
    assert [len(part) for part in unlabelled.read(settings)] == [40, 10]


def test_a_column_of_the_texts_to_train_on_is_that_of_others_if_they_have_it(stored):
    settings = PretrainingConfig(
        pretrain_split=["train"], pretrain_dataset=["short", "films"]
    )
    assert len(unlabelled.read(settings, "text")) == 2  # "short" has a "sentence"


def test_columns_of_pretraining_are_chosen_by_their_own_flag(stored):
    both = {name: tfds.features.Text() for name in ("one", "other")}
    stored["films"].info.features = tfds.features.FeaturesDict(both)
    settings = PretrainingConfig(pretrain_split=["train"], pretrain_dataset=["films"])
    with pytest.raises(UserError, match=r"one, other\. Choose one with --pretrain-col"):
        unlabelled.read(settings)


def test_a_preset_remembers_which_texts_taught_it_the_language(stored):
    train = labelled_texts.read(stored["films"], "train", "text", "label")
    texts = ["a"] * 49

    def told(**flags):
        found = template._pretrained_on(PretrainingConfig(**flags), train, texts)
        return found["pretrained_on"]

    assert told(pretrain_split=["unsupervised"]) == (
        "films/1.0.0/train and unsupervised, 49 texts without labels"
    )
    others = {"pretrain_dataset": ["a", "b"], "pretrain_split": ["x"]}
    assert told(**others) == (
        "films/1.0.0/train and a x and b x, 49 texts without labels"
    )


@pytest.mark.parametrize(
    "flags",
    [
        {"pretrain_dataset": ["a"]},
        {"pretrain_dataset": ["a"], "pretrain_split": ["x", "y"]},
        {"pretrain_split": ["x", "y"]},
        {"pretrain_split": ["x"], "pretrain_column": ["x", "y"]},
    ],
)
def test_what_is_said_of_each_text_fits_their_number(flags):
    with pytest.raises(UserError, match="--pretrain-"):
        PretrainingConfig(**flags).check()


def test_some_texts_are_spaced_as_people_write(stored):
    given = labelled_texts.read(stored["films"], "train", "text", "label")
    some = labelled_texts.spaced_as_written(given, 0.5, seed=1)
    changed = [a != b for a, b in zip(given.texts, some.texts, strict=True)]
    assert 10 < sum(changed) < 30
    assert {text.split(b".")[0] for text in some.texts} == {
        b"it is n't good ",
        b"it isn't good",
        b"it is fine ",
        b"it is fine",
    }
    again = labelled_texts.spaced_as_written(given, 0.5, seed=1)
    assert list(again.texts) == list(some.texts)
    assert list(some.labels) == list(given.labels)
