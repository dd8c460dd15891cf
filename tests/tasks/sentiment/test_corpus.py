"""Labelled texts: which classes, and which examples to train, choose and report on."""

import os
import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.data import splits
from tasks.data.splits import HELD_OUT
from tasks.errors import UserError
from tasks.sentiment import corpus as labelled_texts
from tasks.sentiment.corpus import LabelledTexts
from zoo import presets

COLUMNS = "text", "label"
STARS = "data/review_body", "data/star_rating"
NEG_POS = tfds.features.ClassLabel(names=["neg", "pos"])


class Stored:
    """A prepared data set, from lists of labels by split; a text is its place."""

    name, version, builder_config = "stored", "1.0.0", None

    def __init__(self, labels, feature=NEG_POS):
        self._labels = labels
        self._is_class = isinstance(feature, tfds.features.ClassLabel)
        self.info = types.SimpleNamespace(
            features=tfds.features.FeaturesDict(
                {"text": tfds.features.Text(), "label": feature}
            ),
            full_name="stored/1.0.0",
            citation="@misc{stored}",
            splits=dict.fromkeys(labels),
            supervised_keys=None,
        )

    def as_dataset(self, split, decoders=None):
        name, _, slicing = split.partition("[")
        labels = self._labels[name]
        texts = [f"{name} {place}" for place in range(len(labels))]
        dtype = np.int64 if self._is_class else None
        dataset = tf.data.Dataset.from_tensor_slices(
            {"text": texts, "label": np.array(labels, dtype)}
        )
        return dataset.take(int(slicing.strip(":]"))) if slicing else dataset


def corpus(builder, train_split="train"):
    return labelled_texts.read_corpus(builder, train_split, *COLUMNS)


@pytest.fixture(scope="module")
def reviews(data_dir):
    return data.load_builder("synthetic/reviews", data_dir)


@pytest.fixture(scope="module")
def stars(data_dir):
    return data.load_builder("synthetic/stars", data_dir)


@pytest.fixture(scope="module")
def corpus_of_reviews(reviews):
    return corpus(reviews)


@pytest.fixture(scope="module")
def corpus_of_stars(stars):
    return labelled_texts.read_corpus(stars, "train", *STARS)


def test_the_columns_of_a_data_set_are_found(reviews, stars):
    assert labelled_texts.columns(reviews, None, None) == COLUMNS
    assert labelled_texts.columns(stars, None, None) == STARS
    with pytest.raises(UserError, match="can't be the label"):
        labelled_texts.columns(stars, None, "data/review_body")


def test_classes_are_named_by_the_feature(reviews):
    examples = labelled_texts.read(reviews, "test", *COLUMNS)
    assert examples.class_names == ("neg", "pos")
    rows = list(tfds.as_numpy(reviews.as_dataset(split="test")))
    assert examples.texts.tolist() == [row["text"] for row in rows]
    assert examples.labels.tolist() == [row["label"] for row in rows]
    assert examples.source == "synthetic/reviews/1.0.0/test"


def test_ratings_become_classes_named_by_their_number(stars):
    examples = labelled_texts.read(stars, "test", *STARS)
    assert examples.class_names == ("1", "2", "3", "4", "5")
    rows = tfds.as_numpy(stars.as_dataset(split="test"))
    names = [examples.class_names[label] for label in examples.labels]
    assert names == [str(row["data"]["star_rating"]) for row in rows]


def test_ratings_are_in_the_order_of_numbers():
    builder = Stored({"train": [10, 9, -1, 9, 100]}, np.int64)
    examples = labelled_texts.read(builder, "train", *COLUMNS)
    assert examples.class_names == ("-1", "9", "10", "100")
    assert examples.labels.tolist() == [2, 1, 0, 1, 3]


@pytest.mark.parametrize("labels", [[3, 3, 3], list(range(21))])
def test_numbers_that_are_no_ratings_are_refused(labels):
    with pytest.raises(UserError, match=r"different numbers.*--label-column"):
        labelled_texts.read(Stored({"train": labels}, np.int64), "train", *COLUMNS)


