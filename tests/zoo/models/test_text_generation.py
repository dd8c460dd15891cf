"""Texts drawn from a language model, against the same loop by the layers' cells."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import make
from zoo.decoding import Categorical
from zoo.models import LanguageModel, text_generation

PROMPTS = ["ab c", "", "??é"]


def drawn(model, prompt, row, length, sample, seed):
    """Returns the ids that follow a prompt, the row'th, by the layers' cells."""
    (ids,) = model.vocabulary.ids(model.tokenizer([prompt])).to_list()
    state = model.recurrent.get_initial_state(1)
    for before in [2, *ids]:
        logits, state = model.step(tf.constant([before]), state)
    found, seed = [], tf.constant([0, seed], tf.int64)
    for number in range(length):
        here = tf.random.experimental.stateless_fold_in(
            seed, tf.constant(number, tf.int64), alg="philox"
        )
        # A row's draw hangs on its place: the last of so many equal rows.
        rows = tf.repeat(logits, row + 1, axis=0)
        draw = sample(rows, here)[-1:]
        found.append(int(draw[0]))
        if found[-1] == 3:
            break
        logits, state = model.step(draw, state)
    return found


FILTERED = {"temperature": 0.7, "top_k": 4, "top_p": 0.9}


@pytest.mark.parametrize(
    ("sentences", "filters"),
    [(True, {}), (False, FILTERED), (False, {"temperature": 0})],
)
def test_texts_are_those_drawn_step_by_step(sentences, filters):
    model = make(cell="gru", sentences=sentences)
    model.softmax.bias.assign(model.softmax.bias + 1.5 * tf.one_hot(3, 10))
    never = (0, 1, 2) if sentences else (0, 1, 2, 3)
    sample = Categorical(forbid=never, **filters)
    texts = model.generate(PROMPTS, 12, seed=5, **filters).numpy()
    lengths = []
    for row, prompt in enumerate(PROMPTS):
        ids = drawn(model, prompt, row, 12, sample, 5)
        lengths.append(len(ids))
        characters = [model.vocabulary.tokens[each] for each in ids if each != 3]
        assert texts[row].decode() == "".join(characters)
    if sentences and not filters:
        assert len({12, *lengths}) > 2  # rows that end, at places of their own


def test_a_compiled_loop_draws_the_same_texts():
    model = make(cell="lstm", layers=2, tied=True)
    found = model.generate(PROMPTS[:2], 40, seed=3, jit_compile=True).numpy().tolist()
    assert found == model.generate(PROMPTS[:2], 40, seed=3).numpy().tolist()


def test_a_stream_of_texts_is_the_text():
    model = make(["the", "cat", ",", "(", ")", "."], level="word")
    whole = model.generate(["the", "cat ("], 50, seed=2).numpy()
    assert b"," in whole[0]
    assert b" ," not in whole[0]
    pieces = [
        piece.numpy() for piece in model.stream(["the", "cat ("], 50, seed=2, piece=7)
    ]
    assert len(pieces) == 8
    assert [b"".join(parts) for parts in zip(*pieces, strict=True)] == whole.tolist()


def test_later_training_shows_in_the_next_text():
    model = make()
    model.generate(["a"], 5)
    bias = np.zeros(len(model.vocabulary), "float32")
    bias[5] = 100
    model.softmax.bias.assign(bias)
    assert model.generate(["a"], 5).numpy().tolist() == [b"bbbbb"]


def test_repetitions_can_be_made_rare_and_stops_end_rows():
    model = make()
    model.softmax.bias.assign(np.eye(len(model.vocabulary))[5] * 50)
    assert model.generate(["b"], 3, temperature=0).numpy().tolist() == [b"bbb"]
    (text,) = model.generate(["b"], 3, temperature=0, repetition_penalty=1e6).numpy()
    assert not text.startswith(b"b")
    assert model.generate(["a"], 9, stop=["bbb"]).numpy().tolist() == [b"bbb"]


def test_stops_that_a_text_can_not_hold_are_left_out(monkeypatch):
    model = make()
    steps = []

    class Noted(text_generation.StopSequences):
        def __init__(self, sequences):
            super().__init__(sequences)
            steps.append((len(self.sequences), self.steps))

    monkeypatch.setattr(text_generation, "StopSequences", Noted)
    draw = functools.partial(model.generate, ["a"], 9)
    plain = draw().numpy()
    assert draw(stop=["ab c" * 9999]).numpy() == plain
    assert not steps
    draw(stop=["ab c" * 9999, "abcabcabc", "b", "b", "abcabcabca"])
    assert steps == [(2, 9)]


def test_graphs_of_other_stops_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr(text_generation, "_GRAPHS", 2)
    model = make()
    for stop in ("a", "b", "c", "a"):
        model.generate(["a"], 2, stop=[stop])
    assert len(model._generator._graphs) == 2


def test_words_are_joined_as_they_are_written():
    tokens = [*["the", "cat", ",", "(", "fish", ")", "!", "“"]]
    model = make(tokens, level="word", sentences=True)
    ids = model.vocabulary.ids(tf.constant([tokens, ["the"] + 7 * ["<EOS>"]]))
    texts = [text.decode() for text in model.decode(ids).numpy()]
    assert texts == ["the cat, (fish)! “", "the"]


def test_lengths_of_zero_and_no_prompts_give_no_text():
    model = make()
    assert model.generate(PROMPTS, 0).numpy().tolist() == [b""] * 3
    assert model.generate(tf.constant([], tf.string), 5).shape == (0,)
    assert list(model.stream(["a"], 0)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "temperature must be 0 or more"),
        ({"top_p": 0}, r"top_p must lie in \(0, 1\]"),
        ({"top_p": 1.1}, "top_p must lie in"),
        ({"top_k": -1}, "top_k must be 0"),
        ({"repetition_penalty": 0}, "must be positive"),
        ({"length": -1}, "length"),
    ],
)
def test_a_number_out_of_its_range_is_named(arguments, message):
    model = LanguageModel(["a"], units=2, embedding_units=2)
    with pytest.raises(ValueError, match=message):
        model.generate(["a"], **arguments)
    with pytest.raises(ValueError, match=message):
        model.stream(["a"], **arguments)
