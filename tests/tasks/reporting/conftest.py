"""Small presets of all templates, and what they are measured on."""

import shutil

import pytest

from tasks import music, ner, sentiment, text, translation
from tests.tasks.music import small_presets as music_presets
from tests.zoo.models.language_models import make
from zoo import presets

ROWS = "text,label\na good film,pos\nbad,neg\n"
CONLL = "Ann B-PER\nmet O\n\nRome B-LOC\n. O\n"


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
        (tmp_path / "own.csv").write_text(ROWS)
        return saved("preset", sentiment.TEMPLATE, "--file", tmp_path / "own.csv")

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
        return pretended(music.TEMPLATE, "MusicModel", music_presets.own(), *flags)

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
