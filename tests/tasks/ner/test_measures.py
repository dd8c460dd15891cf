"""A tagger's figures, by hand, by seqeval and by brute force."""

import math
import sys

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.ner import measures
from zoo import tags

IOB = ("O", "B-X", "I-X", "B-Y", "I-Y")


@pytest.fixture
def seqeval():
    return pytest.importorskip("seqeval.metrics")


def split(*sentences):
    return [sentence.split() for sentence in sentences]


def noisy(names, sentences=60):
    """Random tags, true and near."""
    random = np.random.default_rng(0)
    true, predicted = [], []
    for _ in range(sentences):
        true.append([str(tag) for tag in random.choice(names, random.integers(1, 9))])
        predicted.append(
            [
                tag if random.random() < 0.7 else str(random.choice(names))
                for tag in true[-1]
            ]
        )
    return true, predicted


def test_figures_of_entities_worked_out_by_hand(seqeval):
    true = split("B-X I-X O B-Y", "B-X O", "O")
    predicted = split("B-X I-X O B-X", "B-X I-X", "O")
    figures = measures.measure(true, predicted, "iob2")
    assert figures["sentences"] == 3
    assert figures["tokens"] == 7
    assert figures["accuracy"] == pytest.approx(5 / 7)
    assert figures["precision"] == pytest.approx(1 / 3)
    assert figures["recall"] == pytest.approx(1 / 3)
    assert figures["f1"] == pytest.approx(1 / 3)
    expected = {"precision": 1 / 3, "recall": 1 / 2, "f1": 2 / 5, "entities": 2}
    assert figures["types"]["X"] == pytest.approx(expected)
    assert figures["types"]["Y"] == dict.fromkeys(expected, 0) | {"entities": 1}
    assert figures["scheme"].startswith("strict IOB2, seqeval 1.")


def test_figures_of_entities_are_those_of_seqeval(seqeval):
    library = pytest.importorskip("seqeval.scheme")
    true, predicted = noisy(IOB)
    figures = measures.measure(true, predicted, "iob2")
    strict = {"mode": "strict", "scheme": library.IOB2}
    for name in ("f1", "precision", "recall"):
        expected = getattr(seqeval, f"{name}_score")(true, predicted, **strict)
        assert figures[name] == pytest.approx(expected)
    assert figures["accuracy"] == seqeval.accuracy_score(true, predicted)


@pytest.mark.parametrize("scheme", ["iob1", "iobes"])
def test_figures_of_entities_do_not_depend_on_the_scheme(seqeval, scheme):
    # Without errors, which mean another thing in another scheme.
    true, predicted = (
        [tags.from_spans(tags.spans(s, "iob2"), len(s), "iob2") for s in sentences]
        for sentences in noisy(IOB)
    )
    converted = (
        [tags.convert(sentence, "iob2", scheme) for sentence in sentences]
        for sentences in (true, predicted)
    )
    expected = measures.measure(true, predicted, "iob2")
    assert measures.measure(*converted, scheme) == expected


@pytest.mark.parametrize("scheme", ["iob2", "plain"])
def test_standard_error_is_that_of_drawing_whole_sentences(seqeval, scheme):
    true, predicted = noisy(IOB, sentences=25)
    figures = measures.measure(true, predicted, scheme)
    assert figures == measures.measure(true, predicted, scheme)

    random = np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        places = random.integers(len(true), size=len(true))
        sample = [[sentences[k] for k in places] for sentences in (true, predicted)]
        if scheme == "plain":
            drawn.append(seqeval.accuracy_score(*sample))
            continue
        actual, found = (
            {(n, span) for n, s in enumerate(ss) for span in tags.spans(s, "iob2")}
            for ss in sample
        )
        drawn.append(2 * len(actual & found) / (len(actual) + len(found)))
    # Either is known to about 1 / √(2 · 400).
    assert figures["standard_error"] == pytest.approx(np.std(drawn), rel=0.15)


@pytest.mark.parametrize(
    ("true", "predicted", "precision", "recall"),
    [
        ([], [], 0, 0),
        ([[]], [[]], 0, 0),
        (["O O"], ["O O"], 0, 0),
        (["O I-X"], ["O I-X"], 0, 0),
        (["O O"], ["O B-X"], 0, 0),
        (["O B-X"], ["O O"], 0, 0),
        (["O B-X"], ["O B-X"], 1, 1),
    ],
)
def test_shares_of_nothing_are_zero(
    seqeval, recwarn, true, predicted, precision, recall
):
    true, predicted = (split(*s) if s != [[]] else s for s in (true, predicted))
    figures = measures.measure(true, predicted, "iob2")
    assert (figures["precision"], figures["recall"]) == (precision, recall)
    assert figures["f1"] == precision
    assert figures["standard_error"] == 0
    assert not [warning for warning in recwarn if "seqeval" in warning.filename]


