"""Models that answer NaN, for their training has diverged: told, not printed."""

import pytest

from tasks import music, ner, sentiment, text, translation
from tests.tasks.music import small_presets as music_presets
from tests.tasks.spoilt import spoil
from tests.zoo.models import language_models, translators
from zoo.models import SequenceClassifier, SequenceTagger

pytest.importorskip("pretty_midi")

from tests.zoo.music.midi_files import midi_bytes, note

pytestmark = pytest.mark.slow

CHORDS = [message for n in range(8) for message in note(60 + n, 480)]
MIDI = "{folder}/given.mid"


def classifier():
    return SequenceClassifier(["good"], ["no", "yes"], embedding_units=2, units=2)


def tagger(**arguments):
    return SequenceTagger(
        ["Ann", "met"],
        [],
        [],
        ["O", "B-PER", "I-PER"],
        "iob2",
        character_features="none",
        units=2,
        **arguments,
    )


def plain_tagger():
    return tagger(crf=False)


def language_model():
    return language_models.make(cell="gru")


def composer():
    return music_presets.own()  # not the one that others are given


DRAWING = {
    "generate": ["--steps", "8"],
    "continue": ["--steps", "4", MIDI],
    "harmonize": [MIDI],
}
COMMANDS = {
    "sentiment": (sentiment, classifier, ["predict", "good"]),
    "sentiment json": (sentiment, classifier, ["predict", "--json", "good"]),
    "ner": (ner, tagger, ["predict", "Ann met"]),
    "ner json": (ner, plain_tagger, ["predict", "--json", "Ann met"]),
    "ner tokens": (ner, tagger, ["predict", "--tokens", "--conll", "Ann met"]),
    "text generate": (
        text,
        language_models.make,
        ["generate", "--length", "5", "--prompt", "ab"],
    ),
    "text greedily": (
        text,
        language_models.make,
        ["generate", "--temperature", "0", "--count", "2", "--stop", "c"],
    ),
    "text score": (text, language_models.make, ["score", "--json", "ab"]),
    "text rank": (text, language_models.make, ["rank", "ab", "b"]),
    "text explain": (text, language_model, ["explain", "ab", "--output", "{folder}"]),
    "translate": (translation, translators.make, ["translate", "", "ab"]),
    "translate json": (
        translation,
        translators.make,
        ["translate", "--json", "--beam", "1", "ab"],
    ),
    "translation score": (translation, translators.make, ["score", "ab", "x"]),
    **{
        f"music {name}": (music, composer, [name, *argv, "--output", "{folder}/out"])
        for name, argv in DRAWING.items()
    },
    "music score": (music, composer, ["score", MIDI]),
}


@pytest.mark.parametrize(("template", "make", "argv"), COMMANDS.values(), ids=COMMANDS)
def test_a_model_that_answers_nan_is_told(
    run, monkeypatch, tmp_path, template, make, argv
):
    (tmp_path / "given.mid").write_bytes(midi_bytes(CHORDS))
    model = spoil(make())
    monkeypatch.setattr(type(model), "from_preset", lambda name: model)
    argv = [each.format(folder=tmp_path) for each in argv]
    outcome = run(*argv, template=template.TEMPLATE)
    assert outcome.code == 2
    assert outcome.out == ""
    line = outcome.err.splitlines()[-1]
    assert "gives NaN for probabilities, as a model does whose training has" in line
    assert [each.name for each in tmp_path.iterdir()] == ["given.mid"]
