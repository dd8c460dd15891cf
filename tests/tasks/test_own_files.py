"""What is a user's own: files instead of a dataset, and a card of what they gave."""

import itertools

import pytest

from tasks.music import template as music
from tasks.ner import template as ner
from tasks.text import template as text
from tasks.translation import template as translation
from tests.tasks import commands
from zoo import presets

TEMPLATES = [ner.TEMPLATE, text.TEMPLATE, music.TEMPLATE, translation.TEMPLATE]
# The flags of `train` and of `evaluate`.
FILES = {
    "ner": ("--train-file", "--file"),
    "text": ("--files", "--files"),
    "music": ("--midi-files", "--midi-files"),
    "translation": ("--files", "--files"),
}


def cases():
    for template in TEMPLATES:
        both = zip(("train", "evaluate"), FILES[template.name], strict=True)
        configs = template.config, template.evaluation
        for (command, files), config in zip(both, configs, strict=True):
            for name in config.OF_DATASETS:
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
    value = template.config().dataset if other == "--dataset" else "x"
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
        if template is ner.TEMPLATE:
            assert columns == {"tokens_column", "tags_column"}  # of files, too
            assert not columns & refused
        else:
            assert columns <= refused


def write(template, folder):
    """Writes files to train a template on, and returns the flags that say so."""
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
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_training_on_files_has_a_card(tmp_path, template):
    flags = write(template, tmp_path)
    few = ("--epochs", 1, "--buckets", 1, "--batch-size", 4, "--units", 4)
    argv = ("--output", tmp_path / "run", *flags, *few)
    printed = commands.succeed(template, "train", *argv)
    preset = tmp_path / "run" / "preset"
    assert f"card        {preset / presets.CARD}" in printed
    card = (preset / presets.CARD).read_text("utf-8")
    for part in ("# preset", template.summary, "## Trained", "## Use", "## Limits"):
        assert part in card
    assert presets.read_metrics(preset)["training"]["command"] in card
    assert 'load("preset/saved_model")' in card
    if template in (ner.TEMPLATE, translation.TEMPLATE):
        assert str(tmp_path) not in card
    assert ("## A sample" in card) == (template is text.TEMPLATE)
