"""Trainings that begin with a preset."""

import dataclasses
import inspect

import numpy as np
import pytest

from tasks import ner
from tasks.cli import templates
from tasks.sentiment.config import Config
from tasks.training import fine_tuning
from tests.tasks.commands import read_json
from tests.tasks.templates import TEMPLATES
from tests.tasks.training import trainings
from zoo import models, presets
from zoo.errors import PresetError
from zoo.layers import fused

MODELS = {
    "ner": models.SequenceTagger,
    "sentiment": models.SequenceClassifier,
    "text": models.LanguageModel,
    "music": models.MusicModel,
    "translation": models.Translator,
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_what_a_new_model_is_built_from_is_known(template):
    config = template.config
    fields = {field.name for field in dataclasses.fields(config)}
    assert set(config.OF_MODEL) <= fields
    built_from = set(inspect.signature(MODELS[template.name]).parameters)
    # The tags' scheme is the data's: a preset's is but their default.
    assert built_from & fields - {"scheme"} <= set(config.OF_MODEL)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_flags_of_a_new_model_are_refused_beside_a_preset(run, template):
    flags = "--from-preset", "mine", "--cell", "gru"
    outcome = run("train", *flags, template=template)
    assert outcome.code == 2
    assert "--cell is of a new model, and --from-preset trains one" in outcome.err


def test_an_unknown_preset_is_told_before_data_are_read(run, tmp_path):
    flags = "--from-preset", "sentiment_eng", "--train-file", tmp_path / "none.csv"
    outcome = run("train", *flags, "--output", tmp_path / "run")
    assert outcome.code == 2
    assert "'sentiment_eng'" in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_preset_of_another_template_is_told(run, preset, tmp_path):
    trainings.write_files(tmp_path)
    flags = "--train-file", tmp_path / "own.conll", "--from-preset", preset
    outcome = run("train", *flags, "--output", tmp_path / "run", template=ner.TEMPLATE)
    assert outcome.code == 2
    assert "holds a SequenceClassifier, not a SequenceTagger" in outcome.err


def _classifier(preset, class_names, multi_label=False):
    return fine_tuning.model(
        models.SequenceClassifier,
        Config(from_preset=str(preset)),
        ("logits", "ngrams"),
        class_names=class_names,
        multi_label=multi_label,
    )


def test_it_begins_with_all_weights_where_the_classes_are_the_presets(preset):
    model = _classifier(preset, ["neg", "pos"])
    expected = models.SequenceClassifier.from_preset(preset)
    for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("class_names", "multi_label"), [(["ham", "spam"], False), (["neg", "pos"], True)]
)
def test_other_classes_have_a_new_decision_on_the_presets_layers(
    preset, class_names, multi_label
):
    model = _classifier(preset, class_names, multi_label)
    assert (model.class_names, model.multi_label) == (tuple(class_names), multi_label)
    known = models.SequenceClassifier.from_preset(preset)
    for layer in model.layers:
        weights = zip(
            layer.get_weights(),
            known.get_layer(layer.name).get_weights(),
            strict=True,
        )
        same = [np.array_equal(one, other) for one, other in weights]
        assert not any(same) if layer.name == "logits" else all(same)


def test_a_preset_that_is_damaged_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"class": "zoo.models.Translator"}')
    with pytest.raises(PresetError, match="Damaged preset"):
        fine_tuning.arguments(Config(from_preset=str(tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_template_trains_a_preset_further(name, data_dir, tmp_path, monkeypatch):
    """From its weights, and what it is stays: steps of no size change nothing."""
    pytest.importorskip("pretty_midi")
    pytest.importorskip("sacrebleu")
    # Kernels take seconds to be compiled.
    monkeypatch.setattr(fused, "_surroundings", lambda _: "for the test")
    trainings.write_files(tmp_path)
    train = templates.function(trainings.TEMPLATES[name].train)
    config = dataclasses.replace(
        trainings.config(name, tmp_path, data_dir), epochs=1, ema_momentum=0.0
    )
    if name == "sentiment":
        config = dataclasses.replace(
            config, pretrain_split=None, pretrain_dataset=None, ngrams=1
        )
    train(config, tmp_path / "first")
    # A new model would have the defaults' sizes.
    own = {
        field.name: field.default
        for field in dataclasses.fields(config)
        if field.name in config.OF_MODEL
    }
    further = dataclasses.replace(
        config, **own, from_preset=str(tmp_path / "first"), learning_rate=1e-12
    )
    train(further, tmp_path / "further")
    found, expected = (presets.load(tmp_path / run) for run in ("further", "first"))
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-8)
    assert found.get_config() == expected.get_config()
    trained = read_json(tmp_path / "further" / "preset" / presets.METRICS)["training"]
    assert trained["began_with"] == "first"
    assert "--from-preset first" in trained["command"]
    first = read_json(tmp_path / "first" / "preset" / presets.METRICS)["training"]
    assert trained["its_command"] == first["command"]
