"""Models take one text or several, however Python holds them, and refuse the rest."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models import translators
from zoo.models import LanguageModel, SequenceClassifier, SequenceTagger
from zoo.models.text_inputs import text_batch, token_batch

WORDS = [*"ab", "c"]
TEXT = "a b, ü"


@functools.cache
def classifier():
    return SequenceClassifier(WORDS, ["no", "yes"], embedding_units=2, units=2)


@functools.cache
def tagger():
    return SequenceTagger(WORDS, WORDS, WORDS, ["O", "B-X", "I-X"], units=2)


@functools.cache
def language_model():
    return LanguageModel(WORDS, level="word", embedding_units=2, units=2)


@functools.cache
def translator():
    return translators.make()


TAKING_TEXTS = {
    "classify": (classifier, lambda model, texts: model.classify(texts)),
    "encode": (classifier, lambda model, texts: model.encode(texts)),
    "tag": (tagger, lambda model, texts: model.tag(texts)),
    "score": (language_model, lambda model, texts: model.score(texts)),
    "rank": (language_model, lambda model, texts: model.rank(texts)),
    "encode texts": (language_model, lambda model, texts: model.encode(texts)),
    "start": (language_model, lambda model, texts: model.start(texts)),
    "generate": (language_model, lambda model, texts: model.generate(texts, 3, seed=1)),
    "stream": (
        language_model,
        lambda model, texts: [*model.stream(texts, 3, seed=1)],
    ),
    "translate": (
        translator,
        lambda model, texts: model.translate(texts, 1, max_length=3),
    ),
    "score translations": (
        translator,
        lambda model, texts: model.score(texts, texts),
    ),
}


def assert_same(one, other):
    tf.nest.assert_same_structure(one, other)
    pair = (tf.nest.flatten(each, expand_composites=True) for each in (one, other))
    for a, b in zip(*pair, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("method", TAKING_TEXTS)
@pytest.mark.usefixtures("lean")
def test_one_text_is_a_batch_of_one_in_every_method(method):
    make, call = TAKING_TEXTS[method]
    model = make()
    expected = call(model, tf.constant([TEXT]))
    assert_same(call(model, TEXT), expected)
    assert_same(call(model, TEXT.encode()), expected)
    assert_same(call(model, [TEXT]), expected)
    assert_same(call(model, []), call(model, tf.zeros([0], tf.string)))


@pytest.mark.parametrize("method", TAKING_TEXTS)
@pytest.mark.parametrize("wrong", [None, 3, [None], [["a"]], [1.5], tf.zeros([2])])
def test_what_is_no_text_is_refused_with_a_sentence_in_every_method(method, wrong):
    make, call = TAKING_TEXTS[method]
    with pytest.raises((TypeError, ValueError), match="must be one string or a list"):
        call(make(), wrong)


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "bü"],
        ("a", b"b\xc3\xbc"),
        np.array(["a", "bü"]),
        np.array(["a", "bü"], object),
        np.array([b"a", "bü".encode()]),
        [np.str_("a"), np.bytes_("bü".encode())],
        [tf.constant("a"), "bü"],
        tf.constant(["a", "bü"]),
    ],
    ids=str,
)
def test_several_texts_are_taken_as_python_numpy_and_tensorflow_hold_them(texts):
    batch = text_batch(texts)
    assert batch.dtype == tf.string
    assert batch.numpy().tolist() == [b"a", "bü".encode()]


def test_bytes_and_nul_come_through_and_half_a_character_is_replaced():
    texts = [b"\xff", "a\0", "\ud83d!", "a\udce9"]
    expected = [b"\xff", b"a\0", "\ufffd!".encode(), "a\ufffd".encode()]
    assert text_batch(texts).numpy().tolist() == expected
    assert text_batch("\ud83d").numpy().tolist() == ["\ufffd".encode()]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (None, "found None"),
        (7, "found an int, 7"),
        ({"a"}, "found a set"),
        (["a", None], "found None as number 1 of 2"),
        (["a", float("nan")], "found a float, nan as number 1 of 2"),
        (["a", ["b"]], "found a list, .* as number 1 of 2"),
        (np.array([1, 2]), "found an array of int64"),
        (np.array([["a"]]), "found a list"),
        (tf.constant([1]), "found a tensor of int32"),
        (tf.constant([["a", "b"]]), r"found strings of shape \(1, 2\)"),
        (tf.ragged.constant([["a"], []]), "found strings of shape"),
    ],
    ids=str,
)
def test_what_is_no_text_is_named(texts, found):
    with pytest.raises((TypeError, ValueError), match=found):
        text_batch(texts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["Ann", "lives"], [["Ann", "lives"]]),
        ([["Ann", "lives"], ["Ha"]], [["Ann", "lives"], ["Ha", ""]]),
        ((("Ann",), (), ("Ha", b"b")), [["Ann", ""], ["", ""], ["Ha", "b"]]),
        (tf.ragged.constant([["Ann"], []]), [["Ann"], [""]]),
        (np.array([["a", "b"]]), [["a", "b"]]),
        ([np.array(["a", "b"]), np.array(["c"])], [["a", "b"], ["c", ""]]),
        ([[]], [[]]),
        ([], []),
    ],
    ids=str,
)
def test_words_are_taken_as_lists_of_any_lengths(tokens, expected):
    batch = token_batch(tokens)
    rows = [[word.decode() for word in row] for row in batch.numpy().tolist()]
    assert rows == expected
    assert batch.shape[0] == len(expected)
    found = tagger().tag_tokens(tokens)
    assert found["tags"].shape == found["scores"].shape == batch.shape


@pytest.mark.parametrize(
    "tokens", [None, "Ann", 3, [["a"], "b"], [["a"], [1]], [[["a"]]], [[None]]], ids=str
)
def test_what_are_no_words_is_refused_with_a_sentence(tokens):
    with pytest.raises((TypeError, ValueError), match="must be a list of words"):
        tagger().tag_tokens(tokens)


def test_texts_and_translations_must_be_equally_many():
    model = translator()
    with pytest.raises(ValueError, match="found 2 texts and 1 translations"):
        model.score(["a", "b"], "x")


def test_in_a_graph_nothing_is_added():
    graph = tf.function(text_batch, input_signature=[tf.TensorSpec([None], tf.string)])
    kinds = {
        operation.type
        for operation in graph.get_concrete_function().graph.get_operations()
    }
    assert kinds <= {"Placeholder", "Identity", "NoOp"}


@pytest.mark.slow
def test_one_text_to_stop_at_is_not_taken_for_its_characters():
    model = LanguageModel([*"ab"], embedding_units=2, units=2)
    stopped = model.generate("a", 20, stop="ab", seed=3)
    assert_same(stopped, model.generate("a", 20, stop=["ab"], seed=3))
    assert_same(
        [*model.stream("a", 20, stop="ab", seed=3)],
        [*model.stream("a", 20, stop=["ab"], seed=3)],
    )
