"""Files and folders that can't be what they are given for: told before any work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import music, ner, sentiment, text, translation
from tasks.beam import command as beam_command
from tasks.cli import outputs, preset_classes
from tasks.errors import UserError
from tests.tasks.templates import TEMPLATES
from zoo import presets

ROOT = Path(outputs.__file__).parents[2]

templates = pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)


def check(outcome, *told):
    """Checks that a mistake was told in one line, and nothing else was."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert "Traceback" not in line
    for part in told:
        assert str(part) in line


@pytest.fixture
def unloadable(monkeypatch):
    """Has every model's loading fail the test: mistakes are told before it."""

    def load(name):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("zoo.presets.load", load)


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (sentiment, ["predict", "--output", "~/a/answers", "x"]),
        (translation, ["translate", "--output", "~/answers", "x"]),
        (sentiment, ["train", "--output", "~/runs"]),
        (sentiment, ["train", "--output", "~/runs", "--workers", "2"]),
        (music, ["generate", "--output", "~"]),
        (text, ["explain", "--output", "~/explained", "x"]),
    ],
)
def test_what_no_shell_has_put_the_home_in_is_told(
    run, unloadable, monkeypatch, tmp_path, template, argv
):
    monkeypatch.chdir(tmp_path)
    told = f"--output {argv[argv.index('--output') + 1]}: no shell has put"
    check(run(*argv, template=template.TEMPLATE), told)
    assert list(tmp_path.iterdir()) == []
    if argv[0] == "predict":  # a file may be called so
        outputs.check_file("~answers", "--output")
        (tmp_path / "~").mkdir()
        outputs.check_file("~/answers", "--output")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["predict", "--output", "", "x"], "--output: is empty. Give a path, or"),
        (["predict", "--output=", "x"], "--output: is empty"),
        (["predict", "--input", ""], "--input: is empty"),
        (["train", "--output", ""], "--output: is empty"),
        (["export", "--output", ""], "--output: is empty"),
        (["predict", "--output", "-", "x"], "a file called '-'. To have it printed"),
        (["predict", "--output", "made/", "x"], "made/ is a folder by its name"),
        (["predict", "--output", "a.jsonl", "x"], "a.jsonl is JSON lines by its name"),
        (["predict", "--output", "a.JSON", "x"], "give --json, or another name"),
    ],
)
def test_names_that_say_something_else_are_told(
    run, unloadable, monkeypatch, tmp_path, argv, told
):
    monkeypatch.chdir(tmp_path)
    check(run(*argv), told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["same", "hard link", "symbolic link", "partial"])
