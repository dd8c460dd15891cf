"""What the text benchmarks compare is one model, and the issue's floors are asked."""

import dataclasses

import numpy as np
import pytest

from tests.benchmarks import text_cases, text_generation, text_training, workers
from tests.benchmarks.text_cases import TextCase
from zoo.text import Vocabulary
from zoo.text.vocabulary import START_ID

CASE = TextCase("lstm", batch=2, units=4)


def test_special_tokens_are_the_zoos():
    tokens = Vocabulary([*text_cases.CHARACTERS]).tokens
    assert len(tokens) == text_cases.VOCABULARY_SIZE == 4 + 65
    assert text_cases.START_ID == START_ID
    assert text_cases.as_texts(np.array([[4, 68]])) == [tokens[4] + tokens[68]]


def test_windows_go_on_row_by_row():
    ids, targets = CASE.windows(3, count=2)
    text = CASE.texts(7)
    np.testing.assert_array_equal(ids, [*text[:, :3], *text[:, 3:6]])
    np.testing.assert_array_equal(targets, [*text[:, 1:4], *text[:, 4:7]])


def contestants(modules, **request):
    """Yields each contestant of a benchmark, by name."""
    from importlib import import_module

    for name, module in workers.installed(modules).items():
        make = import_module(f"tests.benchmarks.{module}").Contestant
        yield name, make(name, **request)


@pytest.mark.slow
def test_ways_to_generate_have_the_same_logits():
    names = ["zoo", "keras, predict", "keras, tf.function", "torch, cell"]
    modules = text_generation.modules(names)
    request = {"case": dataclasses.asdict(CASE), "length": 3}
    found = {}
    for name, way in contestants(modules, **request):
        assert [len(text) for text in way.run()] == [3, 3]
        (found[name],) = way.results()
    assert found["zoo"].std() > 0.1
    for logits in found.values():
        np.testing.assert_allclose(logits, found["zoo"], atol=1e-5)


@pytest.mark.slow
def test_frameworks_train_to_the_same_losses():
    request = {"case": dataclasses.asdict(CASE), "window": 3, "windows": 2}
    found = {}
    for name, contestant in contestants(text_training.MODULES, **request):
        for _ in range(2):
            contestant.run()
        (found[name],) = contestant.results()
    assert found["zoo"][0] > found["zoo"][1] + 1e-3
    for losses in found.values():
        np.testing.assert_allclose(losses, found["zoo"], atol=1e-4)


@pytest.mark.parametrize(
    ("zoo", "torch", "expected"),
    [
        (3600, (800, 900), "4.0 × torch of 4 asked: met"),
        (3600, (800, 1000), "3.6 × torch of 4 asked: met (noise)"),
        (2900, (100, 200), "14.5 × torch of 4 asked: met (noise)"),
        (2000, (100, 200), "10.0 × torch of 4 asked: NOT MET"),
        (3600, (), "3,600 characters/s of 3,000 asked: met"),
    ],
)
def test_verdict_is_by_the_faster_torch_loop(zoo, torch, expected):
    speeds = {text_generation.ZOO: zoo, "keras, tf.function": 400}
    speeds |= dict(zip(("torch, cell", "torch, layer"), torch, strict=False))
    assert text_generation.verdict(speeds).endswith(expected)
