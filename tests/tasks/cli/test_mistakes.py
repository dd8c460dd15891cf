"""A user's mistakes: exit code 2 and one line on stderr that says what to do."""

import dataclasses
import io
import os

import pytest

from tasks import music, sentiment, text, translation
from tasks.training import fitting as training
from tests.tasks.templates import recording

MISTAKES = {
    "large batch size": (
        ["predict", "--batch-size", 2**31, "A text."],
        "--batch-size must be in [0, 2147483648), found 2147483648",
    ),
    "unknown flag": (["train", "--epoch", 3], "Did you mean '--epochs'?"),
    "unknown flag =": (["train", "--epoch=3"], "Did you mean '--epochs'?"),
    "unknown command": (["trian"], "Did you mean 'train'?"),
    "unknown choice": (["train", "--cell", "gruu"], "Did you mean 'gru'?"),
    "strange choice": (["train", "--cell", "q"], "There are: rnn, gru, lstm, m"),
    "no number": (["train", "--epochs", "many"], "--epochs"),
    "no value": (["train", "--epochs"], "--epochs"),
    "stray argument": (["train", "stray"], "stray"),
    "batch size 0": (["predict", "--batch-size", 0, "A text."], "--batch-size"),
    "evaluated 0": (["evaluate", "--batch-size", 0], "--batch-size"),
    "no output": (["export"], "--output"),
    "preset": (["predict", "--model", "no", "A text."], "Unknown preset 'no'"),
    "preset evaluated": (["evaluate", "--model", "no"], "Unknown preset 'no'"),
    "text twice": (["predict", "A text.", "--input", "x"], "not both"),
    "input twice": (
        ["predict", "--input", "a", "--input=b"],
        "--input takes one file, and is given twice. Put several files together first",
    ),
    "file twice": (
        ["train", "--train-file", "a.csv", "--train-file", "b.csv"],
        "--train-file takes one file, and is given twice",
    ),
    "datasets twice": (
        ["train", "--dataset", "a", "--dataset", "b"],
        "--dataset is given twice: give it once, with all its values",
    ),
    "epochs of no pretraining": (
        ["train", "--pretrain-epochs", 7],
        "--pretrain-epochs goes with --pretrain-split, and changes nothing without it",
    ),
    "buckets of no n-grams": (
        ["train", "--workers", 2, "--ngram-buckets", 7],
        "--ngram-buckets goes with --ngrams,",
    ),
    "value of a switch": (
        ["predict", "--json=no"],
        "--json: takes no value, found 'no'",
    ),
    "text like a flag": (["predict", "-x"], "put -- before all texts: … -- -x"),
    "missing input": (["predict", "--input", "/no/file"], "/no/file can't be read"),
    "folder as input": (["predict", "--input", "/tmp"], "/tmp can't be read"),
    "order without runner": (
        ["predict", "--keep-order", "A text."],
        "--keep-order goes with --runner.",
    ),
    "SavedModel without runner": (
        ["predict", "--saved-model", "x", "A text."],
        "--saved-model goes with --runner.",
    ),
    "empty input": (["predict", "--input", os.devnull], "is empty"),
}
OUT_OF_RANGE = {
    "--epochs": [0, -1],
    "--batch-size": [0],
    "--learning-rate": [0, -0.1],
    "--patience": [0],
    "--buckets": [0],
    "--max-length": [0],
    "--embedding-units": [0],
    "--units": [-3],
    "--layers": [0],
    "--min-count": [0],
    "--vocabulary-size": [4],
    "--embedding-dropout": [1, -0.1],
    "--dropout": [1.0, 2],
    "--pretrain-epochs": [0],
    "--pretrain-learning-rate": [0],
    "--pretrain-batch-size": [0],
    "--pretrain-window": [1],
}
# What float32 holds no number near.
BEYOND = [
    (sentiment, "train", "--learning-rate", "1e39", "above 0 and at most 3.402823e+38"),
    (sentiment, "train", "--learning-rate", "1e-39", "above 0, 1.175494e-38 at least"),
    (text, "generate", "--temperature", "1e308", "at least 0 and at most 3.402823e+38"),
    (text, "generate", "--top-p", "1e-50", "above 0, 1.175494e-38 at least"),
    (text, "generate", "--repetition-penalty", "1e-50", "1.175494e-38 at least"),
    (text, "score", "--dynamic-rate", "1e99", "at most 3.402823e+38"),
    (translation, "translate", "--length-penalty", "1e308", "at most 3.402823e+38"),
    (translation, "translate", "--length-penalty", "-1e9", "at least 0, found"),
    (music, "generate", "--temperature", "1e39", "at most 3.402823e+38"),
]


