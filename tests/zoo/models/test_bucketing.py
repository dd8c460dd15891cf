"""Buckets, counted by the steps that they make, and against the batch as a whole."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import make as make_language_model
from tests.zoo.models.music_models import make as make_music_model
from zoo import kernels
from zoo.models import SequenceClassifier, SequenceTagger
from zoo.models.bucketing import in_buckets
from zoo.models.language_model import generation
from zoo.models.language_model.stepper import Stepper
from zoo.models.tagger import token_features
from zoo.models.tagger.token_features import CharacterFeatures
from zoo.text import Vocabulary

STEPWISE = tf.RaggedTensorSpec([None, None], tf.int32)


def buckets(lengths, portable=True, **limits):
    """Returns the places of each bucket's rows."""
    found = []

    def note(places):
        found.append(places.numpy().tolist())
        return places

    lengths = tf.constant(lengths, tf.int32)
    arguments = note, lengths, tf.TensorSpec([None], tf.int32)
    if portable:
        with kernels.portable():
            result = in_buckets(*arguments, **limits)
    else:
        result = in_buckets(*arguments, **limits)
    assert result.numpy().tolist() == list(range(len(lengths)))
    return found


def steps_of(lengths, found):
    """Returns how many steps are made, padding included, and one after another."""
    longest = [max([lengths[place] for place in places] + [0]) for places in found]
    cells = [len(places) * most for places, most in zip(found, longest, strict=True)]
    return sum(cells), sum(longest)


def test_a_long_row_among_short_ones_costs_what_it_costs_alone():
    lengths = [50] * 63 + [100_000]
    found = buckets(lengths)
    assert found == [[*range(63)], [63]]
    assert steps_of(lengths, found) == (63 * 50 + 100_000, 50 + 100_000)


@pytest.mark.parametrize("seed", range(5))
def test_steps_are_bounded_by_the_rows_own(seed):
    generator = np.random.default_rng(seed)
    lengths = np.exp(generator.normal(2, 2, 200)).astype(int).tolist()
    cells, in_sequence = steps_of(lengths, buckets(lengths))
    assert cells <= 2 * sum(lengths) + len(lengths)
    assert in_sequence < 3 * max(lengths)


def test_rows_of_like_length_are_one_bucket_in_their_order():
    assert buckets([30, 3, 60, 17]) == [[0, 1, 2, 3]]


def test_no_rows_and_rows_without_steps_are_one_bucket():
    assert buckets([]) == [[]]
    assert buckets([0, 0, 0]) == [[0, 1, 2]]


def test_where_kernels_are_compiled_a_bucket_must_be_worth_it():
    lengths = [2] * 30 + [60]
    assert len(buckets(lengths)) == 2
    assert len(buckets(lengths, portable=False)) == 1
    assert len(buckets([2] * 30 + [60_000], portable=False)) == 2


def test_a_bucket_of_many_rows_is_cut_and_one_of_a_row_never():
    assert buckets([4] * 5, steps=8) == [[0, 1], [2, 3], [4]]
    assert buckets([4] * 5, steps=3) == [[0], [1], [2], [3], [4]]
    assert buckets([4] * 5, rows=3) == [[0, 1, 2], [3, 4]]
    assert buckets([4] * 5, steps=None) == [[0, 1, 2, 3, 4]]


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [[], [0], [0, 0], [3, 0, 100, 1, 2, 0, 9, 1, 64]])
def test_results_come_in_the_order_of_the_batch(lengths):
    rows = tf.ragged.constant(
        [[10 * row + step for step in range(n)] for row, n in enumerate(lengths)],
        tf.int32,
        ragged_rank=1,
    )

    @tf.function
    def halves_and_sums(rows):
        def compute(places):
            some = tf.gather(rows, places)
            padded = some.to_tensor(0)
            pairs = tf.stack([padded, -padded], axis=-1)
            pairs = tf.RaggedTensor.from_tensor(pairs, some.row_lengths())
            return {"sum": tf.reduce_sum(padded, axis=1), "pairs": [pairs[:, ::2]]}

        signature = {
            "sum": tf.TensorSpec([None], tf.int32),
            "pairs": [tf.RaggedTensorSpec([None, None, 2], tf.int32, ragged_rank=1)],
        }
        return in_buckets(compute, rows.row_lengths(), signature, steps=8)

    found = halves_and_sums(rows)
    assert found["sum"].numpy().tolist() == [sum(row) for row in rows.to_list()]
    pairs = [[[x, -x] for x in row[::2]] for row in rows.to_list()]
    assert found["pairs"][0].to_list() == pairs


