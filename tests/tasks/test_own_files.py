"""What is a user's own: files instead of a dataset, and a card of what they gave."""

import itertools
from pathlib import Path

import pytest

from tasks import music, ner, sentiment, text, translation
from tests.tasks import commands
from tests.tasks.templates import TEMPLATES
from zoo import presets

each_template = pytest.mark.parametrize(
    "template", TEMPLATES, ids=lambda template: template.name
)


def files_flag(config):
    """Returns the flag that takes a user's own files, if there is one."""
    return config.OWN_FILES and "--" + config.OWN_FILES.replace("_", "-")


def cases():
    for template in TEMPLATES:
        configs = {"train": template.config, "evaluate": template.evaluation}
        for command, config in configs.items():
            files = files_flag(config)
            for name in config.OF_DATASETS if files else ():
                other = "--" + name.replace("_", "-")
                yield pytest.param(
                    *(template, command, files, other),
                    id=f"{template.name} {command} {other}",
                )


@pytest.mark.parametrize(("template", "command", "files", "other"), list(cases()))
def test_what_is_of_a_dataset_is_refused_beside_files(
    run, tmp_path, template, command, files, other
):
    given = [tmp_path / "a", tmp_path / "b"][: 1 + (template is translation.TEMPLATE)]
    # The default itself is refused as well: files would win in silence.
    defaults = {"--dataset": template.config().dataset[0], "--shares": "1"}
    value = defaults.get(other, "x")
    for flag in ([other, value], [f"{other}={value}"]):
        where = ("--output", tmp_path / "run") if command == "train" else ()
        outcome = run(command, *where, files, *given, *flag, template=template)
        assert outcome.code == 2
        [line] = outcome.err.splitlines()
        assert f"Give {files}, your own data, or {other}, " in line
    assert list(tmp_path.iterdir()) == []


def test_every_column_of_a_dataset_is_refused_or_read_from_files():
    for template, config in itertools.product(TEMPLATES, ("config", "evaluation")):
        fields = getattr(template, config).__dataclass_fields__
        columns = {name for name in fields if name.endswith("_column")}
        refused = set(getattr(template, config).OF_DATASETS)
        columns -= {"pretrain_column"}  # of the datasets to pre-train on
        of_files = {
            ner.TEMPLATE.name: {"tokens_column", "tags_column"},
            sentiment.TEMPLATE.name: {"text_column", "label_column"},
        }
        if template.name in of_files:
            assert columns == of_files[template.name]
            assert not columns & refused
        else:
            assert columns <= refused


def test_all_templates_take_files():
    for template in TEMPLATES:
        assert files_flag(template.config)
        assert files_flag(template.evaluation)


def write(template, folder):
    """Writes files to train a template on, and returns the flags that say so."""
    if template is sentiment.TEMPLATE:
        (folder / "own.csv").write_text("text,label\n" + "good,pos\nbad,neg\n" * 20)
        return "--train-file", folder / "own.csv"
    if template is ner.TEMPLATE:
        rows = ["Ann B-PER\nmet O\nRome B-LOC\n", "Bob B-PER\nmet O\nOslo B-LOC\n"]
        (folder / "own.conll").write_text("\n".join(rows * 8))
        return "--train-file", folder / "own.conll"
    if template is music.TEMPLATE:
        pytest.importorskip("pretty_midi")
        from zoo import music as notes

        for number in range(4):
            notes.write_midi(
                [notes.frame("C E G")] * 16, folder / f"{number}.mid", tempo=120
            )
        return "--midi-files", folder / "*.mid"
    if template is translation.TEMPLATE:
        pytest.importorskip("sacrebleu")
        for name in ("own.de", "own.en"):
            (folder / name).write_text("".join(f"a b {n % 5}\n" for n in range(40)))
        files = "--files", folder / "own.de", folder / "own.en"
        return *files, "--level", "character", "--embedding-units", 4
    (folder / "own.txt").write_text("a bad cab, a cab\n" * 40)
    return "--files", folder / "own.txt", "--window", 8, "--embedding-units", 4


@pytest.mark.slow
@each_template
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_a_training_has_a_card_without_folders_of_this_machine(tmp_path, template):
    flags = write(template, tmp_path)
    few = ("--epochs", 1, "--buckets", 1, "--batch-size", 4, "--units", 4)
    argv = ("--output", tmp_path / "run", *flags, *few)
    printed = commands.succeed(template, "train", *argv)
    preset = tmp_path / "run" / "preset"
    assert f"card        {preset / presets.CARD}" in printed
    card = (preset / presets.CARD).read_text("utf-8")
    for part in ("# run\n", template.summary, "## Trained", "## Use", "## Limits"):
        assert part in card
    record = presets.read_metrics(preset)["training"]
    assert record["command"] in card
    assert 'load("run/preset/saved_model")' in card
    for path in (presets.CARD, presets.METRICS):
        assert str(tmp_path) not in (preset / path).read_text("utf-8")
    names = [str(flag.name) for flag in flags if isinstance(flag, Path)]
    if template is music.TEMPLATE:
        names = ["0.mid", "… 3.mid (4 files)"]
    assert all(name in record["train"] for name in names)
    assert ("## A sample" in card) == (template is text.TEMPLATE)


def damaged(template, folder, data_dir):
    """Yields flags that give what a template can't be trained on."""
    (folder / "latin").write_bytes(b"caf\xe9 O\n\nRome O\n")
    (folder / "empty").write_bytes(b"")
    (folder / "one").write_text("a b\n")
    names = ("latin", "empty")
    if template is sentiment.TEMPLATE:
        (folder / "own.csv").write_text("text,label\n" + "good,pos\nbad,neg\n" * 20)
        for name in ("latin", "empty"):
            (folder / name).rename(folder / f"{name}.csv")
            yield "--train-file", folder / f"{name}.csv"
        own = "--train-file", folder / "own.csv"
        yield *own, "--test-file", folder / "latin.csv"
        yield *own, "--label-column", "no"
        of_dataset = "--data-dir", data_dir, "--train-split", "train[:60]"
        yield *of_dataset, "--text-column", "no"
        yield *of_dataset, "--pretrain-split", "train", "--pretrain-window", "999999"
        return
    flag = files_flag(template.config)
    if template is translation.TEMPLATE:
        for name in names:
            yield flag, folder / name, folder / "one"
            yield flag, folder / "one", folder / name
            good = flag, folder / "one", folder / "one"
            yield *good, "--test-files", folder / "one", folder / name
        return
    for name in names:
        yield flag, folder / name
    if template is ner.TEMPLATE:
        (folder / "good").write_text("Ann B-PER\n\nBob B-PER\nmet O\n")
        yield flag, folder / "good", "--test-file", folder / "latin"


@pytest.mark.slow
@each_template
def test_what_cannot_be_trained_on_is_told_before_a_folder_is_begun(
    run, tmp_path, data_dir, template
):
    if template is music.TEMPLATE:
        pytest.importorskip("pretty_midi")
    if template is translation.TEMPLATE:
        pytest.importorskip("sacrebleu")
    for flags in damaged(template, tmp_path, data_dir):
        where = "--output", tmp_path / "run"
        outcome = run("train", *where, *flags, template=template)
        assert outcome.code == 2, flags
        assert outcome.err.splitlines()[-1].count("error: ") == 1, flags
        assert "Traceback" not in outcome.err
        assert not (tmp_path / "run").exists(), flags