def test_figures_of_plain_tags_worked_out_by_hand():
    """True a a b b c, predicted a b b b a."""
    figures = measures.measure(split("a a b", "b c"), split("a b b", "b a"), "plain")
    assert figures["sentences"] == 2
    assert figures["tokens"] == 5
    assert figures["accuracy"] == pytest.approx(3 / 5)
    # Two sentences, with 2/3 and 1/2 right, drawn with replacement.
    spread = np.std([4 / 6, 3 / 5, 3 / 5, 2 / 4])
    assert figures["standard_error"] == pytest.approx(spread, rel=0.1)
    assert figures["scheme"] == "plain"
    a, b, c = (figures["tags"][name] for name in "abc")
    expected = {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "tokens": 2}
    assert a == pytest.approx(expected)
    expected = {"precision": 2 / 3, "recall": 1, "f1": 4 / 5, "tokens": 2}
    assert b == pytest.approx(expected)
    assert c == {"precision": 0, "recall": 0, "f1": 0, "tokens": 1}
    assert figures["macro_f1"] == pytest.approx((1 / 2 + 4 / 5) / 3)


def test_plain_tags_of_no_sentences_have_zeros():
    figures = measures.measure([], [], "plain")
    assert (figures["accuracy"], figures["macro_f1"]) == (0, 0)
    assert figures["tags"] == {}


def test_a_perfect_tagger(seqeval):
    true, _ = noisy(IOB)
    for scheme in ("iob2", "plain"):
        figures = measures.measure(true, true, scheme)
        assert figures["accuracy"] == figures.get("f1", 1) == 1
        assert figures["standard_error"] == 0


@pytest.mark.parametrize("scheme", ["iob2", "plain"])
def test_every_figure_is_fit_for_json(seqeval, scheme):
    figures = measures.measure(*noisy(IOB), scheme)
    rows = figures.pop("types" if scheme == "iob2" else "tags")
    flat = [*figures.values(), *(v for row in rows.values() for v in row.values())]
    assert {type(value) for value in flat} == {int, float, str}
    assert all(math.isfinite(v) for v in flat if not isinstance(v, str))


def test_the_description_tells_the_figures(seqeval):
    true, predicted = split("B-X I-X O B-PER"), split("B-X I-X O O")
    figures = measures.measure(true, predicted, "iob2")
    lines = measures.describe(figures).splitlines()
    assert lines[0] == f"F1          0.6667 ± 0.0000  ({figures['scheme']})"
    assert lines[1] == "precision   1.0000"
    assert lines[4] == "  PER  precision 0.0000  recall 0.0000  F1 0.0000  (1)"
    assert lines[5] == "  X    precision 1.0000  recall 1.0000  F1 1.0000  (1)"

    lines = measures.describe(measures.measure(true, predicted, "plain")).splitlines()
    assert lines[0] == "accuracy    0.7500 ± 0.0000"
    assert lines[1] == "macro F1    0.6667"
    assert len(lines) == 2 + 4


def test_nothing_can_be_described(seqeval):
    for scheme in ("iob2", "plain"):
        assert "0.0000" in measures.describe(measures.measure([], [], scheme))


@pytest.mark.parametrize("scheme", ["iob2", "plain"])
def test_sentences_that_do_not_match_are_named(scheme):
    with pytest.raises(ValueError, match="Sentence 1 has 2 tags, but 1 predicted"):
        measures.measure(split("O", "O O"), split("O", "O"), scheme)
    with pytest.raises(ValueError, match="1 sentences, but tags predicted for 2"):
        measures.measure(split("O"), split("O", "O"), scheme)


def test_without_seqeval_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "seqeval", None)
    with pytest.raises(UserError, match="extra 'ner': pip install seqeval"):
        measures.measure(split("B-X"), split("O"), "iob2")
    assert measures.measure(split("1"), split("0"), "plain")["accuracy"] == 0


def test_mistakes_are_what_is_missed_and_what_is_none():
    assert measures.mistakes(["B-X", "I-X", "O"], ["B-X", "I-X", "O"], "iob2") == 0
    # One entity of the wrong length: a miss, and one that is none.
    assert measures.mistakes(["B-X", "I-X", "O"], ["B-X", "O", "O"], "iob2") == 2
    assert measures.mistakes(["S-X", "O", "O"], ["S-X", "O", "S-Y"], "iobes") == 1
    assert measures.mistakes(["DT", "NN"], ["DT", "VB"], "plain") == 1
