"""Which path commands take for what users give them."""

import pytest
import tensorflow as tf

from tasks import music, ner, sentiment, text, translation
from tests.tasks.music import small_presets
from tests.zoo.models import language_models, translators
from zoo import layers
from zoo.layers import fused


@pytest.fixture
def asked(monkeypatch):
    """Whether layers went another way than by core operations, as they were called."""
    found = []
    is_lean = fused.is_lean

    def recorded(layer, training=False):
        lean = is_lean(layer, training)
        found.append(not lean)
        return lean

    monkeypatch.setattr("zoo.layers.fused.is_lean", recorded)
    return found


def commands(tmp_path, monkeypatch, request):
    """Returns a template's command and its arguments, by the template's name."""
    (tmp_path / "any").mkdir()
    (tmp_path / "any" / "config.json").write_text("{}")
    any_preset = "--model", tmp_path / "any"
    classifier = "--model", request.getfixturevalue("preset")
    tagger = "--model", request.getfixturevalue("tagger")
    made = {
        "LanguageModel": language_models.make(cell="lstm"),
        "Translator": translators.make(cell="lstm"),
    }
    for name, model in made.items():
        monkeypatch.setattr(
            f"zoo.models.{name}.from_preset", lambda name, model=model: model
        )
    return {
        "sentiment": (sentiment.TEMPLATE, "predict", "a film", "good", *classifier),
        "ner": (ner.TEMPLATE, "predict", "Ann met Bob", "Rome", *tagger),
        "text": (text.TEMPLATE, "score", "a bad cab", "a", *any_preset),
        "translation": (translation.TEMPLATE, "score", "ab", "xy", *any_preset),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentiment", "ner", "text", "translation"])
def test_no_kernel_is_compiled_for_what_a_user_gives(
    run, asked, tmp_path, monkeypatch, request, name
):
    template, *argv = commands(tmp_path, monkeypatch, request)[name]
    outcome = run(*argv, template=template)
    assert outcome.code == 0, outcome.err
    assert asked
    assert not any(asked)


def test_no_kernel_is_compiled_for_a_users_music(run, asked, tmp_path, monkeypatch):
    pytest.importorskip("pretty_midi")
    from zoo import music as notes

    notes.write_midi([notes.frame("C E G")] * 9, tmp_path / "own.mid")
    small_presets.pretend(
        monkeypatch, tmp_path / "preset", small_presets.model(), step=0.25
    )
    where = "--model", tmp_path / "preset"
    outcome = run("score", tmp_path / "own.mid", *where, template=music.TEMPLATE)
    assert outcome.code == 0, outcome.err
    assert asked
    assert not any(asked)


def test_the_same_layers_take_their_kernels_elsewhere(asked):
    """So that the tests above would notice a kernel."""
    layers.LSTM(2)(tf.ones([1, 2, 3]))
    assert asked
    assert all(asked)