@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (translation, ["translate", "--input", "IN", "--output", "OUT"]),
        (translation, ["translate", "--input", "IN", "--attention-plot", "OUT"]),
        (translation, ["evaluate", "--files", "X", "IN", "--translations", "OUT"]),
        (ner, ["evaluate", "--file", "IN", "--conll", "OUT"]),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else each.__name__,
)
def test_what_is_read_is_not_written_over(
    run, unloadable, tmp_path, template, argv, kind
):
    given, out = tmp_path / "in", tmp_path / "out"
    given.write_text("a b\n")
    (tmp_path / "x").write_text("a b\n")
    if kind == "hard link":
        out.hardlink_to(given)
    elif kind == "symbolic link":
        out.symlink_to(given)
    elif kind == "same":
        out = tmp_path / "folder" / ".." / "in"
        (tmp_path / "folder").mkdir()
    elif argv[-2] != "--output":
        return
    else:
        given = given.rename(tmp_path / "out.partial")
    names = {"IN": given, "OUT": out, "X": tmp_path / "x"}
    outcome = run(*(names.get(a, a) for a in argv), template=template.TEMPLATE)
    check(outcome, argv[-2], f"the same file as {given}", "Give another name")
    assert given.read_text() == "a b\n"


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (sentiment, ["predict", "--input", "IN"]),
        (ner, ["predict", "--input", "IN", "--text-column", "text"]),
        (text, ["score", "--input", "IN", "--text-column", "text", "--json"]),
        (translation, ["translate", "--input", "IN"]),
        (translation, ["score", "--files", "IN", "IN"]),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, list) else each.__name__,
)
def test_results_are_not_appended_to_what_is_read(
    run, unloadable, monkeypatch, tmp_path, template, argv
):
    path = tmp_path / "in.csv"
    path.write_text("text\na\n")
    argv = [path if each == "IN" else each for each in argv]
    with monkeypatch.context() as patch, path.open("a") as stdout:
        patch.setattr("sys.stdout", stdout)
        outcome = run(*argv, template=template.TEMPLATE)
    check(outcome, f"{path} is both what is read and what is written to")
    assert path.read_text() == "text\na\n"


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (sentiment, ["predict", "a", "--output", "PIPE"]),
        (translation, ["translate", "a", "--attention-plot", "PIPE"]),
        (ner, ["evaluate", "--conll", "PIPE"]),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else each.__name__,
)
def test_a_device_or_a_pipe_is_not_replaced(run, unloadable, tmp_path, template, argv):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    outcome = run(*argv[:-1], pipe, template=template.TEMPLATE)
    check(outcome, argv[-2], pipe, "a device or a pipe")
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "argv",
    [
        ["export", "--output", "NAME"],
        ["train", "--output", "NAME/run"],
        ["train", "--output", "NAME", "--workers", "2"],
    ],
)
def test_a_folder_that_tensorflow_cannot_write_into_is_told(
    run, unloadable, monkeypatch, tmp_path, argv
):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9")
    outcome = run(*(each.replace("NAME", name) for each in argv))
    check(outcome, r"--output: 'caf\udce9", "is no name in UTF-8, and TensorFlow")
    assert list(tmp_path.iterdir()) == []


def test_a_preset_that_tensorflow_cannot_read_is_not_taken_for_damaged(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with pytest.raises(presets.PresetError, match=r"is no name in UTF-8.*rename"):
        presets.load(folder)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize("by_name", [True, False])
def test_what_is_printed_into_a_file_is_not_replaced(tmp_path, name, by_name):
    """`/dev/stdout`, redirected to a file, is that file."""
    log = tmp_path / "log"
    log.write_text("before\n")
    output = log if by_name else f"/dev/{name}"
    command = [sys.executable, "-c", CHECKS, str(output)]
    with log.open("a") as stream:
        done = subprocess.run(command, **{name: stream}, cwd=ROOT)
    assert done.returncode == 0
    assert log.read_text() == "before\n"


CHECKS = """
import sys
from tasks.cli import outputs
from tasks.errors import UserError
try:
    outputs.check_file(sys.argv[1], "--output")
except UserError as error:
    assert "whose lines would be lost: leave --output out" in str(error)
else:
    sys.exit("it would be replaced")
"""


@pytest.mark.parametrize("asked", [[], ["--dataset", "three", "four"]])
@pytest.mark.parametrize(
    ("template", "flag"), [(ner, "--conll"), (translation, "--translations")]
)
def test_a_file_of_one_dataset_is_refused_for_several(
    run, unloadable, monkeypatch, tmp_path, template, flag, asked
):
    def load(name, *_):
        raise AssertionError("a dataset was loaded")

    monkeypatch.setattr("tasks.data.builders.load_builder", load)
    (tmp_path / "preset").mkdir()
    (tmp_path / "preset" / "config.json").write_text("{}")
    record = {"training": {"dataset": ["one:1.0.0", "two:1.0.0"]}}
    presets.write_metrics(tmp_path / "preset", record, card="")
    argv = ("evaluate", "--model", tmp_path / "preset", flag, tmp_path / "out", *asked)
    outcome = run(*argv, template=template.TEMPLATE)
    names = "three, four" if asked else "one:1.0.0, two:1.0.0"
    check(outcome, flag, f"there are 2 to measure on: {names}", "with --dataset")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (sentiment, ["predict", "a", "--output", "a.txt.gz"]),
        (sentiment, ["predict", "--output", "a.CSV.GZ", "--text-column", "text"]),
        (translation, ["translate", "a", "--output", "a.txt.bz2"]),
        (translation, ["evaluate", "--translations", "a.gz"]),
        (ner, ["evaluate", "--conll", "a.xz"]),
    ],
    ids=lambda each: each[-1] if isinstance(each, list) else each.__name__,
)
def test_no_file_is_named_as_if_it_were_packed(
    run, unloadable, tmp_path, template, argv
):
    argv = [tmp_path / each if each.startswith("a.") else each for each in argv]
    if "--text-column" in argv:
        (tmp_path / "in.csv").write_text("text\na\n")
        argv += ["--input", tmp_path / "in.csv"]
    before = {*tmp_path.iterdir()}
    outcome = run(*argv, template=template.TEMPLATE)
    check(outcome, "by its name it is packed", "Leave .")
    assert {*tmp_path.iterdir()} == before


