"""Trainings on files in CoNLL's columns and on sentences that are hard to train on."""

import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tasks import ner
from tasks.data import builders as data
from tests.cell_by_cell import cell_by_cell
from tests.tasks import commands, interruption
from tests.tasks.commands import history, read_json
from tests.tasks.ner.stored import Stored
from tests.tasks.one_signature import one_signature
from zoo.models import SequenceTagger

TINY = """
    --epochs 1 --batch-size 16 --buckets 2 --units 4 --word-units 3 --lowercase-units 2
    --min-count 1 --character-features none
"""


def train(output, *flags):
    argv = ("--output", output, *TINY.split(), *flags)
    return commands.succeed(ner.TEMPLATE, "train", *argv)


def evaluate(preset, *flags):
    return commands.succeed(ner.TEMPLATE, "evaluate", "--model", preset, *flags)


def record(preset):
    return read_json(preset / "metrics.json")["training"]


def write(path, sentences):
    """Writes sentences of (token, tag) pairs."""
    blocks = ["\n".join(f"{word} {tag}" for word, tag in row) for row in sentences]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")
    return path


def draw(count, seed, *tags):
    """Draws sentences of one length: two names, what they did, where, and a dot."""
    rng = random.Random(seed)
    words = ["Ann", "Bob", "Eve"], ["Lee", "Day"], ["met", "sat"], ["Rome", "Oslo"]
    return [
        list(zip([*map(rng.choice, words), "."], tags, strict=True))
        for _ in range(count)
    ]


NAMES = "B-PER", "I-PER", "O", "B-LOC", "O"
PARTS = "NOUN", "NOUN", "VERB", "NOUN", "PUNCT"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A training whose tags are converted, on three files; what it printed, a folder.

    Only the file to choose on has organisations.
    """
    folder = tmp_path_factory.mktemp("files")
    validation = draw(15, 1, *NAMES) + draw(1, 1, "B-ORG", "I-ORG", "O", "B-LOC", "O")
    parts = {"train": draw(16, 0, *NAMES), "validation": validation}
    parts["test"] = draw(16, 2, *NAMES)
    flags = ["--cell", "gru", "--scheme", "iobes"]
    for name, sentences in parts.items():
        flags += [f"--{name}-file", write(folder / f"{name}.conll", sentences)]
    with cell_by_cell(), one_signature():
        return train(folder / "run", *flags), folder


@pytest.mark.slow
def test_tags_are_converted_and_those_that_train_never_has_are_known(converted):
    printed, folder = converted
    model = SequenceTagger.from_preset(folder / "run" / "preset")
    types = ("PER", "LOC", "ORG")
    assert model.tags == ("O", *(f"{p}-{x}" for x in types for p in "BIES"))
    assert (model.scheme, model.config["cell"]) == ("iobes", "gru")
    assert "iobes, converted from iob2" in printed
    assert "never seen  B-LOC, B-ORG, E-LOC, E-ORG" in printed
    assert float(history(folder / "run")[0]["val_loss"]) < np.inf


@pytest.mark.slow
def test_a_preset_remembers_its_files_without_their_folders(converted):
    _, folder = converted
    preset = folder / "run" / "preset"
    told = record(preset)
    assert told["train"] == "train.conll"
    assert told["chosen_on"] == "validation.conll"
    assert told["scheme"] == "iobes"
    assert "--train-file train.conll --validation-file validation." in told["command"]
    assert "--dataset" not in told["command"]
    [source] = read_json(preset / "metrics.json")["evaluations"]
    assert source == "test.conll"
    for name in ("metrics.json", "README.md", "config.json"):
        assert str(folder) not in (preset / name).read_text("utf-8")


@pytest.mark.slow
def test_a_file_is_measured_in_the_models_scheme(converted, tmp_path):
    preset = shutil.copytree(converted[1] / "run" / "preset", tmp_path / "preset")
    tags = "B-PER", "I-PER", "O", "B-SHIP", "O"
    given = write(tmp_path / "iob2.conll", draw(3, 3, *tags))
    printed = evaluate(preset, "--file", given, "--conll", tmp_path / "out.conll")
    assert "note: the model knows no S-SHIP, and so misses all of them." in printed
    lines = (tmp_path / "out.conll").read_text("utf-8").split("\n\n")[0].split("\n")
    true = [line.split(" ")[1] for line in lines]
    assert true == ["B-PER", "E-PER", "O", "S-SHIP", "O"]
    figures = read_json(preset / "metrics.json")["evaluations"]["iob2.conll"]
    assert figures["types"]["SHIP"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "entities": 3,
    }


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_columns_that_were_trained_on_are_measured_on(tmp_path):
    rows = draw(20, 0, *NAMES)
    lines = [
        [f"{n}\t{word}\tX\t_\t{tag}" for n, (word, tag) in enumerate(row, 1)]
        for row in rows
    ]
    text = "\n\n".join("\n".join(row) for row in lines)
    (tmp_path / "own.conllu").write_text(text + "\n")
    given = "--train-file", tmp_path / "own.conllu", "--tags-column", 2
    with pytest.raises(AssertionError):  # all tags are X
        train(tmp_path / "none", *given)
    given = "--train-file", tmp_path / "own.conllu", "--tags-column", 4
    printed = train(tmp_path / "run", *given, "--tokens-column", "-4", "--cell", "rnn")
    assert "columns     1, 4\n" in printed
    preset = tmp_path / "run" / "preset"
    told = record(preset)
    assert (told["tokens_column"], told["tags_column"]) == ("-4", "4")
    assert "--tokens-column -4 --tags-column 4 --train-file own" in told["command"]
    tags = SequenceTagger.from_preset(preset).tags
    assert {*tags} == {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}
    printed = evaluate(preset, "--file", tmp_path / "own.conllu")
    assert "file        own.conllu, columns 1, 4\n" in printed
    swapped = tmp_path / "swapped.conll"
    swapped.write_text("I-PER\tLee\nO\tsat\n")
    printed = evaluate(
        preset, "--file", swapped, "--tokens-column", 1, "--tags-column", 0
    )
    assert "columns 1, 0\n" in printed


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A training on a file of parts of speech with word vectors, and one alike.

    What it printed, the folder of both, and the weights of the other.
    """
    folder = tmp_path_factory.mktemp("plain")
    write(folder / "train.conll", draw(40, 0, *PARTS))
    # The dimension is the file's own; "Ann" is in the training sentences.
    vectors = "<UNK> 9 9\nAnn 0.5 -1\nelsewhere 1.5 2.5\nbeyond 0 0\n"
    (folder / "vectors.txt").write_text(vectors)
    flags = ["--cell", "rnn", "--train-file", folder / "train.conll"]
    # Four special ids, ten words in the sentences, and one more.
    flags += ["--vectors", folder / "vectors.txt", "--vocabulary-size", 15]
    with cell_by_cell():
        printed = train(folder / "one", *flags)
        argv = folder / "two", *TINY.split(), *flags
        return printed, folder, interruption.weights(ner.TEMPLATE, *argv)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(plain):
    _, folder, expected = plain
    assert history(folder / "one") == history(folder / "two")
    model = SequenceTagger.from_preset(folder / "one" / "preset")
    for weight, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.slow
