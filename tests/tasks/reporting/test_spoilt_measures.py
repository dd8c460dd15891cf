"""Measuring that fails: by a model that gives NaN, or behind a training."""

import dataclasses
import importlib

import pytest

from tasks.cli import answers
from tasks.cli.preset_classes import CLASSES
from tasks.training import fitting
from tests.tasks.reporting.test_whose_card import content
from tests.tasks.spoilt import spoil
from tests.tasks.training import trainings
from zoo import models, presets
from zoo.errors import PresetError

SLOW = "sentiment", "ner", "translation"
names = pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[pytest.mark.slow] * (each in SLOW)) for each in CLASSES],
)


def spoilt(load):
    def from_preset(preset):
        return spoil(load(preset))

    return from_preset


@names
def test_a_model_that_gives_nan_is_told_and_nothing_is_written(
    run, monkeypatch, measured, name
):
    template, folder, flags = measured[name]()
    kind = getattr(models, CLASSES[name])
    monkeypatch.setattr(kind, "from_preset", spoilt(kind.from_preset))
    presets.write_metrics(folder, {"evaluations": {"x/test": {"f1": 0.5}}}, "# Card")
    before = content(folder.parent)
    outcome = run("evaluate", "--model", folder, *flags, template=template)
    assert outcome.code == 2
    line = outcome.err.splitlines()[-1]
    assert "gives NaN for probabilities, as a model does whose training has" in line
    assert outcome.out.splitlines()[-1].startswith("measuring on")
    assert content(folder.parent) == before


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Has trainings end at once, with a preset that is pretended to be written."""
    monkeypatch.setattr(fitting, "begin", lambda *_, **__: None)
    monkeypatch.setattr(fitting, "fit", lambda *_: [])
    monkeypatch.setattr(fitting, "finish", lambda *_, **__: tmp_path / "preset")
    trainings.write_files(tmp_path)
    return tmp_path / "preset"


@names
def test_behind_a_training_it_is_told_that_the_preset_is_written(
    monkeypatch, capsys, trained, name
):
    def fails(*_):
        raise answers.no_numbers(trained)

    def read_with_a_test(settings):
        corpus = read(settings)
        return dataclasses.replace(corpus, tests=(corpus.train,))

    template = importlib.import_module(f"tasks.{name}.template")
    read = template._read
    if name in ("text", "music", "translation"):
        monkeypatch.setattr(template, "_read", read_with_a_test)
    monkeypatch.setattr(template, "_measure", fails)
    settings = trainings.config(name, trained.parent, trained)
    if name == "sentiment":
        settings = dataclasses.replace(
            settings, pretrain_split=None, pretrain_dataset=None
        )
    with pytest.raises(PresetError, match="gives NaN"):
        template.train(settings, trained.parent)
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"note: the preset {trained} is written, but wasn't measured to the end: "
        f"evaluate --model {trained} does that."
    )