def check(outcome, *told):
    """Checks that a mistake was told in one line that contains `told`."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert line.startswith("python -m tasks.sentiment")
    assert ": error: " in line
    assert "Traceback" not in line
    for part in told:
        assert str(part) in line


@pytest.mark.parametrize(("argv", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(run, argv, told):
    check(run(*argv), told)


@pytest.mark.parametrize(
    ("flag", "value"),
    [(flag, value) for flag, values in OUT_OF_RANGE.items() for value in values],
)
def test_a_number_out_of_range_is_told_with_its_flag(run, tmp_path, flag, value):
    outcome = run("train", "--output", tmp_path / "run", f"{flag}={value}")
    check(outcome, f"{flag} must be", f"found {value}")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--seed", -1),
        ("--seed", 2**32),
        ("--clip-norm", -1),
        ("--clip-value", -1),
        ("--learning-rate", "nan"),
        ("--learning-rate", "inf"),
    ],
)
def test_a_number_without_sense_is_told_with_its_flag(run, tmp_path, flag, value):
    template = dataclasses.replace(sentiment.TEMPLATE, train=lambda *arguments: None)
    flags = ["--clip-norm=0", f"{flag}={value}"]
    check(run("train", "--output", tmp_path, *flags, template=template), flag, value)


@pytest.mark.parametrize(
    ("template", "command", "flag", "value", "told"),
    BEYOND,
    ids=[f"{flag} {value}" for *_, flag, value, _ in BEYOND],
)
def test_numbers_that_float32_lacks_are_told_before_there_is_work(
    run, monkeypatch, tmp_path, template, command, flag, value, told
):
    monkeypatch.setattr("zoo.presets.load", lambda _: pytest.fail("a model was loaded"))
    argv = {"score": ["a", "--dynamic"], "translate": ["a"]}.get(command, [])
    if command == "train":
        argv = ["--output", tmp_path / "run"]
    outcome = run(command, *argv, flag, value, template=template.TEMPLATE)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert f"{flag} must be " in line
    assert told in line


def test_what_is_a_negative_number_is_a_text(run):
    template, texts = recording(sentiment.TEMPLATE, "predict")
    given = ["-1", "-.5e3", "-1E-9", "- a"]
    assert run("predict", *given, template=template).code == 0
    assert texts == [each.encode() for each in given]


def test_clipping_twice_is_a_mistake(run, tmp_path):
    check(run("train", "--output", tmp_path, "--clip-value", 1), "--clip-norm 0")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--dataset", "synthetic/review", "Did you mean 'synthetic/reviews'?"),
        ("--dataset", "imbd_reviews", "Did you mean 'imdb_reviews'?"),
        ("--text-column", "txet", "Did you mean 'text'?"),
        ("--label-column", "text", "can't be the label"),
        ("--train-split", "trian", "Did you mean 'train'?"),
        ("--min-count", 10**9, "No word occurs 1000000000 times in the training texts"),
        ("--pretrain-split", "tests", "Did you mean 'test'?"),
    ],
)
def test_what_a_dataset_does_not_have_is_told(
    run, data_dir, tmp_path, flag, value, told
):
    outcome = run(
        "train", "--data-dir", data_dir, "--output", tmp_path / "run", flag, value
    )
    # What was found of the dataset may have been printed by then.
    check(dataclasses.replace(outcome, out=""), told)


def test_a_mistake_leaves_no_folder_behind(run, data_dir, tmp_path):
    run("train", "--output", tmp_path / "run", "--epochs", 0)
    run("train", "--output", tmp_path / "run", "--dataset", "synthetic/review")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_evaluation_tells_of_unknown_splits_and_classes(run, preset, data_dir):
    told = ["evaluate", "--model", preset, "--data-dir", data_dir, "--dataset"]
    outcome = run(*told, "synthetic/reviews", "--split", "tset")
    check(outcome, "Did you mean 'test'?")
    outcome = run(*told, "synthetic/stars")
    check(outcome, "classes 1, 2, 3, 4, 5", "knows neg, pos")


def test_an_output_that_holds_a_training_is_left_alone(run, tmp_path):
    (tmp_path / training.CHECKPOINTS).mkdir()
    check(run("train", "--output", tmp_path), tmp_path, "--resume", "--output")


def test_nothing_to_resume_is_told(run, tmp_path):
    outcome = run("train", "--output", tmp_path / "none", "--resume")
    check(outcome, "Nothing to resume", tmp_path / "none")


def test_an_output_in_the_way_is_told(run, data_dir, tmp_path):
    (tmp_path / "file").write_text("in the way")
    outcome = run("train", "--data-dir", data_dir, "--output", tmp_path / "file" / "x")
    check(outcome, tmp_path / "file")


@pytest.mark.parametrize(
    "argv",
    [
        ["train", "--output", "gs://bucket/run"],
        ["export", "--model", "PRESET", "--output", "gs://bucket/model"],
        ["predict", "--model", "PRESET", "a", "--output", "gs://answers.txt"],
        ["pack", "PRESET", "--output", "gs://bucket/small.zip"],
    ],
    ids=lambda argv: argv[0],
)
def test_an_output_that_is_a_url_is_told(run, preset, tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    outcome = run(*(preset if each == "PRESET" else each for each in argv))
    check(outcome, f"--output: {argv[-1]} is a URL", "give a path here")
    assert not list(tmp_path.iterdir())


def test_an_export_that_cannot_be_written_is_told(run, preset, tmp_path):
    (tmp_path / "file").write_text("in the way")
    outcome = run("export", "--model", preset, "--output", tmp_path / "file" / "x")
    check(outcome, tmp_path / "file")


def test_an_export_into_another_folder_is_told(run, preset, tmp_path):
    (tmp_path / "file").write_text("of mine")
    outcome = run("export", "--model", preset, "--output", tmp_path)
    check(outcome, f"{tmp_path} is in the way: it has no saved_model.pb. Give another")


@pytest.mark.parametrize("value", ["inf", "nan", "-inf"])
def test_what_is_no_number_is_out_of_range(run, value):
    outcome = run("train", f"--learning-rate={value}")
    bound = "above 0 and finite" if value == "inf" else "above 0"
    check(outcome, f"--learning-rate must be {bound}, found {value}.")


def test_an_input_without_permission_is_told(run, tmp_path, monkeypatch):
    opened = open

    def denied(path, *arguments, **kwargs):
        if str(path) == str(tmp_path / "x"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *arguments, **kwargs)

    monkeypatch.setattr("builtins.open", denied)
    outcome = run("predict", "--input", tmp_path / "x")
    monkeypatch.undo()
    check(outcome, f"{tmp_path / 'x'} can't be read: Permission denied.")


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


@pytest.mark.parametrize("argv", [["predict"], ["predict", "--input", "-"]])
def test_nothing_on_standard_input_is_told(run, monkeypatch, argv):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    check(run(*argv), "Standard input is empty")
    monkeypatch.setattr("sys.stdin", None)
    check(run(*argv), "Nothing to predict")


def test_a_terminal_is_not_waited_for(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal(io.BytesIO(b"never read\n")))
    check(run("predict"), "Nothing to predict", "--input")


def test_a_damaged_preset_is_told(run, preset, tmp_path):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text((preset / "config.json").read_text())
    check(run("predict", "--model", damaged, "A text."), "Damaged preset", "missing")
