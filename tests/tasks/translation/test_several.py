"""A translator that is trained on several data sets, in forms that people write."""

import functools

import numpy as np
import pytest

from tasks import translation
from tasks.data import builders
from tests.tasks import commands, interruption
from tests.tasks.commands import history, read_json
from tests.tasks.translation.test_corpus import TEXT, Builder
from zoo.models import Translator

pytestmark = pytest.mark.slow

succeed = functools.partial(commands.succeed, translation.TEMPLATE)
FLAGS = """
    --dataset one two --shares 1 2 --level subword --vocabulary-size 320 --shared
    --units 4 --embedding-units 4 --batch-size 4 --epochs 2 --min-count 1 --dropout 0.3
    --renamed 0.3 --unpunctuated 0.3 --lowercase 0.3 --joined 0.2
"""


def built(name, noun):
    """Returns a small data set of pairs about something."""

    def rows(first, count):
        numbers = range(first, first + count)
        return [(f"{n} {noun}s für Anna.", f"{n} {noun} for Anna.") for n in numbers]

    splits = {"train": rows(10, 12), "validation": rows(40, 3), "test": rows(50, 3)}
    builder = Builder({"de": TEXT, "en": TEXT}, ("de", "en"), splits)
    builder.name, builder.info.full_name = name, f"{name}/1.0.0"
    return builder


@pytest.fixture
def datasets(monkeypatch):
    for library in ("sacrebleu", "tokenizers"):
        pytest.importorskip(library)
    made = {"one": built("one", "Hund"), "two": built("two", "Wort")}
    monkeypatch.setattr(
        builders, "load_builder", lambda name, _=None: made[name.split(":")[0]]
    )


@pytest.mark.usefixtures("by_cells", "one_signature")
def test_each_test_is_reported_and_an_interrupted_training_goes_on(datasets, tmp_path):
    outputs = tmp_path / "one", tmp_path / "two"
    expected = interruption.weights(
        translation.TEMPLATE, outputs[0], *FLAGS.split(), left=outputs[1]
    )
    succeed("train", "--output", outputs[1], "--resume")
    rows = [[{**row, "seconds": None} for row in history(output)] for output in outputs]
    assert rows[0] == rows[1]
    preset = outputs[1] / "preset"
    found = Translator.from_preset(preset).get_weights()
    for weight, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(weight, other)

    metrics = read_json(preset / "metrics.json")
    record = metrics["training"]
    assert record["dataset"] == ["one:1.0.0", "two:1.0.0"]
    assert record["train"] == "one/1.0.0/train + two/1.0.0/train (2 times)"
    assert "--shares 1.0 2.0" in record["command"]
    assert "--renamed 0.3" in record["command"]
    tests = {"one/1.0.0/test", "two/1.0.0/test"}
    assert metrics["evaluations"].keys() == tests
    assert metrics["examples"].keys() == tests
    shown = metrics["examples"]["one/1.0.0/test"]["first"]
    assert len(shown) == 3
    assert any("50 Hunds" in line and " → " in line for line in shown)

    succeed("evaluate", "--model", preset)
    again = read_json(preset / "metrics.json")
    assert again["evaluations"].keys() == tests
    for source in tests:
        expected = metrics["evaluations"][source]["nats"]
        assert again["evaluations"][source]["nats"] == pytest.approx(expected, rel=1e-4)
    assert again["examples"] == metrics["examples"]