def named(*labels, feature=None):
    """Returns labels read from a data set, each as the name of its class."""
    feature = tfds.features.Text() if feature is None else feature
    examples = labelled_texts.read(
        Stored({"train": labels}, feature), "train", *COLUMNS
    )
    return examples.class_names, [examples.class_names[n] for n in examples.labels]


def test_strings_are_classes_in_the_order_of_code_points():
    labels = "pos", "neg", "süß 😀", "pos", "Neutral", "10", "9"
    names, found = named(*labels)
    assert names == ("10", "9", "Neutral", "neg", "pos", "süß 😀")
    assert found == list(labels)


def test_bools_are_two_classes_even_where_one_does_not_occur():
    assert named(True, False, True, feature=np.bool_) == (
        ("False", "True"),
        ["True", "False", "True"],
    )
    assert named(True, feature=np.bool_) == (("False", "True"), ["True"])


def test_floats_that_are_whole_are_ratings():
    names, found = named(10.0, -0.0, 2.0, 10.0, feature=np.float32)
    assert (names, found) == (("0", "2", "10"), ["10", "0", "2", "10"])
    with pytest.raises(UserError, match="holds 1 different numbers"):
        named(1e30, feature=np.float64)


@pytest.mark.parametrize("wrong", [2.5, float("nan"), float("inf"), -float("inf")])
def test_fractions_are_no_labels_and_what_is_one_is_told(wrong):
    with pytest.raises(UserError) as caught:
        named(1.0, 3.0, wrong, feature=np.float32)
    assert str(caught.value) == (
        f"Column 'label' of stored/1.0.0/train is {wrong:g} in example 2, which is no "
        "whole number. A label is a class (a ClassLabel, a string or a bool) or a "
        "rating (a whole number), one for each text. Choose another with "
        "--label-column."
    )


@pytest.mark.parametrize("empty", ["", "  ", "\t\n"])
def test_an_empty_string_is_no_class(empty):
    with pytest.raises(UserError, match=r"is empty in example 1: every text needs"):
        named("pos", empty, "neg")


def test_texts_are_no_classes():
    with pytest.raises(UserError, match="50 different strings in 60 examples"):
        named(*(f"It is number {n % 50}." for n in range(60)))
    # A hundred intents, each of them some times, are.
    assert len(named(*(f"intent {n % 100}" for n in range(300)))[0]) == 100
    with pytest.raises(UserError, match="1,001 different strings"):
        named(*(f"intent {n % 1001}" for n in range(3003)))


@pytest.mark.parametrize(
    ("numbers", "feature", "called"),
    [
        (range(40), tfds.features.Text(), "intent {}"),
        (range(40), np.int64, "{}"),
        ([3], np.int64, "{}"),
    ],
)
def test_a_few_examples_of_many_known_classes_are_read(numbers, feature, called):
    names = tuple(map(called.format, range(77)))
    given = [n if feature is np.int64 else names[n] for n in numbers]
    builder = Stored({"train": given}, feature)
    found = labelled_texts.read(builder, "train", *COLUMNS, class_names=names)
    assert found.labels.tolist() == [*numbers]
    found = labelled_texts.class_names(builder, "train", COLUMNS[1], any_number=True)
    assert len(found) == len(numbers)
    told = rf"which the model doesn't know\. It knows {names[5]}\."
    with pytest.raises(UserError, match=told):
        labelled_texts.read(builder, "train", *COLUMNS, class_names=names[5:6])


def test_classes_that_look_alike_are_told():
    labels = ["Pos", "neg ", "pos", "neg", "other"] * 20
    told = corpus(Stored({"train": labels}, tfds.features.Text())).describe()
    assert "'Pos', 'pos' are classes apart: are they meant to be?" in told
    assert "'neg', 'neg ' are classes apart" in told
    assert "other'" not in told


def test_numbers_that_are_written_in_two_ways_are_told():
    labels = ["1", "2.0", "1.0", "2", "3", "1.5", "v1", "v1.0"] * 20
    told = corpus(Stored({"train": labels}, tfds.features.Text())).describe()
    groups = [line for line in told.splitlines() if "are classes apart" in line]
    assert [line.split(" are ")[0] for line in groups] == [
        "note        '1', '1.0'",
        "note        '2', '2.0'",
    ]


