"""The card of a preset that comes with the zoo is written on demand only."""

import shutil

import pytest

from tasks import music, ner, sentiment, text, translation
from tests.tasks.music import small_presets as music_presets
from tests.zoo.models.language_models import make
from zoo import presets

CONLL = "Ann B-PER\nmet O\n\nRome B-LOC\n. O\n"


@pytest.fixture
def pretrained(monkeypatch, tmp_path):
    """A folder that counts as the one that comes with the zoo."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(presets, "_SHIPPED", folder.resolve())
    return folder


@pytest.fixture
def measured(monkeypatch, tmp_path, request):
    """Returns a template, a preset's folder for it, and what to measure it on."""

    def saved(name, template, *flags):
        folder = shutil.copytree(request.getfixturevalue(name), tmp_path / "own")
        return template, folder, flags

    def pretended(template, kind, model, *flags):
        monkeypatch.setattr(f"zoo.models.{kind}.from_preset", lambda name: model)
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / presets.CONFIG).write_text("{}")
        return template, tmp_path / "own", flags

    def of_sentiment():
        where = "--data-dir", request.getfixturevalue("data_dir")
        split = "--dataset", "synthetic/reviews", "--split", "test[:9]"
        return saved("preset", sentiment.TEMPLATE, *where, *split)

    def of_ner():
        pytest.importorskip("seqeval")
        (tmp_path / "own.conll").write_text(CONLL)
        return saved("tagger", ner.TEMPLATE, "--file", tmp_path / "own.conll")

    def of_text():
        (tmp_path / "own.txt").write_text("a bad cab\n")
        return pretended(
            text.TEMPLATE, "LanguageModel", make(), "--files", tmp_path / "own.txt"
        )

    def of_music():
        pytest.importorskip("pretty_midi")
        from zoo import music as notes

        notes.write_midi([notes.frame("C E G")] * 9, tmp_path / "own.mid")
        flags = "--midi-files", tmp_path / "own.mid"
        return pretended(music.TEMPLATE, "MusicModel", music_presets.model(), *flags)

    def of_translation():
        pytest.importorskip("sacrebleu")
        from zoo.models import Translator

        model = Translator(
            *([*"ab "], [*"xy"]), level="character", embedding_units=2, units=2
        )
        files = tmp_path / "own.de", tmp_path / "own.en"
        for path in files:
            path.write_text("a b\n")
        flags = "--files", *files, "--max-length", 3
        return pretended(translation.TEMPLATE, "Translator", model, *flags)

    kinds = of_sentiment, of_ner, of_text, of_music, of_translation
    return {kind.__name__.removeprefix("of_"): kind for kind in kinds}


def content(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentiment", "ner", "text", "music", "translation"])
def test_a_card_that_comes_with_the_zoo_is_left_unless_asked_for(
    run, monkeypatch, pretrained, measured, name
):
    template, own, flags = measured[name]()
    shipped = shutil.copytree(own, pretrained / "shipped")
    before = content(shipped)

    def evaluate(*argv):
        outcome = run("evaluate", *argv, *flags, template=template)
        assert outcome.code == 0, outcome.err
        return outcome.out

    monkeypatch.chdir(pretrained.parent)
    printed = evaluate("--model", "shipped").splitlines()
    assert content(shipped) == before
    [line] = [line for line in printed if line.startswith("card ")]
    assert line == (
        "card        left as it is: shipped comes with the zoo. --write-card writes "
        "its card and metrics."
    )
    figures = next(line for line in printed if not line.startswith("measuring"))
    printed = evaluate("--model", shipped, "--write-card")
    assert figures in printed  # they are the same
    assert f"metrics     {shipped / presets.METRICS}" in printed
    assert "## Measured" in (shipped / presets.CARD).read_text("utf-8")
    evaluate("--model", own)
    card = (own / presets.CARD).read_text("utf-8")
    assert "## Measured" in card
    assert 'load("own/saved_model")' in card  # not "pretrained/own"
    assert presets.read_metrics(own)["evaluations"]


def test_a_training_in_the_zoos_own_folder_is_its_users(monkeypatch, pretrained):
    monkeypatch.chdir(pretrained.parent)
    for folder in (pretrained / "shipped", "pretrained/shipped", "./pretrained/a/../b"):
        assert presets.is_shipped(folder)
    assert not presets.is_shipped(pretrained / "mine" / "preset")
    assert not presets.is_shipped(pretrained.parent / "mine")
    (pretrained.parent / "link").symlink_to(pretrained)
    assert presets.is_shipped(pretrained.parent / "link" / "shipped")