def test_without_a_validation_file_a_tenth_is_chosen_on(plain):
    printed, folder, _ = plain
    told = record(folder / "one" / "preset")
    assert told["train"] == "train.conll (less 10%)"
    assert told["chosen_on"] == "train.conll (a random 10%)"
    assert "test        none" in printed
    card = (folder / "one" / "preset" / "README.md").read_text("utf-8")
    assert told["command"] in card
    assert "Measured" not in card


@pytest.mark.slow
def test_words_begin_with_the_vectors_that_were_given(plain):
    printed, folder, _ = plain
    assert f"vectors     3 words of {folder / 'vectors.txt'}" in printed
    model = SequenceTagger.from_preset(folder / "one" / "preset")
    assert model.config["word_units"] == 2
    words = model.vocabularies["words"].tokens
    assert len(words) == 15
    assert "beyond" not in words
    table = model.get_layer("words").embeddings.numpy()
    # Training has moved the other's.
    np.testing.assert_array_equal(table[words.index("elsewhere")], [1.5, 2.5])
    np.testing.assert_allclose(table[words.index("Ann")], [0.5, -1], atol=0.05)


@pytest.mark.slow
def test_plain_tags_are_measured_one_by_one(plain, tmp_path):
    preset = shutil.copytree(plain[1] / "one" / "preset", tmp_path / "preset")
    sentences = draw(30, 4, *PARTS)
    evaluate(preset, "--file", write(tmp_path / "test.conll", sentences))
    loaded = tf.saved_model.load(preset / "saved_model")
    tokens = tf.constant([[word for word, _ in row] for row in sentences])
    found = loaded.signatures["tag_tokens"](tokens=tokens)["tags"].numpy()
    true = np.array([[tag.encode() for _, tag in row] for row in sentences])
    figures = read_json(preset / "metrics.json")["evaluations"]["test.conll"]
    assert figures["scheme"] == "plain"
    assert figures["accuracy"] == np.mean(found == true)
    assert figures["tags"]["NOUN"]["tokens"] == 90
    assert "f1" not in figures


@pytest.mark.slow
def test_a_preset_of_files_is_measured_on_what_is_named_only(run, plain):
    preset = plain[1] / "one" / "preset"
    outcome = run("evaluate", "--model", preset, template=ner.TEMPLATE)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert "--dataset" in line
    assert "--file" in line


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_empty_and_very_long_sentences_are_trained_on(monkeypatch, tmp_path):
    """As conll2002 has them; and with --mirrored, on the CPU alone."""
    teddy = [("Teddy", 1), ("Roosevelt", 2), ("slept", 0), ("", 0)]
    long = teddy * 309 + [("x y", 0)] * 2
    splits = {"train": [[], long, *[teddy] * 15], "test": [teddy, [], long]}
    stored = Stored({**splits, "validation": [teddy] * 16})
    monkeypatch.setattr(data, "load_builder", lambda *_: stored)
    train(tmp_path, "--cell", "lstm", "--mirrored")
    told = record(tmp_path / "preset")
    assert told["dataset"] == ["stored:1.0.0"]
    assert (told["tokens_column"], told["tags_column"]) == ("tokens", "ner")
    metrics = read_json(tmp_path / "preset" / "metrics.json")
    figures = metrics["evaluations"]["stored/1.0.0/test"]
    assert (figures["sentences"], figures["tokens"]) == (2, 4 + 1238)
    assert figures["types"]["PER"]["entities"] == 310
    assert metrics["citations"] == {"stored/1.0.0": "@misc{stored}"}
    assert SequenceTagger.from_preset(tmp_path / "preset").config["cell"] == "lstm"