@pytest.mark.parametrize(
    ("feature", "labels", "name"),
    [
        (tfds.features.Text(), ["a"], "a"),
        (NEG_POS, [1], "pos"),
        (np.bool_, [True], "T"),
    ],
)
def test_one_class_is_nothing_to_learn(feature, labels, name):
    with pytest.raises(UserError, match=f"has one class only, '{name}.*--label-column"):
        corpus(Stored({"train": labels * 20}, feature))


def test_a_class_that_train_lacks_is_told_with_both_splits():
    labels = {"train": ["a", "b"] * 20, "test": ["a", "c"]}
    with pytest.raises(UserError) as caught:
        corpus(Stored(labels, tfds.features.Text()))
    assert str(caught.value) == (
        "stored/1.0.0/test has the classes c, which stored/1.0.0/train doesn't know. "
        "It knows a, b."
    )


@pytest.mark.parametrize(
    ("feature", "hidden"),
    [
        (tfds.features.Text(), ["", ""]),
        (np.float32, [float("nan")] * 2),
        (NEG_POS, [-1, -1]),
        (tfds.features.Text(), []),
    ],
)
def test_a_split_without_labels_is_not_tested_on(feature, hidden):
    there = {np.float32: [1.0, 2.0], NEG_POS: [0, 1]}.get(feature, ["a", "b"])
    splits = {"train": there * 20, "validation": there, "test": hidden}
    found = corpus(Stored(splits, feature))
    assert found.record["test_splits"] == ["validation"]


class Columns(Stored):
    """A data set of which only the features count."""

    def __init__(self, supervised_keys=None, **features):
        super().__init__({})
        self.info.features = tfds.features.FeaturesDict(features)
        self.info.supervised_keys = supervised_keys


TEXT = tfds.features.Text()


@pytest.mark.parametrize(
    ("features", "asked", "found"),
    [
        ({"text": TEXT, "label": TEXT}, (), COLUMNS),
        ({"sentiment": TEXT, "review": TEXT, "id": TEXT}, (), ("review", "sentiment")),
        ({"a": TEXT, "b": TEXT}, (None, "b"), ("a", "b")),
        ({"a": TEXT, "b": TEXT}, ("b", None), ("b", "a")),
        ({"body": TEXT, "good": np.bool_}, (), ("body", "good")),
        ({"body": TEXT, "mark": np.float32}, (), ("body", "mark")),
        ({"body": TEXT, "mark": np.float32, "stars": np.int32}, (), ("body", "stars")),
        ({"text": TEXT, "title": TEXT, "y": NEG_POS}, (), ("text", "y")),
    ],
)
def test_labels_of_any_kind_are_found(features, asked, found):
    asked = asked or (None, None)
    assert labelled_texts.columns(Columns(**features), *asked) == found


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        (tfds.features.Sequence(NEG_POS), "a list of ClassLabel"),
        (tfds.features.Sequence({"a": TEXT, "b": TEXT}), "a list of a, b"),
        (tfds.features.Image(shape=(2, 2, 3)), "Image of shape (2, 2, 3)"),
        (tfds.features.Tensor(shape=(3,), dtype=np.int64), "Tensor of shape (3,)"),
        (np.complex64, "complex64"),
    ],
)
def test_what_is_no_label_is_told_with_what_is(feature, told):
    accepted = "A label is a class (a ClassLabel, a string or a bool) or a rating"
    builder = Columns(text=TEXT, odd=feature)
    with pytest.raises(UserError) as caught:
        labelled_texts.columns(builder, None, "odd")
    message = str(caught.value)
    assert "Column 'odd' of stored/1.0.0 can't be the label." in message
    assert f"It is {told}." in message
    assert accepted in message
    with pytest.raises(UserError) as caught:
        labelled_texts.columns(builder, None, None)
    message = str(caught.value)
    assert "has no column that can be the label." in message
    assert "Its columns: text, odd." in message
    assert accepted in message


