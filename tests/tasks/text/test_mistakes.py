"""What is wrong with what the template of texts is given: code 2 and one line."""

import pytest

from tasks import text
from tasks.errors import UserError
from tasks.text import batches, corpus, explanation
from tests.zoo.models.language_models import make

MISTAKES = {
    "pieces of no subwords": (
        ["train", "--level", "word", "--split-punctuation"],
        "--split-punctuation goes with --level subword",
    ),
    "sharpness of no cache": (
        ["train", "--cache-sharpness", 9],
        "--cache-sharpness goes with --cache,",
    ),
    "temperature": (["generate", "--temperature", -1], "--temperature must be at"),
    "no number": (["generate", "--temperature", "nan"], "--temperature must be"),
    "top-p 0": (["generate", "--top-p", 0], "--top-p must be in (0, 1], found 0.0"),
    "top-p": (["generate", "--top-p", 1.5], "--top-p must be in (0, 1], found 1.5"),
    "top-k": (["generate", "--top-k", -1], "--top-k must be at least 0"),
    "length": (["generate", "--length", -1], "--length must be at least 0"),
    "count": (["generate", "--count", 0], "--count must be at least 1"),
    "seed": (["generate", "--seed", -1], "--seed must be at least 0"),
    "penalty": (["generate", "--repetition-penalty", 0], "must be above 0"),
    "long": (["generate", "--length", 2**31], "--length must be in [0, 2147483648)"),
    "large seed": (["generate", "--seed", 2**63], "--seed must be in [0, "),
    "stop": (["generate", "--stop", ""], "--stop must not be empty"),
    "preset": (["generate", "--model", "no"], "Unknown preset 'no'"),
    "score": (["score", "--model", "no", "A text."], "Unknown preset 'no'"),
    "text twice": (["rank", "A text.", "--input", "x"], "not both"),
    "no predict": (["predict", "A text."], "There are: train, evaluate, generate"),
    "word": (["explain", "A text.", "--alternatives", ""], "must not be empty"),
    "texts": (["explain", "A text.", "Another."], "one text, found 2"),
    "window": (["train", "--window", 0], "--window must be at least 1"),
    "window of no stream": (
        ["train", "--sentences", "--window", 9],
        "--window goes with --no-sentences, and changes nothing without it",
    ),
    "hold out": (["train", "--hold-out", 1], "--hold-out must be in [0, 1)"),
    "samples": (["train", "--samples", 0], "--samples must be at least 1"),
    "weights": (
        ["train", "--recurrent-weight-dropout", 1],
        "--recurrent-weight-dropout must be in [0, 1), found 1.0",
    ),
    "cache": (["train", "--cache", -1], "--cache must be at least 0, found -1"),
    "sharpness": (
        ["train", "--cache", 9, "--cache-sharpness", 0],
        "--cache-sharpness must be above 0, found 0.0",
    ),
    "threshold": (
        ["train", "--cache-threshold", 2],
        "--cache-threshold must be in [-1, 1]",
    ),
    "rate": (["score", "--dynamic-rate", 1, "A text."], "--dynamic-rate goes with"),
    "span": (["evaluate", "--dynamic-window", 9], "--dynamic-window goes with"),
    "rows": (
        ["evaluate", "--dynamic", "--batch-size", 9],
        "--batch-size does nothing with --dynamic",
    ),
    "windows": (
        ["evaluate", "--dynamic", "--window", 9],
        "--window does nothing with --dynamic",
    ),
    "level": (["train", "--level", "words"], "Did you mean 'word'?"),
    "no files": (["train", "--files", "/no/*.txt"], "No file fits --files"),
}


@pytest.fixture
def text_run(run):
    return lambda *argv: run(*argv, template=text.TEMPLATE)


def check(outcome, *told):
    """Checks that a mistake was told in one line that contains `told`."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert line.startswith("python -m tasks.text")
    for part in told:
        assert part in line


@pytest.mark.parametrize(("argv", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(text_run, tmp_path, argv, told):
    where = ["--output", tmp_path / "run"] if argv[0] == "train" else []
    check(text_run(*argv, *where), told)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_utf8_is_named(text_run, tmp_path):
    (tmp_path / "good.txt").write_text("A text.")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    files = ("--files", tmp_path / "*.txt")
    outcome = text_run("train", "--output", tmp_path / "run", *files)
    check(outcome, f"{tmp_path / 'latin.txt'} is not UTF-8: in line 1, byte 3")
    assert not (tmp_path / "run").exists()


def test_texts_smaller_than_one_window_are_told(text_run, tmp_path):
    (tmp_path / "a.txt").write_text("A short text, and no more.")
    files = ("--files", tmp_path / "*.txt", "--units", 2, "--embedding-units", 2)
    outcome = text_run("train", "--output", tmp_path / "run", *files)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert "only 25 tokens to train on, less than one window of 64" in line
    assert not (tmp_path / "run").exists()


def test_texts_without_words_are_told(monkeypatch, text_run, tmp_path):
    model = make(["the"], level="word")
    monkeypatch.setattr("zoo.models.LanguageModel.from_preset", lambda name: model)
    check(text_run("generate", "--stop", " "), "--stop ' ' holds no words")
    (tmp_path / "blank.txt").write_text(" \n")
    texts = corpus.read_files(str(tmp_path / "*"))
    with pytest.raises(UserError, match="holds no words"):
        batches.batches(model, texts, 2, 2)


@pytest.mark.slow
def test_units_without_gates_and_texts_too_long_are_told(monkeypatch, text_run):
    models = {"simple": make(cell="rnn"), "gated": make(cell="gru")}
    monkeypatch.setattr("zoo.models.LanguageModel.from_preset", models.get)
    check(text_run("explain", "--model", "simple", "ab"), "which have no gates")
    check(text_run("explain", "--model", "gated", "a" * 301), "at most 300", "301")
    assert explanation.describe("", []) == ""
