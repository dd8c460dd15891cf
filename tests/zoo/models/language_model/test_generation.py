"""Texts drawn from a language model, against the same loop by the layers' cells."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import by_cells, make
from zoo.decoding import Categorical
from zoo.layers import BY_CELL, LSTM
from zoo.models import LanguageModel, kept_graphs
from zoo.models.language_model import generation
from zoo.models.language_model.stepper import Stepper

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

PROMPTS = ["ab c", "", "??é"]


def drawn(model, prompt, row, length, sample, seed):
    """Returns the ids that follow a prompt, the row'th, by the layers' cells."""
    (ids,) = model.vocabulary.ids(model.tokenizer([prompt])).to_list()
    state = model.recurrent.get_initial_state(1)
    for before in [2, *ids]:
        logits, state = by_cells(model, tf.constant([before]), state)
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
        logits, state = by_cells(model, draw, state)
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


def test_a_cell_without_a_kernel_draws_by_its_own_steps(monkeypatch):
    peephole = functools.partial(LSTM, peephole=True)
    monkeypatch.setitem(BY_CELL, "peephole", peephole)
    model = make(cell="peephole", layers=2)
    assert model.recurrent.layers[0].fused_path.startswith("cell: ")
    ids = drawn(model, "ab c", 0, 12, Categorical(forbid=(0, 1, 2, 3)), 5)
    expected = "".join(model.vocabulary.tokens[each] for each in ids).encode()
    assert model.generate(["ab c"], 12, seed=5).numpy().tolist() == [expected]
    compiled = model.generate(["ab c"], 12, seed=5, jit_compile=True)
    assert compiled.numpy().tolist() == [expected]


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


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_stream_reads_long_prompts_by_a_graph_and_draws_the_same(
    monkeypatch, jit_compile
):
    model, prompts = make(cell="lstm", layers=2), ["ab c" * 40, "é", ""]
    whole = model.generate(prompts, 20, seed=2).numpy().tolist()
    taken, take = [], Stepper.read

    def reading(*arguments):
        taken.append(tf.executing_eagerly())
        return take(*arguments)

    monkeypatch.setattr(Stepper, "read", reading)
    for many in (162, 161):  # with <SOS>
        monkeypatch.setattr(generation, "_MANY", many)
        pieces = model.stream(prompts, 20, seed=2, jit_compile=jit_compile)
        rows = zip(*(piece.numpy() for piece in pieces), strict=True)
        assert [b"".join(row) for row in rows] == whole
    assert {*taken} == {True, False}


@pytest.mark.parametrize(
    ("piece", "message"),
    [(0, "`piece` must be 1 or more"), (2.5, "`piece` must be a whole number")],
)
def test_a_streams_pieces_have_a_token_or_more(piece, message):
    with pytest.raises(ValueError, match=f"{message}, found {piece}"):
        make().stream("a", 5, piece=piece)


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_stream_tells_that_there_are_no_numbers_to_draw_by(temperature):
    model = make(["the", "cat"], level="word", sentences=True)
    embeddings = model.embedding.embeddings.numpy()
    embeddings[model.vocabulary.tokens.index("cat")] = np.nan  # behind this word alone
    model.embedding.embeddings.assign(embeddings)
    how = {"temperature": temperature, "seed": 1}
    assert b"".join(piece.numpy()[0] for piece in model.stream("the", 1, **how))
    with pytest.raises(FloatingPointError, match="gives NaN for probabilities"):
        list(model.stream(["the", "the cat"], 3, **how))


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


@pytest.mark.parametrize("wrong", [None, 3, ["a", 3], tf.constant(3)])
def test_a_stop_that_is_no_text_is_told(wrong):
    with pytest.raises(TypeError, match="`stop` must be one string or a list of str"):
        generation.several(wrong)
    assert generation.several("ab") == ("ab",)
    assert generation.several(np.array(["a", "b"])) == ("a", "b")


def test_numbers_of_filters_that_are_none_are_told_by_their_check():
    assert generation.filters_on(1.0, 0, 1.0, 1.0) == {"temperature": 1.0}
    assert generation.filters_on(top_k="3")["top_k"] == "3"


def test_stops_that_a_text_can_not_hold_are_left_out(monkeypatch):
    model = make()
    steps = []

    class Noted(generation.StopSequences):
        def __init__(self, sequences):
            super().__init__(sequences)
            steps.append((len(self.sequences), self.steps))

    monkeypatch.setattr(generation, "StopSequences", Noted)
    draw = functools.partial(model.generate, ["a"], 9, seed=1)
    plain = draw().numpy()
    assert draw(stop=["ab c" * 9999]).numpy() == plain
    assert not steps
    draw(stop=["ab c" * 9999, "abcabcabc", "b", "b", "abcabcabca"])
    assert steps == [(2, 9)]


def test_graphs_of_other_stops_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr(kept_graphs, "MOST", 2)
    model = make()
    for stop in ("a", "b", "c", "a"):
        model.generate(["a"], 2, stop=[stop])
    assert len(model._generator._graphs) == 2


NUMBERS = {
    "length": [12, 2, 0, 5],
    "temperature": [1.0, 0.5, 1.0, 2.0],
    "top_k": [0, 3, 0, 2],
    "top_p": [1.0, 0.9, 0.5, 1.0],
    "repetition_penalty": [1.0, 1.2, 1.0, 2.0],
    "seed": [3, 4, 5, 3],
}


def test_a_row_with_numbers_of_its_own_is_what_it_would_be_alone():
    model = make(cell="lstm", layers=2)
    prompts = ["ab c", "", "é", "ab c"]
    together = model.generate(prompts, **NUMBERS).numpy().tolist()
    alone = [
        model.generate(prompt, **{name: each[row] for name, each in NUMBERS.items()})
        for row, prompt in enumerate(prompts)
    ]
    assert together == [text.numpy()[0] for text in alone]
    assert [len(text.decode()) for text in together] == NUMBERS["length"]
    pieces = model.stream(prompts, piece=4, **NUMBERS)
    parts = zip(*[piece.numpy().tolist() for piece in pieces], strict=True)
    assert [b"".join(part) for part in parts] == together


def test_one_number_may_stand_for_all_rows():
    model = make()
    found = model.generate(["a", "b"], [9], temperature=[0.7], top_k=[3], seed=[2])
    expected = model.generate(["a", "b"], 9, temperature=0.7, top_k=3, seed=2)
    assert found.numpy().tolist() == expected.numpy().tolist()
    with pytest.raises(tf.errors.InvalidArgumentError, match="each of 2 rows"):
        model.generate(["a", "b"], temperature=[1.0, 1.0, 1.0])


def test_texts_differ_from_call_to_call_unless_a_seed_is_given():
    model = make()
    texts = {model.generate("a", 40).numpy()[0] for _ in range(3)}
    assert len(texts) == 3
    streamed = {b"".join(p.numpy()[0] for p in model.stream("a", 40)) for _ in "ab"}
    assert len(streamed) == 2


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


def test_numbers_without_a_fraction_are_whole_numbers():
    model = make()
    expected = model.generate(PROMPTS, 6, top_k=3, seed=2).numpy().tolist()
    for length, top_k, seed in [
        (6.0, 3.0, 2.0),
        (np.float32(6), np.float64(3), np.uint8(2)),
        (tf.constant(6.0), tf.constant(3.0), tf.constant(2)),
        ([6.0, 6, 6], [3, 3.0, 3], 2),
    ]:
        how = {"length": length, "top_k": top_k, "seed": seed, "temperature": 1}
        assert model.generate(PROMPTS, **how).numpy().tolist() == expected
        pieces = [piece.numpy() for piece in model.stream(PROMPTS, **how)]
        assert [b"".join(each) for each in zip(*pieces, strict=True)] == expected


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (1.5, ValueError, "whole number"),
        ("x", TypeError, "numbers"),
        (2**64, ValueError, ""),
    ],
)
def test_a_seed_that_is_none_is_named(seed, error, message):
    model = LanguageModel(["a"], units=2, embedding_units=2)
    for draw in (model.generate, model.stream):
        with pytest.raises(error, match=f"`seed` must be .*{message}"):
            draw(["a"], 3, seed=seed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "temperature` must be 0 or more"),
        ({"temperature": float("nan")}, "temperature` must be 0 or more"),
        ({"temperature": float("inf")}, "temperature` must be 0 or more and finite"),
        ({"temperature": [0.5, -1]}, "0 or more and finite, found -1"),
        ({"top_p": 0}, "top_p` must be above 0 and at most 1"),
        ({"top_p": 1.1}, "top_p` must be above 0 and at most 1, found 1.1"),
        ({"top_p": float("nan")}, "top_p` must be above 0 and at most 1, found nan"),
        ({"top_k": -1}, "top_k` must be 0 or more"),
        ({"repetition_penalty": 0}, "must be above 0"),
        ({"length": -1}, "length` must be 0 or more"),
    ],
)
def test_a_number_out_of_its_range_is_named(arguments, message):
    model = LanguageModel(["a"], units=2, embedding_units=2)
    with pytest.raises(ValueError, match=message):
        model.generate(["a"], **arguments)
    with pytest.raises(ValueError, match=message):
        model.stream(["a"], **arguments)