def count_steps(monkeypatch, owner, name, argument=0):
    """Makes a list of the steps, padding included, that a method is called for."""
    steps, call = [], getattr(owner, name)

    def counted(*args, **kwargs):
        def note(sequences):
            steps.append(sequences.shape[0] * sequences.shape[1])

        tf.py_function(note, [args[argument]], [])
        return call(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return steps


def exported(function, *shape):
    """Returns what an exported graph computes of strings, as NumPy arrays."""
    with kernels.portable():
        spec = tf.TensorSpec(shape or [None], tf.string)
        graph = tf.function(function).get_concrete_function(spec)
    return lambda strings: {
        name: value.numpy() for name, value in graph(tf.constant(strings)).items()
    }


WORDS = ["the", "cat", "sat", "."]
LONG = 500


# One long text, and some empty ones.
SHORT = ["the cat sat.", "", "cat", "  ", "the the cat."]
TEXTS = [*SHORT, "the cat " * (LONG // 2), *SHORT * 5]


def check_rows(graph, strings, rows):
    """Compares rows' results to those of each row alone, beyond which is padding."""
    together = graph(strings)
    for row in rows:
        for name, alone in graph(strings[row : row + 1]).items():
            own, alone = together[name][row], alone[0]
            if np.ndim(alone) and own.shape != alone.shape:
                assert not any(own[len(alone) :])
                own = own[: len(alone)]
            if together[name].dtype == object:
                np.testing.assert_array_equal(own, alone)
            else:
                np.testing.assert_allclose(own, alone, rtol=1e-4, atol=1e-6)


def tagger(**arguments):
    return SequenceTagger(
        *(WORDS, WORDS, [*"thecas."], ["O", "B-X", "I-X"]), units=3, **arguments
    )


@pytest.mark.slow
@pytest.mark.parametrize("crf", [True, False])
def test_a_taggers_answers_depend_on_no_neighbour(monkeypatch, crf):
    model = tagger(crf=crf, cell="gru")
    steps = count_steps(monkeypatch, model, "_best")
    graph = exported(model.tag)
    graph(TEXTS)
    assert sum(steps) < 3 * LONG
    check_rows(graph, TEXTS, (0, 1, 5, 30))


@pytest.mark.slow
def test_a_tagger_takes_tokens_with_any_mask():
    model = tagger()
    tokens = np.full((20, 300), "", object)
    tokens[3, 5:200:3] = "cat"
    tokens[0, -1] = tokens[1, 0] = tokens[19, 150] = "the"
    graph = exported(model.tag_tokens, None, None)
    check_rows(graph, tokens.tolist(), (0, 1, 2, 3, 19))
    found, mask = graph(tokens.tolist()), tokens != ""
    assert ((found["tags"] != b"") == mask).all()
    assert ((found["scores"] > 0) == mask).all()
    for row in (0, 3):
        dense = graph([tokens[row][mask[row]].tolist()])
        assert dense["tags"].tolist() == [found["tags"][row][mask[row]].tolist()]


@pytest.mark.slow
def test_a_classifiers_answers_depend_on_no_neighbour(monkeypatch):
    model = SequenceClassifier(
        WORDS, ["a", "b"], units=3, embedding_units=3, ngrams=2, ngram_buckets=8
    )
    steps = count_steps(monkeypatch, model, "call")
    graph = exported(model.classify)
    graph(TEXTS)
    assert sum(steps) < 2 * model.max_length
    check_rows(graph, TEXTS, (0, 1, 5, 30))


@pytest.mark.slow
@pytest.mark.parametrize("cache", [0, 6])
def test_scores_depend_on_no_neighbour(monkeypatch, cache):
    model = make_language_model([*"thecas. "], cache=cache)
    steps = count_steps(monkeypatch, model, "predict_tokens")
    graph = exported(model.score)
    graph(TEXTS)
    assert 4 * LONG <= sum(steps) < 8 * LONG
    check_rows(graph, TEXTS, (0, 1, 5, 30))


@pytest.mark.slow
def test_prompts_are_read_in_buckets(monkeypatch):
    model = make_language_model([*"thecas. "])
    steps = count_steps(monkeypatch, Stepper, "read", argument=1)
    ids = generation.prompt_ids(model, TEXTS)
    with kernels.portable():
        last, state = generation.read(model, Stepper(model), ids)
    assert 4 * LONG <= sum(steps) < 5 * LONG
    for row in (0, 1, 5):
        own, alone = generation.read(model, Stepper(model), ids[row : row + 1])
        assert own[0] == last[row]
        for each, expected in zip(state, alone, strict=True):
            np.testing.assert_allclose(each[row], expected[0], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rnn", "cnn"])
def test_a_long_words_characters_make_no_other_word_longer(monkeypatch, kind):
    layer = CharacterFeatures(Vocabulary([*"thecas"]), kind, 3, 4, "rnn")
    layer.build((None, None))
    steps = []
    embed = layer.embedding.call
    monkeypatch.setattr(
        layer.embedding, "call", lambda ids: steps.append(ids.shape) or embed(ids)
    )
    monkeypatch.setattr(token_features, "_CHARACTERS", 64)
    words = [*"thecas", *map("".join, itertools.product("the", repeat=3)), "tea" * 99]
    with kernels.portable():
        together = layer(tf.constant([words, [*reversed(words)]]))
        # 6 of one, 27 of three characters, 64 at a time, and 32 of the longest one.
        assert steps == [(6, 1), (21, 3), (6, 3), (1, 32)]
        np.testing.assert_array_equal(together[0], together[1][::-1])
        for place in (0, 6, 30, 33):
            alone = layer(tf.constant([words[place : place + 1]]))
            np.testing.assert_allclose(together[0, place], alone[0, 0], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [None, "eos", "halt", "length"])
def test_pieces_scores_depend_on_no_neighbour(monkeypatch, ending):
    model = make_music_model(ending=ending, conditioning=2)
    roll = np.random.default_rng(0).random((20, 200, model.keys)) - 0.7
    roll = np.maximum(roll, 0.0)
    lengths = np.array([200, 0, 1, *[7] * 17])
    vector = np.random.default_rng(1).random((20, 2))
    steps, call = [], type(model).call

    def counted(self, inputs, *args, **kwargs):
        steps.append(int(np.prod(inputs["roll"].shape[:2])))
        return call(self, inputs, *args, **kwargs)

    monkeypatch.setattr(type(model), "call", counted)
    with kernels.portable():
        found = model.score(roll, lengths, vector)
        assert sum(steps) < 2 * sum(lengths)
        for row in (0, 1, 2, 19):
            some = slice(row, row + 1)
            own = roll[some, : lengths[row]]
            alone = model.score(own, lengths[some], vector[some])
            for name, values in alone.items():
                np.testing.assert_allclose(found[name][row], values[0], rtol=1e-5)
