"""Scores of texts, against equations in NumPy, and what all texts have in sum."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw_weights
from tests.zoo.models.language_models import log_probabilities, make
from zoo.models import LanguageModel
from zoo.models.language_model import scoring
from zoo.models.spelling import Spelling
from zoo.text import Vocabulary

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

TEXTS = ["ab c", "", "é..b", "cab cab cab."]


@pytest.mark.parametrize("sentences", [False, True])
def test_scores_are_those_of_the_equations(sentences):
    model = make(cell="gru", sentences=sentences)
    scores = {name: value.numpy() for name, value in model.score(TEXTS).items()}
    for row, logs in enumerate(log_probabilities(model, TEXTS)):
        count, characters = len(logs), len(TEXTS[row])
        assert count == characters + sentences == scores["lengths"][row]
        total = sum(logs)
        np.testing.assert_allclose(scores["log_probability"][row], total, rtol=1e-5)
        perplexity = np.exp(-total / count) if count else 1
        np.testing.assert_allclose(scores["perplexity"][row], perplexity, rtol=1e-5)
        bits = -total / np.log(2) / characters if characters else 0
        np.testing.assert_allclose(scores["bits_per_character"][row], bits, rtol=1e-5)
        found = scores["log_probabilities"][row]
        np.testing.assert_allclose(found[:count], logs, atol=1e-5)
        assert (found[count:] == 0).all()
        tokens = [token.decode() for token in scores["tokens"][row]]
        expected = [*TEXTS[row].replace("?", "\0")] + ["<EOS>"] * sentences
        expected = ["<UNK>" if token == "\0" else token for token in expected]
        assert tokens == expected + [""] * (len(tokens) - count)


def test_scores_are_what_training_measures():
    model = make(sentences=True)
    model.compile()
    y = model.encode(tf.constant(TEXTS)).to_tensor()
    results = model.evaluate(model.inputs(y), y, verbose=0, return_dict=True)
    scores = model.score(TEXTS)
    total = -np.sum(scores["log_probability"]) / np.sum(scores["lengths"])
    np.testing.assert_allclose(results["nats"], total, rtol=1e-5)


def test_a_long_text_is_scored_in_windows_as_at_once(monkeypatch):
    model = make()
    texts = [*TEXTS, "abc é." * 3]
    whole = model.score(texts)
    monkeypatch.setattr(scoring, "_WINDOW", 5)
    in_windows = model.score(texts)
    for name, values in whole.items():
        if values.dtype == tf.string:
            assert values.numpy().tolist() == in_windows[name].numpy().tolist()
        else:
            np.testing.assert_allclose(in_windows[name], values, rtol=1e-5, atol=1e-6)


def test_no_texts_and_texts_without_tokens_have_scores():
    model = make()
    for texts in ([], [""]):
        scores = model.score(tf.constant(texts, tf.string))
        assert scores["log_probability"].numpy().tolist() == [0] * len(texts)
        assert scores["log_probabilities"].shape == (len(texts), 0)


def test_all_sentences_have_probability_one_in_sum():
    model = make([*"ab"], sentences=True)
    end = model.vocabulary.tokens.index("<EOS>")
    longest = 4

    def probabilities(targets):
        logs = scoring.log_probabilities(model, tf.constant(targets, tf.int32))
        return np.exp(logs.numpy().sum(axis=1))

    ended = sum(
        probabilities([[*ids, end] for ids in product(length)]).sum()
        for length in range(longest)
    )
    under_way = probabilities(product(longest)).sum()
    np.testing.assert_allclose(ended + under_way, 1, atol=1e-5)
    assert 0.1 < ended < 0.9


def product(length):
    """Returns all that can be drawn in so many steps, `<UNK>` and the two letters."""
    return [list(ids) for ids in itertools.product([1, 4, 5], repeat=length)]


def test_ranks_by_the_whole_log_probability():
    model = make(sentences=True)
    texts = ["ab", "ab", "abababab", "", "é."]
    totals = [sum(logs) for logs in log_probabilities(model, texts)]
    expected = sorted(range(len(texts)), key=lambda row: -totals[row])
    assert model.rank(texts).numpy().tolist() == expected


KNOWN = ["tea", "i", "like", "received", "it", "."]


def words(**arguments):
    model = LanguageModel(KNOWN, level="word", embedding_units=3, units=4, **arguments)
    draw_weights(model)
    return model


@pytest.mark.parametrize("sentences", [False, True])
def test_an_unknown_word_costs_what_its_spelling_costs(sentences):
    model = words(sentences=sentences)
    texts = ["I like zéa.", "I like tea.", "", "zz"]
    found = {key: each.numpy() for key, each in model.score(texts).items()}
    letters = "".join(KNOWN)
    total = len(letters) + len(set(letters)) + len(KNOWN) + 2
    end = math.log((len(KNOWN) + 1) / total)
    other = -math.log(total * 0x110000)
    a = math.log((letters.count("a") + 1) / total)
    ids = model.encode(texts)
    as_tokens = scoring.log_probabilities(model, ids.to_tensor(0)).numpy()
    expected = as_tokens.copy()
    expected[0, 2] += 2 * other + a + end
    expected[3, 0] += 2 * other + end
    np.testing.assert_allclose(found["log_probabilities"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["log_probability"], expected.sum(1), rtol=1e-5)
    lengths = np.maximum(found["lengths"], 1)
    np.testing.assert_allclose(
        found["perplexity"], np.exp(-as_tokens.sum(1) / lengths), rtol=1e-5
    )
    assert found["unknown"].tolist()[0][:4] == [False, False, True, False]
    assert found["unknown"].sum() == 2


def test_unknown_words_rank_behind_known_ones_like_them():
    model = words()
    ranked = model.rank(
        ["I like zxqv.", "I like tea.", "I recieved it", "I received it"]
    )
    order = ranked.numpy().tolist()
    assert order.index(1) < order.index(0)
    assert order.index(3) < order.index(2)


def test_texts_of_unknown_words_only_or_of_none_have_scores():
    model = words()
    for texts in ([], [""], ["\U0001f600", "", "zz\0 " + 400 * "y"], [b"\xff \xc3"]):
        found = model.score(tf.constant(texts, tf.string))
        log, each = found["log_probability"], found["log_probabilities"]
        np.testing.assert_allclose(log, np.sum(each, axis=1), rtol=1e-5)
        assert np.isfinite(log).all()
        assert found["unknown"].shape == each.shape == found["tokens"].shape


def test_spellings_are_a_distribution():
    spelling = Spelling(Vocabulary(["ab", "b"]))
    tokens = tf.ragged.constant([["a", "b", "ab", "", "c"]])
    ids = tf.ones_like(tokens, tf.int32)
    logs, unknown = spelling.log_probabilities(tokens, ids)
    a, b, ab, end, c = np.exp(logs.numpy()[0].astype("float64"))
    a, b, c = a / end, b / end, c / end
    assert a + b + end + c * 0x110000 == pytest.approx(1, rel=1e-5)
    assert ab == pytest.approx(a * b * end, rel=1e-5)
    assert unknown.numpy().all()
