"""The whole template: train, measure, card, evaluate, columns in and out."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from tasks import ner
from tasks.datasets.synthetic import entities
from tests.tasks import commands
from tests.tasks.commands import history, read_json
from zoo import presets
from zoo.models import SequenceTagger

TEST = "synthetic/entities/1.0.0/test"
# Small and quick, yet it reads words, letters and both neighbours. One padded length
# and a slice that batches divide: one shape is compiled.
SMALL = """
    --train-split train[:1920] --batch-size 32 --buckets 1 --epochs 5 --cell rnn
    --units 32 --word-units 16 --lowercase-units 8 --character-features cnn
    --character-units 16 --character-embedding-units 8 --learning-rate 1e-2
    --dropout 0.1
"""


def succeed(*argv):
    return commands.succeed(ner.TEMPLATE, *argv)


def train(data_dir, output, *flags):
    where = ("--data-dir", data_dir, "--output", output)
    return succeed("train", *where, *SMALL.split(), *flags)


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """The folder of a small training on synthetic/entities, and what it printed."""
    output = tmp_path_factory.mktemp("runs") / "entities"
    return output, train(data_dir, output)


@pytest.fixture
def preset(trained, tmp_path):
    """The preset in a copy of the training's folder, to write into."""
    return shutil.copytree(trained[0], tmp_path / trained[0].name) / "preset"


@pytest.fixture(scope="module")
def sentences(data_dir):
    """The sentences of the test, (tokens, tags) as strings, from TFDS' own files."""
    data, info = tfds.load(
        "synthetic/entities", data_dir=data_dir, split="test", with_info=True
    )
    names = info.features["tags"].feature.names
    return [
        ([t.decode() for t in row["tokens"]], [names[tag] for tag in row["tags"]])
        for row in tfds.as_numpy(data)
    ]


def serve(preset, sentences):
    """Returns the tags of sentences by the SavedModel, with TensorFlow alone."""
    loaded = tf.saved_model.load(preset / "saved_model")
    rows = tf.ragged.constant([tokens for tokens, _ in sentences]).to_tensor("")
    tags = loaded.signatures["tag_tokens"](tokens=rows)["tags"].numpy().tolist()
    return [[tag.decode() for tag in row if tag] for row in tags]


def ambiguous_share(sentences, predicted):
    """Returns the share of right tags of words that only later ones tell."""
    right = []
    for (tokens, tags), guesses in zip(sentences, predicted, strict=True):
        place = entities.ambiguous(tokens)
        if place is not None:
            right.append(tags[place] == guesses[place])
    assert len(right) == 2 / 5 * len(sentences)
    return np.mean(right)


@pytest.mark.slow
def test_both_directions_tell_what_one_cannot(trained, sentences, data_dir, tmp_path):
    """To the bounds that synthetic/entities documents."""
    one_way = tmp_path / "one_way"
    train(data_dir, one_way, "--no-bidirectional", "--no-crf")
    found = {}
    for name, output in (("both", trained[0]), ("one", one_way)):
        figures = read_json(output / "preset" / "metrics.json")["evaluations"][TEST]
        predicted = serve(output / "preset", sentences)
        found[name] = figures["f1"], ambiguous_share(sentences, predicted)
    assert found["both"][0] > 0.95
    assert found["both"][1] > 0.85
    # At most one of each two sentences that are the same up to the word.
    assert found["one"][1] <= 0.5
    assert found["one"][0] < 0.91


@pytest.mark.slow
def test_training_leaves_all_that_was_promised(trained):
    output, printed = trained
    preset = output / "preset"
    assert (output / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((output / "checkpoints" / "tensorboard").rglob("events*"))
    metrics = read_json(preset / "metrics.json")
    record, [figures] = metrics["training"], metrics["evaluations"].values()
    assert record["dataset"] == ["synthetic/entities:1.0.0"]
    assert (record["tokens_column"], record["tags_column"]) == ("tokens", "tags")
    assert record["scheme"] == "iob2"
    assert record["chosen_on"] == "synthetic/entities/1.0.0/validation"
    rows = history(output)
    assert record["epochs"] == len(rows) == 5
    best = max(rows, key=lambda row: float(row["val_f1"]))
    assert record["best_epoch"] == int(best["epoch"])
    model = SequenceTagger.from_preset(preset)
    assert model.tokenizer.normalization == "plain"
    weights = model.weights
    assert record["parameters"] == sum(np.prod(w.shape) for w in weights)
    assert str(output) not in (preset / "metrics.json").read_text("utf-8")
    assert figures["sentences"] == 500
    assert list(figures["types"]) == ["LOC", "ORG", "PER"]
    assert figures["scheme"].startswith("strict IOB2, seqeval ")
    assert 0 < figures["standard_error"] < 0.03
    card = (preset / "README.md").read_text("utf-8")
    f1 = f"{figures['f1']:.4f}"
    for part in (record["command"], f1, figures["scheme"], presets.SAVED_MODEL):
        assert part in card
    assert f"F1          {f1} ± {figures['standard_error']:.4f}" in printed


@pytest.mark.slow
def test_the_saved_model_scores_what_the_metrics_say(trained, sentences):
    preset = trained[0] / "preset"
    true = [tags for _, tags in sentences]
    found = f1_score(true, serve(preset, sentences), mode="strict", scheme=IOB2)
    figures = read_json(preset / "metrics.json")["evaluations"][TEST]
    assert figures["f1"] == pytest.approx(found, abs=1e-12)
    assert figures["tokens"] == sum(map(len, true))


@pytest.mark.slow
def test_evaluate_reproduces_the_metrics_and_writes_card_and_columns(
    preset, data_dir, sentences
):
    before = read_json(preset / "metrics.json")
    card = (preset / "README.md").read_text("utf-8")
    (preset / "README.md").write_text("lost")
    columns = preset.parent / "columns.conll"
    succeed("evaluate", "--model", preset, "--data-dir", data_dir, "--conll", columns)
    assert read_json(preset / "metrics.json") == before
    assert (preset / "README.md").read_text("utf-8") == card
    blocks = columns.read_text("utf-8").removesuffix("\n\n").split("\n\n")
    rows = [[line.split(" ") for line in block.split("\n")] for block in blocks]
    found = [[list(column) for column in zip(*row, strict=True)] for row in rows]
    assert [(tokens, tags) for tokens, tags, _ in found] == sentences
    assert [guesses for _, _, guesses in found] == serve(preset, sentences)

    # Read back, the model's own tags are the truth.
    printed = succeed("evaluate", "--model", preset, "--file", columns)
    assert "measuring on columns.conll, 500 sentences" in printed
    evaluations = read_json(preset / "metrics.json")["evaluations"]
    assert evaluations.pop("columns.conll")["f1"] == 1.0
    assert evaluations == before["evaluations"]


@pytest.mark.slow
def test_a_finished_training_resumed_gives_the_same_preset(trained, tmp_path):
    output = tmp_path / "run"
    shutil.copytree(trained[0], output)
    shutil.rmtree(output / "preset")
    succeed("train", "--output", output, "--resume")
    first, second = (folder / "preset" for folder in (trained[0], output))
    assert_same_weights(first, second)
    first, second = (read_json(p / "metrics.json") for p in (first, second))
    assert first["evaluations"] == second["evaluations"]


def assert_same_weights(*folders):
    models = map(SequenceTagger.from_preset, folders)
    for weight, other in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(weight, other)
