"""Windows of texts: nothing lost, rows that go on, an order that can be resumed."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data import known_tokens
from tasks.errors import UserError
from tasks.text import batches as text_streams
from tasks.text import measures
from tasks.text.batches import SentenceBatches, Stream, StreamedWindows
from tasks.text.corpus import Texts
from tests.zoo.models.language_models import log_probabilities, make
from zoo.models import DynamicEvaluation
from zoo.text import Vocabulary

SOS = 2


def stream(lengths, unmeasured=0):
    """A stream whose tokens are all different: 10, 11, …"""
    ids = np.arange(10, 10 + sum(lengths), dtype=np.int32)
    return Stream(ids, np.array(lengths), unmeasured)


def epoch(batches, number=0):
    batches.set_epoch(number)
    return list(batches.dataset().as_numpy_iterator())


def read(found):
    """Follows the rows from batch to batch, and returns what they read.

    Returns:
        Pieces that begin anew: for each, its targets, which are all there is of it.
    """
    pieces = []
    for row in range(len(found[0][1])):
        for (ids, begins), targets in found:
            size = int((targets[row] != 0).sum())
            if begins[row]:
                pieces.append([])
                expected = [SOS, *targets[row][: size - 1]] if size else []
            else:
                assert pieces, "the first window of a row must begin"
                expected = [pieces[-1][-1], *targets[row][: size - 1]] if size else []
            assert ids[row][:size].tolist() == expected[:size]
            assert not targets[row][size:].any()
            pieces[-1] += targets[row][:size].tolist()
    return [piece for piece in pieces if piece]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    batch_size=st.integers(1, 6),
    window=st.integers(1, 9),
    seed=st.none() | st.integers(0, 9),
    number=st.integers(0, 3),
)
def test_every_token_is_a_target_once_after_the_one_before_it(
    lengths, batch_size, window, seed, number
):
    lengths[0] += window  # enough for one window
    texts = stream(lengths)
    batches = StreamedWindows(texts, batch_size, window, seed)
    found = epoch(batches, number)
    assert len(found) == len(batches)
    assert {ids.shape for (ids, _), _ in found} == {(len(found[0][1]), window)}
    assert len(found[0][1]) <= batch_size
    pieces = read(found)
    tokens = [token for piece in pieces for token in piece]
    assert sorted(tokens) == texts.ids.tolist()
    for piece in pieces:  # parts of the texts, in their order
        assert piece == list(range(piece[0], piece[0] + len(piece)))
    ends = np.cumsum(lengths)
    texts_of = [set(np.searchsorted(ends, np.array(p) - 10, "right")) for p in pieces]
    assert all(len(each) == 1 for each in texts_of)
    if seed is None:
        assert sorted(map(len, pieces)) == sorted(lengths)


@pytest.mark.slow
def test_order_hangs_on_the_seed_and_the_epoch_alone():
    def targets(lengths, seed, number):
        found = epoch(StreamedWindows(stream(lengths), 3, 4, seed), number)
        return np.stack([targets for _, targets in found]).tolist()

    for lengths in ([50], [9, 14, 3, 20]):
        assert targets(lengths, 1, 2) == targets(lengths, 1, 2)
        assert targets(lengths, 1, 2) != targets(lengths, 1, 3)
        assert targets(lengths, 1, 2) != targets(lengths, 2, 2)


def test_an_epoch_follows_the_next_as_keras_iterates_it():
    batches = StreamedWindows(stream([50]), 3, 4, seed=1)
    data = batches.dataset()
    batches.set_epoch(0)
    first = [targets.numpy().tolist() for _, targets in data]
    batches.set_epoch(1)
    second = [targets.numpy().tolist() for _, targets in data]
    assert first != second
    assert second == [targets.tolist() for _, targets in epoch(batches, 1)]
    assert data.cardinality() == len(batches) == len(first)


def test_a_context_is_read_and_not_measured():
    found = epoch(StreamedWindows(stream([10], unmeasured=6), 4, 4))
    ids = np.concatenate([ids[0] for (ids, _), _ in found])
    targets = np.concatenate([targets[0] for _, targets in found])
    assert ids[:10].tolist() == [SOS, *range(10, 19)]
    assert targets.tolist() == [0] * 6 + [16, 17, 18, 19] + [0, 0]


def test_texts_too_short_for_one_window_are_told():
    with pytest.raises(UserError, match=r"only 9 tokens .* one window of 10.*--window"):
        StreamedWindows(stream([4, 5]), 2, 10, seed=0)
    assert len(StreamedWindows(stream([4, 5]), 2, 10)) == 1


def test_tokens_are_in_no_graph():
    windows = StreamedWindows(stream([100_000]), 2, 10, seed=1)
    spec = tf.TensorSpec([2, 3], tf.int64)
    graph = tf.function(windows._batch).get_concrete_function(spec).graph
    assert graph.as_graph_def().ByteSize() < 50_000


def test_rows_are_about_as_long():
    batches = StreamedWindows(stream([40, 10, 10, 10, 10]), 2, 10)
    assert len(batches) == 4
    assert len(epoch(batches)[0][1]) == 2


def test_texts_become_the_tokens_that_the_model_knows(monkeypatch):
    monkeypatch.setattr(text_streams, "_PIECE", 5)
    texts = Texts(("ab c. ab", "?", "bé  c"), "x", context="c.c.")
    found = text_streams.stream(make(), texts)
    tokens = [4 + "ab c.é".find(each) for each in "c.c." + "".join(texts.texts)]
    assert found.ids.tolist() == [each if each > 3 else 1 for each in tokens]
    assert found.lengths.tolist() == [12, 1, 5]
    assert found.unmeasured == 4
    words = make(["ab", "c", "."], level="word")
    found = text_streams.stream(words, Texts(("ab c. ab", "x ab"), "x"))
    assert found.ids.tolist() == [4, 5, 6, 4, 1, 4]
    assert found.lengths.tolist() == [4, 2]
    pieces = text_streams.tokenize(words.tokenizer, Texts(("ab c. ab",), "x"))
    flat = [token for piece in pieces for token in piece.flat_values.numpy()]
    assert flat == [b"ab", b"c", b".", b"ab"]


def test_sentences_come_whole_with_their_end():
    ids = tf.ragged.constant([[5, 3], [6, 7, 3], [3]], dtype=tf.int32)
    [(x, y)] = epoch(SentenceBatches(ids, 4, buckets=1))
    assert y.tolist() == [[3, 0, 0], [5, 3, 0], [6, 7, 3]]
    assert x.tolist() == [[2, 3, 0], [2, 5, 3], [2, 6, 7]]


@pytest.mark.slow
@pytest.mark.parametrize("sentences", [False, True])
def test_figures_are_those_of_the_texts_by_the_equations(sentences):
    model = make(cell="gru", layers=2, sentences=sentences)
    texts = Texts(("ab c.é ab", "?", "bca. é c.ab"), "x")
    logs = np.concatenate(log_probabilities(model, texts.texts))
    batches = text_streams.batches(model, texts, batch_size=2, window=4)
    figures = measures.measure(model, batches, texts)
    assert figures["tokens"] == len(logs) == 21 + 3 * sentences
    assert figures["nats"] == pytest.approx(-logs.mean(), rel=1e-5)
    assert figures["perplexity"] == pytest.approx(np.exp(-logs.mean()), rel=1e-5)
    bits = -logs.sum() / np.log(2) / 21
    assert figures["bits_per_character"] == pytest.approx(bits, rel=1e-5)
    assert figures["unknown"] == 1 / figures["tokens"]
    assert f"{figures['nats']:.4f} nats" in measures.describe(figures)


@pytest.mark.slow
@pytest.mark.parametrize("sentences", [False, True])
def test_texts_are_learned_from_in_their_order_and_in_windows(sentences):
    model, learning = make(sentences=sentences), 0.05
    texts = Texts(("ab c.é ab", "b", "bca. é"), "x")
    with DynamicEvaluation(model, learning) as reader:
        batches = text_streams.in_order(model, texts, window=4)
        found = measures.measure(model, batches, texts, reader)
    costs = []
    with DynamicEvaluation(model, learning) as reader:
        for y in text_streams.encode(model, texts.texts).to_list():
            x, state = [SOS, *y], model.initial_state(1)
            for start in range(0, len(y), 4):
                end = min(start + 4, len(y))
                window = tf.constant([x[start:end]]), tf.constant([y[start:end]])
                nats, state = reader.nats(*window, state)
                costs += nats[0].numpy().tolist()
    assert found["tokens"] == len(costs) == 16 + 3 * sentences
    assert found["nats"] == pytest.approx(np.mean(costs), rel=1e-5)
    batches = text_streams.batches(model, texts, batch_size=1, window=4)
    unlearned = measures.measure(model, batches, texts)["nats"]
    assert found["nats"] != pytest.approx(unlearned, rel=1e-3)


def test_a_context_makes_figures_those_of_the_whole_less_its_own():
    model = make(cell="lstm")
    context, text = "ab.c é", "cab é."
    whole = log_probabilities(model, [context + text])[0]
    texts = Texts((text,), "x", context=context)
    batches = text_streams.batches(model, texts, batch_size=3, window=4)
    figures = measures.measure(model, batches, texts)
    assert figures["tokens"] == len(text)
    expected = -np.mean(whole[len(context) :])
    assert figures["nats"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("level", ["word", "character"])
def test_texts_without_a_token_that_is_frequent_enough_are_told(level):
    texts = Texts(("abc",), "a.txt")
    with pytest.raises(UserError, match=f"^No {level} occurs 2 times"):
        text_streams.vocabulary(texts, level, 100, 2)
    _, found = text_streams.vocabulary(texts, level, 100, 1)
    assert set("".join(found.ordinary_tokens)) == {*"abc"}


def test_a_vocabulary_of_nothing_at_all_has_no_frequency_to_be_lowered():
    with pytest.raises(UserError, match=r"^The training texts hold no words, only"):
        known_tokens.check(Vocabulary([]), "word", 1)
    known_tokens.check(Vocabulary(["a"]), "word", 1)
