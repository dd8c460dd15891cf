"""The whole template: train, measure, card, evaluate, predict, export."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tasks import sentiment
from tasks.errors import UserError
from tests.tasks import commands, interruption
from tests.tasks.commands import history, read_json
from zoo.models import SequenceClassifier

TEST = "synthetic/reviews/1.0.0/test"
# Small and quick, yet it has to read word order: any bag of words gets 0.5.
SMALL = """
    --pooling last --units 32 --embedding-units 32 --batch-size 32 --no-bidirectional
    --learning-rate 1e-2 --epochs 3 --buckets 1 --dropout 0.1 --embedding-dropout 0.1
"""
# Six words of each text: one length, so that one shape is compiled.
TINY = """
    --units 3 --embedding-units 4 --epochs 1 --batch-size 25 --max-length 6
    --train-split train[:100]
"""
PRETRAINED = """
    --pretrain-split train[:300] --pretrain-window 20 --pretrain-epochs 1
    --pretrain-batch-size 32
"""


def succeed(*argv):
    return commands.succeed(sentiment.TEMPLATE, *argv)


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """The folder of a small training on synthetic/reviews, and what it printed."""
    output = tmp_path_factory.mktemp("runs") / "reviews"
    printed = succeed(
        "train", "--data-dir", data_dir, "--output", output, *SMALL.split()
    )
    return output, printed


@pytest.fixture
def tiny(data_dir, tmp_path, by_cells):
    def train(name, *flags):
        output = tmp_path / name
        where = ("--data-dir", data_dir, "--output", output)
        printed = succeed("train", *where, *TINY.split(), *flags)
        return output, printed

    return train


@pytest.mark.slow
def test_it_learns_to_read_word_order(trained):
    metrics = read_json(trained[0] / "preset" / "metrics.json")
    [(source, figures)] = metrics["evaluations"].items()
    assert source == TEST
    assert figures["examples"] == 500
    assert figures["accuracy"] > 0.9


@pytest.mark.slow
def test_training_leaves_all_that_was_promised(trained):
    output, printed = trained
    preset = output / "preset"
    assert (output / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((output / "checkpoints" / "tensorboard").rglob("events*"))
    record = read_json(preset / "metrics.json")["training"]
    rows = history(output)
    assert record["epochs"] == len(rows) == 3
    best = max(rows, key=lambda row: float(row["val_accuracy"]))
    assert record["best_epoch"] == int(best["epoch"])
    assert record["chosen_on"] == "synthetic/reviews/1.0.0/validation"
    model = SequenceClassifier.from_preset(preset)
    assert model.tokenizer.normalization == "plain"
    weights = model.weights
    assert record["parameters"] == sum(np.prod(w.shape) for w in weights)
    assert str(output) not in record["command"]
    card = (preset / "README.md").read_text("utf-8")
    assert record["command"] in card
    accuracy = read_json(preset / "metrics.json")["evaluations"]
    accuracy = accuracy[TEST]["accuracy"]
    assert f"{accuracy:.4f}" in card
    assert f"accuracy    {accuracy:.4f}" in printed


@pytest.fixture
def preset(trained, tmp_path):
    """The preset in a copy of the training's folder, to write into."""
    return shutil.copytree(trained[0], tmp_path / trained[0].name) / "preset"


@pytest.mark.slow
def test_evaluate_reproduces_the_metrics_and_rewrites_the_card(preset, data_dir):
    before = read_json(preset / "metrics.json")
    card = (preset / "README.md").read_text("utf-8")
    (preset / "README.md").write_text("lost")
    succeed("evaluate", "--model", preset, "--data-dir", data_dir)
    after = read_json(preset / "metrics.json")
    assert after["training"] == before["training"]
    [figures] = after["evaluations"].values()
    [expected] = before["evaluations"].values()
    assert figures.pop("cross_entropy") == pytest.approx(expected.pop("cross_entropy"))
    assert figures == expected
    assert (preset / "README.md").read_text("utf-8") == card


@pytest.mark.slow
def test_the_saved_model_scores_what_the_metrics_say(trained, data_dir):
    """Texts from TFDS' own files through the SavedModel, counted here."""
    import tensorflow_datasets as tfds

    preset = trained[0] / "preset"
    loaded = tf.saved_model.load(preset / "saved_model")
    rows = list(
        tfds.as_numpy(tfds.load("synthetic/reviews", data_dir=data_dir, split="test"))
    )
    texts = tf.constant([row["text"] for row in rows])
    labels = loaded.signatures["serving_default"](text=texts)["label"].numpy()
    true = [(b"neg", b"pos")[row["label"]] for row in rows]
    right = [label == other for label, other in zip(labels, true, strict=True)]
    figures = read_json(preset / "metrics.json")["evaluations"]
    assert figures[TEST]["accuracy"] == np.mean(right)


@pytest.mark.slow
def test_predict_agrees_with_the_saved_model(trained):
    texts = ["The plot is not bad.", "", "Although the music is good, it is dull."]
    preset = trained[0] / "preset"
    printed = succeed("predict", "--model", preset, "--json", *texts)
    rows = [json.loads(line) for line in printed.splitlines()]
    loaded = tf.saved_model.load(preset / "saved_model")
    expected = loaded.signatures["serving_default"](text=tf.constant(texts))
    found = [list(row["probabilities"].values()) for row in rows]
    np.testing.assert_allclose(found, expected["probabilities"], atol=1e-6)
    assert [row["label"].encode() for row in rows] == list(expected["label"].numpy())


