"""What is wrong with what the template of translation is given: code 2, one line."""

import sys

import pytest

from tasks import translation
from tasks.errors import UserError
from tasks.translation import batches, measures
from tests.tasks.translation.test_corpus import pairs
from tests.zoo.models.translators import make

MISTAKES = {
    "large beam": (["translate", "a", "--beam", 2**31], "--beam must be in [0, 214"),
    "long": (["translate", "a", "--max-length", 10**400], "--max-length must be in"),
    "beam": (["translate", "--beam", 0, "x"], "--beam must be at least 1"),
    "n best": (["translate", "--n-best", 5, "x"], "from 1 to --beam, which is 4"),
    "penalty": (["translate", "--length-penalty", "nan", "x"], "--length-penalty"),
    "coverage": (["translate", "--coverage-penalty", -1, "x"], "at least 0"),
    "length": (["translate", "--max-length", 0, "x"], "--max-length must be at least"),
    "resume": (["translate", "--resume", "x"], "--resume goes with --output"),
    "preset": (["translate", "--model", "no", "x"], "Unknown preset 'no'"),
    "plot": (
        ["translate", "--attention-plot", "a.png", "--output", "a", "x"],
        "--attention-plot is of one text",
    ),
    "one text": (["score", "A text."], "found 1 texts"),
    "no text": (["score"], "Give a TEXT and its TRANSLATION, or two --files"),
    "both": (["score", "a", "b", "--files", "a", "b"], "or two --files of them"),
    "one file": (["score", "--files", "a"], "expected 2 arguments"),
    "split": (["evaluate", "--files", "a", "b", "--split", "test"], "not both"),
    "no predict": (["predict", "x"], "There are: train, evaluate, translate"),
    "level": (["train", "--level", "words"], "Did you mean 'word'?"),
    "units": (["train", "--units", 3], "units must be even, found 3"),
    "bridge": (
        ["train", "--bridge", "copy", "--encoder-layers", 2],
        "as many layers in the encoder as in the decoder",
    ),
    "nothing": (
        *(["train", "--attention", "none", "--context", "state", "--bridge", "zero"],),
        "nothing of the source gets to the decoder",
    ),
    "smoothing": (["train", "--label-smoothing", 1], "label_smoothing must be in"),
    "heads of no attention": (
        ["train", "--attention", "none", "--heads", 2],
        "--heads goes with attention, and changes nothing without it",
    ),
    "context beside attention": (
        ["train", "--context", "input"],
        "--context goes with --attention none,",
    ),
    "files twice": (
        ["train", "--files", "a", "b", "--files", "c", "d"],
        "--files takes 2 values, and is given twice: only the last ones would count.",
    ),
    "heads": (["train", "--heads", 0], "--heads must be at least 1"),
    "test files": (["train", "--test-files", "a", "b"], "goes with --files"),
    "new vocabulary": (["train", "--new-vocabulary"], "goes with --from-preset"),
    "no files": (["train", "--files", "/no", "/none"], "/no can't be read"),
}


@pytest.fixture
def translation_run(run):
    return lambda *argv: run(*argv, template=translation.TEMPLATE)


def check(outcome, *told):
    """Checks that a mistake was told in one line that contains `told`."""
    assert outcome.code == 2, outcome
    [line] = outcome.err.splitlines()
    assert line.startswith("python -m tasks.translation")
    for part in told:
        assert part in line


@pytest.mark.parametrize(("argv", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(translation_run, tmp_path, argv, told):
    where = ["--output", tmp_path / "run"] if argv[0] == "train" else []
    outcome = translation_run(*argv, *where)
    check(outcome, told)
    assert outcome.out == ""
    assert list(tmp_path.iterdir()) == []


def test_files_to_train_on_that_are_out_of_step_are_told(translation_run, tmp_path):
    paths = [tmp_path / "a.de", tmp_path / "a.en"]
    for path, content in zip(paths, ("eins\nzwei\n", "one\n"), strict=True):
        path.write_text(content)
    for command in ("train", "score"):
        where = ["--output", tmp_path / "run"] if command == "train" else []
        outcome = translation_run(command, "--files", *paths, *where)
        check(outcome, f"Line 2 of {paths[0]}, 'zwei', has no partner.")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_what_a_model_cannot_do_is_told(monkeypatch, translation_run, tmp_path):
    models = {"without": make(attention=None), "with": make()}
    monkeypatch.setattr("zoo.models.Translator.from_preset", models.get)
    check(
        translation_run(
            "translate", "--model", "without", "--coverage-penalty", 1, "a"
        ),
        "--coverage-penalty is about attention, which this model has none of",
    )
    plot = ("--attention-plot", tmp_path / "a.png")
    without = translation_run("translate", "--model", "without", *plot, "a")
    check(without, "This model has no attention")
    two = translation_run("translate", "--model", "with", *plot, "a", "b")
    check(two, "is of one text, found 2")
    empty = translation_run("translate", "--model", "with", *plot, "")
    check(empty, "shows 1 to 100 tokens", "found 0 and 0")
    assert list(tmp_path.iterdir()) == []


def test_missing_libraries_name_the_extra(monkeypatch):
    for module in ("sacrebleu", "tokenizers"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"Measuring translations.*install sacrebleu"):
        measures.measure(["a"], ["b"])
    with pytest.raises(UserError, match=r"Learning subwords.*install tokenizers"):
        batches.vocabularies(pairs(("a", "b")), "subword", 300, 1, False)