def test_an_explanation_is_not_written_over_its_text(run, unloadable, tmp_path):
    page = tmp_path / "explanation.html"
    page.write_text("A text.")
    argv = ("explain", "--input", page, "--output", tmp_path)
    check(run(*argv, template=text.TEMPLATE), "the same file as")


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (translation, ["translate", "a", "--output", "FOLDER"]),
        (translation, ["translate", "a", "--output", "FILE/out"]),
        (translation, ["translate", "a", "--attention-plot", "FOLDER"]),
        (translation, ["evaluate", "--translations", "FOLDER"]),
        (ner, ["evaluate", "--conll", "FOLDER"]),
        (ner, ["evaluate", "--conll", "FILE/out"]),
        (text, ["explain", "a", "--output", "FILE"]),
        (text, ["explain", "a", "--output", "FILE/deep"]),
        (music, ["generate", "--output", "FILE"]),
        *((each, ["train", "--output", "FILE"]) for each in (ner, text, music)),
        *((each, ["train", "--output", "FILE/x"]) for each in (sentiment, translation)),
        *((each, ["train", "--output", "LOCKED/x"]) for each in (sentiment, music)),
        (translation, ["translate", "a", "--output", "LOCKED/x"]),
        (ner, ["evaluate", "--conll", "LOCKED/x"]),
        (text, ["explain", "a", "--output", "LOCKED"]),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, list) else each.__name__,
)
def test_where_nothing_can_be_written_is_told(
    run, unloadable, monkeypatch, tmp_path, template, argv
):
    (tmp_path / "file").write_text("in the way")
    for name in ("folder", "locked"):
        (tmp_path / name).mkdir()
    # Its permissions would not keep the superuser out.
    granted = os.access
    monkeypatch.setattr(
        "os.access", lambda p, *a: str(p) != str(tmp_path / "locked") and granted(p, *a)
    )
    *others, where = argv
    kind, _, rest = where.partition("/")
    path = tmp_path / kind.lower() / rest
    told = {"FILE": "is a file", "FOLDER": "is a folder", "LOCKED": "no permission"}
    outcome = run(*others, path, template=template.TEMPLATE)
    check(outcome, tmp_path / kind.lower(), told[kind])


def test_it_is_told_where_nothing_can_be_written_behind_a_link(
    run, unloadable, tmp_path
):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "link").symlink_to(tmp_path / "file" / "out")
    outcome = run("predict", "a", "--output", tmp_path / "link")
    check(outcome, tmp_path / "file", "is a file")