@pytest.mark.slow
def test_evaluating_on_another_split_adds_to_the_metrics(preset, data_dir):
    where = ("--model", preset, "--data-dir", data_dir)
    metrics = read_json(preset / "metrics.json")
    succeed("evaluate", *where, "--split", "validation[:100]")
    evaluations = read_json(preset / "metrics.json")["evaluations"]
    assert (
        evaluations.pop("synthetic/reviews/1.0.0/validation[:100]")["examples"] == 100
    )
    assert evaluations == metrics["evaluations"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_after_pretraining_too(
    tiny, data_dir, tmp_path
):
    flags = ["--cell", "rnn", "--no-bidirectional", *PRETRAINED.split()]
    first, printed = tiny("one", *flags)
    where, second = ("--data-dir", data_dir), tmp_path / "two"
    expected = interruption.weights(
        sentiment.TEMPLATE, second, *where, *TINY.split(), *flags
    )
    assert history(first) == history(second)
    model = SequenceClassifier.from_preset(first / "preset")
    for weight, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, other)
    record = read_json(first / "preset" / "metrics.json")["training"]
    assert record["pretraining_epochs"] == 1
    assert "400 texts" in record["pretrained_on"]
    assert "pretraining 400 texts" in printed
    assert (first / "checkpoints" / "pretraining" / "history.csv").exists()


@pytest.mark.slow
def test_nested_ratings_without_a_validation_split(tiny):
    output, printed = tiny("stars", "--dataset", "synthetic/stars", "--cell", "gru")
    record = read_json(output / "preset" / "metrics.json")["training"]
    assert record["text_column"] == "data/review_body"
    assert record["label_column"] == "data/star_rating"
    assert record["train"] == "synthetic/stars/1.0.0/train[:100] (less 10%)"
    assert record["chosen_on"] == "synthetic/stars/1.0.0/train[:100] (a random 10%)"
    assert record["test_splits"] == ["test"]
    model = SequenceClassifier.from_preset(output / "preset")
    assert model.class_names == ("1", "2", "3", "4", "5")
    assert model.config["cell"] == "gru"
    assert "synthetic/stars/1.0.0/test, 500" in printed
    [row] = succeed(
        "predict", "--model", output / "preset", "--json", "Good."
    ).splitlines()
    assert list(json.loads(row)["probabilities"]) == ["1", "2", "3", "4", "5"]


@pytest.mark.slow
def test_ngrams_are_weighted_by_the_data_anew_where_the_classes_are_others(
    tiny, tmp_path
):
    output, _ = tiny("first", "--ngrams", "2", "--ngram-buckets", "512")
    first = SequenceClassifier.from_preset(output / "preset")
    assert first.linear.naive_bayes
    assert not first.linear.unadapted
    file = tmp_path / "own.csv"
    rows = [f"{text},{label}" for text, label in zip("abc", "xyz", strict=True)]
    file.write_text("\n".join(["text,label", *rows * 12]))
    files = "--train-file", file, "--validation-file", file
    flags = "--from-preset", output / "preset", "--epochs", 1, "--buckets", 1
    other = tmp_path / "other"
    succeed("train", *files, *flags, "--output", other)
    found = SequenceClassifier.from_preset(other / "preset")
    assert found.linear.ratios.shape == (512, 2)
    assert not found.linear.unadapted


def test_pretraining_a_layer_that_gives_its_last_step_alone_is_refused():
    settings = sentiment.Config(pretrain_split="train", pooling="last")
    with pytest.raises(UserError, match="--layers 2"):
        settings.check()


@pytest.mark.slow
def test_a_finished_training_resumed_gives_the_same_preset(trained, tmp_path):
    output = tmp_path / "run"
    shutil.copytree(trained[0], output)
    shutil.rmtree(output / "preset")
    succeed("train", "--output", output, "--resume")
    presets = [trained[0] / "preset", output / "preset"]
    models = map(SequenceClassifier.from_preset, presets)
    for weight, other in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(weight, other)
    first, second = (
        read_json(preset / "metrics.json")["evaluations"][TEST] for preset in presets
    )
    assert first == second


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_preparing_the_data_changes_no_random_number(tmp_path):
    """The first training prepares them, the second finds them there."""
    histories = []
    for name in ("first", "second"):
        output = tmp_path / name
        data = ("--data-dir", tmp_path / "data", "--output", output)
        succeed("train", *TINY.split(), *data)
        histories.append(history(output))
    assert histories[0] == histories[1]


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_training_spread_over_the_devices_saves_a_preset(data_dir, tmp_path):
    where = ("--data-dir", data_dir, "--output", tmp_path)
    printed = succeed("train", *TINY.split(), "--mirrored", *where)
    assert "accuracy" in printed
    model = SequenceClassifier.from_preset(tmp_path / "preset")
    assert model.classify(tf.constant(["good"]))["label"].shape == (1,)
