"""The penalties that a translator searches with are chosen on validation pairs."""

import types

import numpy as np
import pytest

from tasks.translation import commands, penalties, template
from tasks.translation.config import Evaluation
from tasks.translation.corpus import Pairs
from zoo import presets


class Model:
    """What the choice asks of a translator."""

    attends = True
    chosen = None

    def search_with(self, *chosen):
        """Keeps what was chosen."""
        self.chosen = chosen


def pairs(count):
    texts = np.array([f"text {number} of the pairs" for number in range(count)], "O")
    return Pairs(texts, texts, "made up")


@pytest.fixture
def best(monkeypatch):
    """What is translated without a fault, by its penalties; all else has some."""
    right, asked = set(), []

    def translated(model, texts, search, batch_size):
        place = search.length_penalty, search.coverage_penalty
        asked.append((*place, len(texts)))
        end = "" if place in right else " too long"
        return [f"{text}{end}" for text in texts]

    monkeypatch.setattr(commands, "best_translations", translated)
    return right, asked


def test_the_highest_bleu_is_chosen_and_the_first_of_equal_ones(best):
    right, asked = best
    pytest.importorskip("sacrebleu")
    right |= {(0.8, 0.1), (1.2, 0.0)}
    model = Model()
    record = penalties.choose(model, pairs(2000), 8)
    assert model.chosen == (0.8, 0.1)
    assert (record["length_penalty"], record["coverage_penalty"]) == model.chosen
    assert record["penalties_chosen_on"] == "600 validation pairs, BLEU 100.00"
    assert len(asked) == 12
    assert {count for *_, count in asked} == {600}


def test_the_lower_penalty_is_taken_where_another_is_hardly_better(best, monkeypatch):
    pytest.importorskip("sacrebleu")
    found = {(0.8, 0.05): 30.0, (1.0, 0.0): 30.05, (1.2, 0.0): 30.09}

    def measured(translations, references):
        _, asked = best
        return {"bleu": found.get(asked[-1][:2], 29.9)}

    monkeypatch.setattr(penalties.measures, "measure", measured)
    model = Model()
    penalties.choose(model, pairs(200), 8)
    assert model.chosen == (0.8, 0.05)


def test_without_attention_no_coverage_is_tried(best):
    _, asked = best
    pytest.importorskip("sacrebleu")
    model = Model()
    model.attends = False
    penalties.choose(model, pairs(100), 8)
    assert {coverage for _, coverage, _ in asked} == {0.0}
    assert model.chosen == (0.6, 0.0)


def test_few_pairs_choose_nothing(best):
    model = Model()
    assert penalties.choose(model, pairs(99), 8) == {}
    assert model.chosen is None


def test_what_a_greedy_search_has_no_penalties_of_is_not_told(tmp_path, monkeypatch):
    pytest.importorskip("sacrebleu")
    model = types.SimpleNamespace(config={"length_penalty": 1.2})
    monkeypatch.setattr(commands, "best_translations", lambda *_: ["b"] * 3)
    cost = {"tokens": 6, "nats": 0.5, "perplexity": 1.65}
    monkeypatch.setattr(template.measures, "cost", lambda *_: cost)

    def told(**search):
        settings = Evaluation(length_penalty=0.8, **search)
        template._measure(tmp_path, model, None, pairs(3), settings)
        [figures] = presets.read_metrics(tmp_path)["evaluations"].values()
        return {name: figures.get(name) for name in ("beam", "length_penalty")}

    assert told() == {"beam": 4, "length_penalty": 0.8}
    assert told(beam=1) == {"beam": 1, "length_penalty": None}
