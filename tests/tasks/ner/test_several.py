"""A tagger that is trained on several data sets, and first on plain texts."""

import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tasks import ner
from tasks.data import builders as data
from tasks.errors import UserError
from tasks.ner import word_streams
from tasks.training import fingerprints, fitting
from tests.tasks import commands, interruption
from tests.tasks.commands import history, read_json
from tests.tasks.ner.stored import Stored
from zoo.models import SequenceTagger

OTHER_NAMES = ["O", "B-person", "I-person", "B-thing"]
OTHER_LABEL = tfds.features.ClassLabel(names=OTHER_NAMES)
SMALL = """
    --epochs 2 --batch-size 8 --buckets 1 --cell rnn --units 8 --word-units 8
    --lowercase-units 4 --character-units 4 --character-embedding-units 4
    --min-count 1
"""


class Named(Stored):
    """A stored data set by another name."""

    def __init__(self, name, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.name = name
        self.info.full_name = f"{name}/1.0.0"


class StoredTexts:
    """A prepared data set of texts."""

    name, version, builder_config = "texts", "1.0.0", None

    def __init__(self, texts):
        self._texts = texts
        self.info = types.SimpleNamespace(
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            full_name="texts/1.0.0",
            citation="",
            splits=dict.fromkeys(["unsupervised"]),
            supervised_keys=None,
        )

    def as_dataset(self, split, decoders=None):
        return tf.data.Dataset.from_tensor_slices({"text": self._texts})


def sentences(*labels):
    rows = [[("Teddy", labels[1]), ("Roosevelt", labels[2]), ("slept", 0), (".", 0)]]
    return rows * 16 + [[("A", 0), ("Ford", labels[-1]), ("stood", 0)]] * 8


@pytest.fixture
def stored(monkeypatch):
    one = {"train": sentences(0, 1, 2, 1), "validation": sentences(0, 1, 2, 1)[:9]}
    two = {"train": sentences(0, 1, 2, 3), "validation": sentences(0, 1, 2, 3)[:9]}
    known = {
        "one": Named("one", {**one, "test": one["validation"][:5]}),
        "two": Named(
            *("two", {**two, "test": two["validation"][:6]}, ("words", "marks")),
            label=OTHER_LABEL,
        ),
        "texts": StoredTexts(["Teddy Roosevelt sang, and slept."] * 30),
    }
    monkeypatch.setattr(
        data, "load_builder", lambda name, *_: known[name.partition(":")[0]]
    )
    return known


def succeed(*argv):
    return commands.succeed(ner.TEMPLATE, *argv)


BOTH = "--dataset one two --types PER --map person=PER"
AUGMENTED = "--augment-casing 0.3 --augment-names 0.5 --augment-endings 0.2"
PRETRAINED = """
    --pretrain-dataset texts --pretrain-split unsupervised --pretrain-epochs 1
    --pretrain-window 5 --pretrain-batch-size 8
"""


@pytest.fixture
def train(tmp_path, stored, by_cells):
    def train(name, *flags):
        output = tmp_path / name
        return output, succeed("train", "--output", output, *split(*flags))

    return train


def split(*flags):
    return [part for text in (BOTH, SMALL, *flags) for part in text.split()]


@pytest.mark.slow
def test_each_data_set_is_validated_and_tested_apart(train):
    output, _ = train("both", "--shares 1 0.5")
    metrics = read_json(output / "preset" / "metrics.json")
    assert list(metrics["evaluations"]) == ["one/1.0.0/test", "two/1.0.0/test"]
    record = metrics["training"]
    assert record["dataset"] == ["one:1.0.0", "two:1.0.0"]
    assert record["tokens_column"] == ["tokens", "words"]
    assert record["tags_column"] == ["ner", "marks"]
    assert (record["types"], record["map"]) == (["PER"], ["person=PER"])
    assert record["train"] == "one/1.0.0/train + two/1.0.0/train (0.5 of it)"
    assert "--dataset one two --shares 1.0 0.5" in record["command"]
    for row in history(output):
        each = [float(row[f"val_f1_{name}"]) for name in ("one", "two")]
        assert float(row["val_f1"]) == pytest.approx(np.mean(each))
    assert SequenceTagger.from_preset(output / "preset").tags == ("O", "B-PER", "I-PER")
    card = (output / "preset" / "README.md").read_text("utf-8")
    assert "- dataset: one:1.0.0, two:1.0.0" in card
    # What goes is no entity in the test either, here and when it is measured again.
    figures = metrics["evaluations"]["two/1.0.0/test"]
    assert set(figures["types"]) == {"PER"}
    succeed("evaluate", "--model", output / "preset")
    again = read_json(output / "preset" / "metrics.json")
    assert again["evaluations"] == metrics["evaluations"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_tagger(train, tmp_path):
    first, flags = tmp_path / "a", (AUGMENTED, PRETRAINED)
    expected = interruption.weights(ner.TEMPLATE, first, *split(*flags))
    second, _ = train("b", *flags)
    assert history(first) == history(second)
    model = SequenceTagger.from_preset(second / "preset")
    for weight, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, other)
    record = read_json(second / "preset" / "metrics.json")["training"]
    assert record["pretrained_on"] == "texts unsupervised"
    assert record["pretraining_epochs"] == 1
    # "sang" is in no labelled sentence, but in thirty texts.
    assert "sang" in model.vocabularies["words"].tokens


@pytest.mark.slow
def test_what_a_tagger_begins_with_is_known_again(run, stored, tmp_path, monkeypatch):
    """By workers, and by a training that is gone on with: texts and vectors, too."""
    found, vectors = [], tmp_path / "vectors.txt"

    def strategy(settings, **data):
        assert len(data["unlabelled"]) == 30 * 7
        found.append({name: fingerprints.of_data(data[name]) for name in data})
        return tf.distribute.get_strategy()

    def begin(output, settings, model, **data):
        for name in ("train", "validation", "unlabelled"):
            assert fingerprints.of_data(data[name]) == found[-1][name]
        raise UserError("This is enough.")

    monkeypatch.setattr(fitting, "strategy", strategy)
    monkeypatch.setattr(fitting, "begin", begin)
    for text, vector in [
        ("Teddy Roosevelt sang, and slept.", "Teddy 1 2\n"),
        ("Roosevelt Teddy sang, and slept.", "Teddy 1 3\n"),
    ]:
        stored["texts"] = StoredTexts([text] * 30)
        vectors.write_text(vector)
        flags = ("--output", tmp_path / "run", *split(PRETRAINED), "--vectors", vectors)
        outcome = run("train", *flags, template=ner.TEMPLATE)
        assert "This is enough." in outcome.err
    one, other = found
    assert {name for name in one if one[name] != other[name]} == {
        "unlabelled",
        "vectors",
    }


def test_texts_become_words_the_most_frequent_first():
    texts = np.array([b"b a b", b"", b"c b"], object)
    found = word_streams.read(texts, tf.strings.split)
    assert [found.words[place] for place in found.places] == ["b", "a", "b", "c", "b"]
    assert found.words[0] == "b"
    assert dict(zip(found.words, found.counts.tolist(), strict=True)) == {
        "b": 3,
        "a": 1,
        "c": 1,
    }


def test_tokens_with_a_tag_count_more_than_words_of_texts():
    stream = word_streams.read(
        np.array([b"Sang sang rare the the"] * 10, object), tf.strings.split
    )
    tokens = np.array(["Ann", "Ann", "Bob"], object)
    words, lowercase = word_streams.vocabularies(stream, tokens, 100, least=2)
    assert words.ordinary_tokens == ["Ann", "the"]  # 20 each: by their bytes
    assert lowercase.ordinary_tokens == ["ann", "sang", "the"]
    words, _ = word_streams.vocabularies(stream, tokens, 7, least=1)
    assert words.ordinary_tokens == ["Ann", "the", "Bob"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--dataset one --types PRE", "Unknown entity type 'PRE'. Did you mean 'PER'?"),
        ("--dataset one --map preson=PER", "Unknown entity type 'preson'"),
        ("--dataset one --pretrain-split x", "goes with --pretrain-dataset"),
        ("--dataset one --map PER", "--map takes OLD=NEW …, found 'PER'."),
        ("--dataset one one", "--dataset names 'one' twice"),
        ("--dataset one --augment-names 1", "--augment-names must be in [0, 1)"),
        ("--dataset one --augment-casing -1", "--augment-casing must be in [0, 1)"),
        ("--dataset bits --augment-endings 0.1", "these tags are plain"),
        ("--dataset bits --types PER", "--types and --map are for entities"),
    ],
)
def test_mistakes_are_told_in_one_line(run, stored, tmp_path, flags, told):
    plain = tfds.features.ClassLabel(names=["even", "odd"])
    rows = [[("a", 0), ("b", 1)]] * 9
    splits = {"train": rows, "validation": rows, "test": rows}
    stored["bits"] = Named("bits", splits, label=plain)
    argv = ["train", "--output", tmp_path / "run", *SMALL.split(), *flags.split()]
    outcome = run(*argv, template=ner.TEMPLATE)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert told in line