def test_labels_follow_the_classes_that_a_model_knows():
    builder = Stored({"test": [0, 1, 1]})
    names = ("pos", "other", "neg")
    examples = labelled_texts.read(builder, "test", *COLUMNS, class_names=names)
    assert examples.class_names == names
    assert examples.labels.tolist() == [2, 0, 0]


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_labels_of_a_corpus_become_places_in_a_models_classes(kind):
    labels = np.array([1, 0, 1], kind)
    if kind is np.float32:  # several labels: "pos", both, none
        labels = np.array([[0, 1], [1, 1], [0, 0]], kind)
    texts = np.array([b"a", b"b", b"c"], object)
    part = LabelledTexts(texts, labels, ("neg", "pos"), "mine")
    corpus = labelled_texts.LabelledCorpus(part, (part,), (part,), {})
    several = kind is np.float32
    known = ["pos", "other", "neg"]
    found = labelled_texts.with_classes(corpus, known, several)
    for each in (found.train, *found.validations, *found.tests):
        assert each.class_names == ("pos", "other", "neg")
        if kind is np.int32:
            assert each.labels.tolist() == [0, 2, 0]
        else:
            assert each.labels.tolist() == [[1, 0, 0], [1, 0, 1], [0, 0, 0]]
        assert each.labels.dtype == kind
    assert labelled_texts.with_classes(corpus, known[:2], several) is corpus
    # What decides on them begins anew, and so without those that never occur.
    assert labelled_texts.with_classes(corpus, known, not several) is corpus


def test_a_rating_that_does_not_occur_is_still_a_class():
    builder = Stored({"test": [5, 1]}, np.int64)
    names = ("1", "2", "3", "4", "5")
    examples = labelled_texts.read(builder, "test", *COLUMNS, class_names=names)
    assert examples.labels.tolist() == [4, 0]


def test_classes_that_a_model_does_not_know_are_refused():
    with pytest.raises(UserError, match=r"classes neg, pos, .* knows bad, good"):
        labelled_texts.read(Stored({"test": [0]}), "test", *COLUMNS, ("bad", "good"))


def test_hidden_labels_are_refused_with_the_other_splits():
    builder = Stored({"train": [0, 1], "test": [-1, -1]})
    with pytest.raises(UserError, match=r"hidden \(-1\).* there are train\."):
        labelled_texts.read(builder, "test", *COLUMNS)


def test_all_three_splits_are_taken_as_they_are(corpus_of_reviews):
    found = corpus_of_reviews
    sources = [part.source for part in (found.train, found.validation, *found.tests)]
    names = ("train", "validation", "test")
    assert sources == [f"synthetic/reviews/1.0.0/{name}" for name in names]
    assert [*map(len, (found.train, found.validation, *found.tests))] == [
        4000,
        500,
        500,
    ]
    assert found.record["test_splits"] == ["test"]


def test_without_a_validation_split_it_is_cut_from_train(stars, corpus_of_stars):
    found = corpus_of_stars
    train, test = (data.read(stars, split, STARS[:1])[0] for split in ("train", "test"))
    assert found.tests[0].texts.tolist() == test.tolist()
    parts = [set(found.train.texts), set(found.validation.texts), set(test)]
    assert parts[0] | parts[1] == set(train)
    assert parts[0] & parts[1] == parts[0] & parts[2] == parts[1] & parts[2] == set()
    assert len(found.validation) == HELD_OUT * 4000
    assert "random 10%" in found.validation.source
    assert "less 10%" in found.train.source


def test_the_cut_is_random_and_the_same_whatever_the_seeds():
    labels = np.arange(1000) % 2
    examples = LabelledTexts(np.arange(1000), labels, ("neg", "pos"), "x")
    cuts = []
    for seed in (1, 2):
        np.random.seed(seed)
        tf.random.set_seed(seed)
        train, held_out = splits.hold_out(examples)
        cuts.append(held_out.texts.tolist())
    assert cuts[0] == cuts[1]
    assert 400 < np.mean(cuts[0]) < 600
    assert len(set(np.diff(cuts[0]))) > 5
    assert sorted([*train.texts, *held_out.texts]) == list(range(1000))
    np.testing.assert_array_equal(held_out.labels, held_out.texts % 2)
    np.testing.assert_array_equal(train.labels, train.texts % 2)


def test_hidden_test_labels_make_the_validation_split_the_test():
    labels = [0, 1] * 20
    found = corpus(Stored({"train": labels, "validation": labels, "test": [-1] * 9}))
    assert found.record["test_splits"] == ["validation"]
    assert all(text.startswith(b"validation") for text in found.tests[0].texts)
    assert all(text.startswith(b"train") for text in found.validation.texts)
    assert len(found.train) + len(found.validation) == len(labels)