@pytest.mark.parametrize(
    ("template", "flag", "count"),
    [
        (ner, "--train-file", 1),
        (text, "--files", 1),
        (music, "--midi-files", 1),
        (translation, "--files", 2),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_own_files_that_are_folders_or_missing_are_told(
    run, tmp_path, template, flag, count
):
    for path in (tmp_path, tmp_path / "no*"):
        argv = ("train", flag, *[path] * count, "--output", tmp_path / "run")
        outcome = run(*argv, template=template.TEMPLATE)
        check(outcome, path)
        assert re.search("s a folder|Is a dir|No file fits|No such file", outcome.err)
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("template", [text, music], ids=["text", "music"])
def test_files_may_be_many_as_a_shell_gives_them(template):
    from tasks.cli import command_line as cli

    flag = {"text": "--files", "music": "--midi-files"}[template.TEMPLATE.name]
    for command in ("train", "evaluate"):
        argv = [command, flag, "a[1].x", "b.x", "c.x", "--batch-size", "3"]
        config = cli._parser(template.TEMPLATE).parse_args(argv).config
        assert getattr(config, flag[2:].replace("-", "_")) == argv[2:5]
        assert config.batch_size == 3


def test_a_file_of_just_that_name_wins_over_the_pattern(tmp_path):
    from tasks.data import file_patterns

    for name in ("a[1].txt", "a1.txt", "b.txt", "*.txt"):
        (tmp_path / name).write_text(name)

    def found(*patterns):
        patterns = [f"{tmp_path}/{pattern}" for pattern in patterns]
        return [path.name for path in file_patterns.expand(patterns, "--files")]

    assert found("a[1].txt") == ["a[1].txt"]
    assert found("a[0-9].txt") == ["a1.txt"]
    assert found("*.txt") == ["*.txt"]
    assert found("?.txt") == ["*.txt", "b.txt"]
    assert found("b.txt", "a*", "b.txt") == ["b.txt", "a1.txt", "a[1].txt"]
    with pytest.raises(UserError, match=r"No file fits --files '.*/c\[1\]"):
        found("b.txt", "c[1].txt")
    with pytest.raises(UserError, match="is a folder"):
        found("")
    with pytest.raises(UserError, match="No file fits --files '~nobody-here/"):
        file_patterns.expand("~nobody-here/*.txt", "--files")


def test_a_trainings_folder_is_taken_for_its_preset(preset, tmp_path):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.json").write_text('{"dataset": "synthetic/reviews"}')
    with pytest.raises(presets.PresetError, match=r"isn't finished.*--resume"):
        presets.find(run)
    (run / "preset").symlink_to(preset)
    assert presets.find(run) == presets.find(run / "preset") == run / "preset"
    assert presets.load(run).class_names == ("neg", "pos")
    # A preset stays one, whatever else lies in it.
    assert presets.find(preset) == preset


def test_what_is_near_a_preset_is_told(preset, tmp_path):
    with pytest.raises(presets.PresetError, match=f"part of a preset.*{preset}"):
        presets.find(preset / "saved_model")
    with pytest.raises(presets.PresetError, match="is a file"):
        presets.find(preset / "config.json")
    with pytest.raises(
        presets.PresetError, match=f"holds some: give one of .*{preset}"
    ):
        presets.find(preset.parent)


@templates
def test_every_command_takes_a_trainings_folder(run, monkeypatch, tmp_path, template):
    output = tmp_path / "run"
    (output / "checkpoints").mkdir(parents=True)
    (output / "config.json").write_text("{}")
    told = "isn't finished: there is no"
    check(run("evaluate", "--model", output, template=template), told)
    argv = ("export", "--model", output, "--output", tmp_path / "new")
    check(run(*argv, template=template), told)


def test_a_preset_is_not_exported_over_itself(run, preset):
    argv = ("export", "--model", preset, "--output", preset / "saved_model")
    check(run(*argv), "the preset's own SavedModel")
    assert presets.load(preset)


@pytest.fixture
def packed(monkeypatch):
    """What is packed, folder and archive, which isn't written."""
    packed = []

    def pack(folder, path):
        packed.append((folder, path))
        return "digest"

    monkeypatch.setattr("zoo.preset_archives.pack", pack)
    monkeypatch.setattr("zoo.presets.load", lambda folder: None)
    return packed


def trained(folder):
    """Makes a folder look like one of a training that is done."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "preset").mkdir()
    (folder / "preset" / "config.json").write_text("{}")
    return folder


def test_archives_of_trainings_have_the_names_of_their_folders(
    run, packed, monkeypatch, tmp_path
):
    one, two = (trained(tmp_path / "runs" / name) for name in ("one", "two"))
    other = shutil.copytree(two / "preset", tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for given in (one, two / "preset", Path("runs", "two"), other):
        assert run("pack", given).code == 0
    names = [path.name for _, path in packed]
    assert names == ["one.zip", "two.zip", "two.zip", "mine.zip"]
    assert [folder for folder, _ in packed][:2] == [one / "preset", two / "preset"]


def test_an_archive_has_a_name_that_it_can_be_asked_for_by(
    run, packed, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    trained(tmp_path / "my run")
    check(run("pack", "my run"), "'my run.zip' can be no archive's name", "give NAME.")
    assert packed == []
    assert run("pack", "my run", "--output", "vögel.zip").code == 0
    assert [path.name for _, path in packed] == ["vögel.zip"]


def test_no_archive_is_written_into_its_own_preset(run, packed, monkeypatch, tmp_path):
    preset = trained(tmp_path / "one") / "preset"
    monkeypatch.chdir(preset)
    for argv in (["."], [preset, "--output", "deep/a.zip"], [tmp_path / "one"]):
        check(run("pack", *argv), "in the preset's own folder", "--output FILE")
    assert packed == []
    assert run("pack", ".", "--output", "../a.zip").code == 0


MISSED = {
    "seqeval": [(ner, ["train", "--train-split", "train[:50]"], "ner")],
    "sacrebleu": [
        (translation, ["train", "--files", "no", "no"], "translation"),
        (translation, ["evaluate", "--model", "no"], "translation"),
    ],
    "tokenizers": [(translation, ["train", "--files", "no", "no"], "translation")],
    "pretty_midi": [
        (music, ["train", "--midi-files", "no"], "music"),
        (music, ["evaluate", "--midi-files", "no", "--model", "no"], "music"),
        (music, ["generate", "--model", "no"], "music"),
    ],
    "matplotlib": [
        (text, ["explain", "a", "--model", "no"], "plots"),
        (
            translation,
            ["translate", "a", "--attention-plot", "x", "--model", "no"],
            "plots",
        ),
    ],
}


@pytest.mark.parametrize(
    ("library", "template", "argv", "extra"),
    [(library, *case) for library, cases in MISSED.items() for case in cases],
)
def test_a_missing_library_is_told_before_there_is_work(
    run, unloadable, monkeypatch, data_dir, tmp_path, library, template, argv, extra
):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    if argv[0] == "train":
        argv = [*argv, "--output", tmp_path / "run", "--data-dir", data_dir]
    outcome = run(*argv, template=template.TEMPLATE)
    check(outcome, f"extra {extra!r}", f"pip install {library}")
    assert not (tmp_path / "run").exists()


@templates
def test_a_folder_that_is_no_preset_is_told_what_it_is(run, tmp_path, template):
    (tmp_path / "pieces").mkdir()
    outcome = run("evaluate", "--model", tmp_path / "pieces", template=template)
    check(outcome, "is an empty folder", "Give a preset's folder")


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (sentiment, ["evaluate"]),
        (sentiment, ["predict", "a"]),
        (ner, ["predict", "a"]),
        (text, ["score", "a"]),
        (translation, ["translate", "a"]),
        (music, ["generate", "--output", "new"]),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else each.__name__,
)
def test_a_preset_of_another_template_is_told_with_what_takes_it(
    run, unloadable, monkeypatch, tmp_path, template, argv
):
    monkeypatch.chdir(tmp_path)
    name = template.TEMPLATE.name
    other, cls = next(
        pair for pair in preset_classes.CLASSES.items() if name not in pair
    )
    (tmp_path / "preset").mkdir()
    config = {"class": f"zoo.models.{cls}", "config": {}}
    (tmp_path / "preset" / "config.json").write_text(json.dumps(config))
    outcome = run(*argv, "--model", "preset", template=template.TEMPLATE)
    told = f"'preset' holds a {cls}, not a {preset_classes.CLASSES[name]}: python -m "
    told = f"{told}tasks.{other} takes it. Give another here."
    check(outcome, told)
    if argv[-1] == "a":  # of texts: Apache Beam, which need not be there, takes them
        monkeypatch.setattr(beam_command, "split_flags", lambda argv: (argv, []))
        outcome = run(argv[0], "--model", "preset", template=template.TEMPLATE)
        check(outcome, told)


@templates
def test_the_class_of_each_templates_presets_is_known(template):
    assert preset_classes.template_of(presets.find(template.preset)) == template.name
