"""A classifier's figures, by hand and by brute force."""

import math

import numpy as np
import pytest

from tasks.sentiment import measures

NAMES = ("a", "b", "c")


def predictions(*classes):
    """Logits whose largest is that of the given class."""
    return np.eye(3)[list(classes)].astype(np.float32)


def test_figures_worked_out_by_hand():
    """Predicted a a b b c, true a b b b a."""
    figures = measures.measure(
        predictions(0, 0, 1, 1, 2), np.array([0, 1, 1, 1, 0]), NAMES
    )
    assert figures["examples"] == 5
    assert figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["standard_error"] == pytest.approx(math.sqrt(0.6 * 0.4 / 5))
    a, b, c = (figures["classes"][name] for name in NAMES)
    expected = {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "examples": 2}
    assert a == pytest.approx(expected)
    expected = {"precision": 1, "recall": 2 / 3, "f1": 4 / 5, "examples": 3}
    assert b == pytest.approx(expected)
    assert c == {"precision": 0, "recall": 0, "f1": 0, "examples": 0}
    assert figures["macro_f1"] == pytest.approx((1 / 2 + 4 / 5 + 0) / 3)
    # Right: softmax of (1, 0, 0) at its 1; wrong: at one of its 0s.
    right, wrong = math.e / (math.e + 2), 1 / (math.e + 2)
    loss = -(3 * math.log(right) + 2 * math.log(wrong)) / 5
    assert figures["cross_entropy"] == pytest.approx(loss)


def test_figures_equal_counting_one_by_one():
    random = np.random.default_rng(0)
    logits = random.normal(size=(200, 3)).astype(np.float32)
    labels = random.integers(0, 3, size=200)
    figures = measures.measure(logits, labels, NAMES)

    guesses = [max(range(3), key=lambda k, row=row: row[k]) for row in logits]
    pairs = list(zip(guesses, labels.tolist(), strict=True))
    assert figures["accuracy"] == sum(g == t for g, t in pairs) / 200
    for place, name in enumerate(NAMES):
        hits = sum(g == t == place for g, t in pairs)
        precision = hits / sum(g == place for g, _ in pairs)
        recall = hits / sum(t == place for _, t in pairs)
        found = figures["classes"][name]
        assert found["precision"] == pytest.approx(precision)
        assert found["recall"] == pytest.approx(recall)
        mean = 2 / (1 / precision + 1 / recall)
        assert found["f1"] == pytest.approx(mean)
    losses = [
        math.log(sum(math.exp(z) for z in row)) - row[label]
        for row, label in zip(logits.astype(float).tolist(), labels, strict=True)
    ]
    assert figures["cross_entropy"] == pytest.approx(sum(losses) / 200)


def test_a_perfect_classifier():
    figures = measures.measure(predictions(0, 1, 2), np.arange(3), NAMES)
    assert (figures["accuracy"], figures["macro_f1"]) == (1, 1)
    assert figures["standard_error"] == 0


def test_a_class_that_neither_occurs_nor_is_predicted_has_zeros():
    figures = measures.measure(predictions(0, 1), np.array([0, 1]), NAMES)
    expected = {"precision": 0, "recall": 0, "f1": 0, "examples": 0}
    assert figures["classes"]["c"] == expected
    assert figures["macro_f1"] == pytest.approx(2 / 3)


def test_large_logits_give_a_finite_loss():
    logits = np.array([[1e4, -1e4], [1e4, -1e4]], np.float32)
    figures = measures.measure(logits, np.array([0, 1]), ("a", "b"))
    assert figures["cross_entropy"] == pytest.approx(1e4)


def test_every_figure_is_fit_for_json():
    figures = measures.measure(predictions(0, 1), np.array([0, 0]), NAMES)
    flat = [v for v in figures.values() if not isinstance(v, dict)]
    flat += [v for row in figures["classes"].values() for v in row.values()]
    assert {type(value) for value in flat} == {int, float}


def test_the_description_tells_the_figures():
    figures = measures.measure(
        predictions(0, 0, 1, 1, 2), np.array([0, 1, 1, 1, 0]), NAMES
    )
    lines = measures.describe(figures).splitlines()
    assert lines[0] == "accuracy    0.6000 ± 0.2191"
    assert lines[2] == "macro F1    0.4333"
    assert lines[4] == "  b  precision 1.0000  recall 0.6667  F1 0.8000  (3)"
    assert len(lines) == 3 + len(NAMES)


def test_probabilities_are_the_softmax_of_logits_even_of_large_ones():
    logits = np.array([[0.0, np.log(3.0), 0.0], [1e4, 0.0, -1e4]], np.float32)
    expected = [[0.2, 0.6, 0.2], [1.0, 0.0, 0.0]]
    np.testing.assert_allclose(measures.probabilities(logits), expected, atol=1e-6)
