"""A user's mistakes with the tagger: exit code 2 and one line that says what to do."""

import pytest

from tasks import ner

MISTAKES = {
    "two forms": (
        ["predict", "--json", "--conll", "A text."],
        "Results are JSON or CoNLL's columns, not both.",
    ),
    "tokens twice": (
        ["predict", "--tokens", "--tokens-column", "0", "A text."],
        "--tokens-column, not both",
    ),
    "no training file": (
        ["train", "--test-file", "x"],
        "--test-file goes with --train",
    ),
    "no file": (["train", "--train-file", "/no/file"], "/no/file can't be read"),
    "scheme": (["train", "--scheme", "iob3"], "Did you mean 'iob2'?"),
    "units of no characters": (
        ["train", "--character-features", "none", "--character-units", 9],
        "--character-units goes with --character-features rnn or cnn,",
    ),
    "characters": (["train", "--character-features", "q"], "There are: rnn, cnn, none"),
}
DATASET_MISTAKES = {
    "column": (
        ["--tags-column", "tgas"],
        "Unknown column 'tgas'. Did you mean 'tags'?",
    ),
    "no tags": (
        ["--tokens-column", "tags"],
        "can't be the tokens. Columns that can: t",
    ),
    "split": (["--train-split", "trian"], "Did you mean 'train'?"),
    "dataset": (
        ["--dataset", "synthetic/entites"],
        "Did you mean 'synthetic/entities'?",
    ),
    "no tagged one": (
        ["--dataset", "synthetic/reviews"],
        "no column that can be the tok",
    ),
}
OUT_OF_RANGE = {
    "--min-count": 0,
    "--word-units": 0,
    "--lowercase-units": 0,
    "--units": -1,
    "--layers": 0,
    "--character-units": 0,
    "--character-embedding-units": 0,
    "--vocabulary-size": 4,
    "--word-dropout": 1,
    "--dropout": -0.1,
}
LINES = "Ann B-PER\nmet O\n\nin O\nRome B-LOC\n"


@pytest.fixture
def tell(run):
    """Runs a command that fails, and returns the line that it wrote on stderr."""

    def tell(*argv):
        outcome = run(*argv, template=ner.TEMPLATE)
        assert outcome.code == 2, outcome
        [line] = outcome.err.splitlines()
        assert line.startswith("python -m tasks.ner")
        assert "Traceback" not in line
        return line

    return tell


@pytest.mark.parametrize(("argv", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(tell, argv, told):
    assert told in tell(*argv)


@pytest.mark.parametrize(("flag", "value"), OUT_OF_RANGE.items())
def test_a_number_out_of_range_is_told_with_its_flag(tell, tmp_path, flag, value):
    line = tell("train", "--output", tmp_path / "run", f"{flag}={value}")
    assert f"{flag} must be" in line
    assert f"found {value}" in line


@pytest.mark.parametrize(
    ("flags", "told"), DATASET_MISTAKES.values(), ids=DATASET_MISTAKES
)
def test_what_a_dataset_does_not_have_is_told(tell, data_dir, tmp_path, flags, told):
    where = ("--data-dir", data_dir, "--output", tmp_path / "run")
    assert told in tell("train", *where, *flags)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tell_of_file(tell, tmp_path):
    """Trains on a file with these flags, which fails."""
    path = tmp_path / "train.conll"

    def tell_of_file(text, *flags):
        path.write_text(text, "utf-8")
        line = tell("train", "--train-file", path, "--output", tmp_path / "x", *flags)
        assert not (tmp_path / "x").exists()
        return line

    return tell_of_file


def test_a_line_without_a_tag_is_named(tell_of_file):
    assert "train.conll, line 3, lacks a token" in tell_of_file("Ann B-PER\n\nmet\n")


def test_tags_that_follow_no_scheme_are_told(tell_of_file):
    told = tell_of_file(LINES + "\n. PUNCT\n. PUNCT\n")
    assert "The tags of train.conll" in told
    assert "'PUNCT'" in told


def test_a_file_without_blank_lines_is_told(tell_of_file):
    told = tell_of_file("Ann B-PER\nmet O\n" * 9)
    assert "train.conll has one sentence, of 18 tokens." in told
    assert "blank lines separate sentences" in told


def test_one_tag_only_is_told(tell_of_file):
    told = tell_of_file("Ann O\n\nmet O\n\nBob O\n")
    assert "All tokens of train.conll (less 10%) have the tag 'O'" in told


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--tags-column", "nre"], "Unknown column of"),
        (["--tags-column", "7"], "lacks a token or a tag in column 7"),
        (["--tokens-column", "ner"], "tokens and tags both in column 1 (ner)"),
    ],
)
def test_columns_of_a_file_that_are_not_there_are_told(tell_of_file, flags, told):
    assert told in tell_of_file("word\tner\nAnn\tB-PER\nmet\tO\n", *flags)


def test_plain_tags_are_not_converted(tell_of_file):
    told = tell_of_file("a DT\n\nb NN\n", "--scheme", "iobes")
    assert "Plain tags mark no entities" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a 1 2\nb 1 2 3\n", "line 2: expected a token and 2 numbers"),
        ("2 3\na 1 2 3\nb 1 2\n", "line 3: expected a token and 3 numbers"),
        ("a 1 x\n", "line 1: number 2 must be finite"),
        ("", "is empty"),
        (None, "No such file"),
    ],
)
def test_word_vectors_that_do_not_fit_are_named_by_their_line(
    tell_of_file, tmp_path, text, told
):
    path = tmp_path / "vectors.txt"
    if text is not None:
        path.write_text(text)
    line = tell_of_file(LINES, "--vectors", path)
    assert "error: --vectors: " in line
    assert str(path) in line
    assert told in line


@pytest.mark.slow
def test_the_fault_of_an_evaluation_is_told(tell, tagger, preset, data_dir, tmp_path):
    def told(*flags):
        return tell("evaluate", "--model", tagger, "--data-dir", data_dir, *flags)

    (tmp_path / "plain.conll").write_text("a DT\n\nb NN\n")
    assert "plain.conll doesn't fit the model" in told(
        "--file", tmp_path / "plain.conll"
    )
    assert "not both" in told("--file", "x", "--split", "test")
    assert "--batch-size must be at least 1" in told("--batch-size", 0)
    assert "/no/file can't be read" in told("--file", "/no/file")
    named = ("--dataset", "synthetic/entities")
    assert "Did you mean 'test'?" in told(*named, "--split", "tset")
    assert "Did you mean 'tags'?" in told(*named, "--tags-column", "tag")
    assert "has no dataset on record" in told()
    assert "holds a SequenceClassifier" in tell("evaluate", "--model", preset)