@pytest.mark.parametrize("train_split", ["test", "train+test", "test[:6]"])
def test_what_was_trained_on_is_never_tested_on(train_split):
    class Sums(Stored):
        def as_dataset(self, split, decoders=None):
            first, *rest = map(super().as_dataset, split.split("+"))
            return first.concatenate(rest[0]) if rest else first

    labels = [0, 1] * 20
    builder = Sums({"train": labels, "validation": labels, "test": labels})
    found = corpus(builder, train_split)
    assert found.record["test_splits"] == ["validation"]
    assert all(text.startswith(b"validation") for text in found.tests[0].texts)
    trained = {*found.train.texts, *found.validation.texts}
    assert not trained & set(found.tests[0].texts)
    assert not set(found.train.texts) & set(found.validation.texts)


def test_trained_on_all_there_is_nothing_is_left_to_test_on():
    found = corpus(Stored({"train": [0, 1] * 20}))
    assert found.tests == ()
    assert found.record["test_splits"] == []
    assert len(found.train) == 36
    assert "none: no split to report on is left" in found.describe()


def test_a_slice_of_train_is_all_that_is_trained_on():
    found = corpus(Stored({"train": [0, 1] * 20, "test": [0, 1]}), "train[:20]")
    assert len(found.train) + len(found.validation) == 20
    places = [int(text.split()[1]) for text in [*found.train.texts]]
    assert max(places) < 20


def test_what_was_chosen_is_described(corpus_of_reviews):
    lines = corpus_of_reviews.describe().splitlines()
    assert lines == [
        "dataset     synthetic/reviews:1.0.0",
        "text        text",
        "label       label: neg, pos",
        "train       synthetic/reviews/1.0.0/train, 4,000",
        "validation  synthetic/reviews/1.0.0/validation, 500",
        "test        synthetic/reviews/1.0.0/test, 500",
    ]


def test_what_is_recorded_finds_the_same_data_again(corpus_of_stars, data_dir):
    found = corpus_of_stars
    record = found.record
    builder = data.load_builder(*record["dataset"], data_dir=data_dir)
    again = labelled_texts.read(
        builder, *record["test_splits"], record["text_column"], record["label_column"]
    )
    np.testing.assert_array_equal(again.texts, found.tests[0].texts)
    np.testing.assert_array_equal(again.labels, found.tests[0].labels)


@pytest.mark.slow
@pytest.mark.real_data("glue/sst2")
def test_sst2_is_tested_on_its_validation_split():
    builder = data.load_builder("glue/sst2", os.environ["TFDS_DATA_DIR"])
    found = labelled_texts.read_corpus(builder, "train", "sentence", "label")
    assert labelled_texts.columns(builder, None, None) == ("sentence", "label")
    assert found.record["test_splits"] == ["validation"]
    assert len(found.tests[0]) == 872
    assert len(found.train) + len(found.validation) == 67_349


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_a_model_of_strings_knows_its_classes(run, monkeypatch, tmp_path):
    labels = ["pos", "neg", "so-so", "pos"] * 8
    stored = Stored({"train": labels, "test": labels}, tfds.features.Text())
    monkeypatch.setattr(data, "load_builder", lambda *_: stored)
    few = ["--epochs", "1", "--buckets", "1", "--units", "2", "--embedding-units", "2"]
    outcome = run("train", "--output", tmp_path / "run", *few)
    assert outcome.code == 0, outcome.err
    preset = tmp_path / "run" / "preset"
    assert presets.load(preset).class_names == ("neg", "pos", "so-so")
    [figures] = presets.read_metrics(preset)["evaluations"].values()
    assert {name: row["examples"] for name, row in figures["classes"].items()} == {
        "neg": 8,
        "pos": 16,
        "so-so": 8,
    }
    assert run("evaluate", "--model", preset).code == 0
    stored = Stored({"test": ["pos", "bad"]}, tfds.features.Text())
    outcome = run("evaluate", "--model", preset)
    assert outcome.code == 2
    assert "test has the classes bad, which the model doesn't know." in outcome.err
