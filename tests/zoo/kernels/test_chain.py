"""Chains, against the enumeration of every sequence of tags."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.kernels import enumeration
from tests.zoo.kernels.chains import MASK, ROWS, STEPS, TAGS, draw, rows, tolerance
from zoo.kernels import chain

KINDS = ["free", "constrained", "wide", "wide and constrained"]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_kind_and_both_dtypes = pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("free", "float32"),
        ("constrained", "float64"),
        ("wide", "float64"),
        ("wide and constrained", "float32"),
    ],
)


@every_kind_and_both_dtypes
def test_partition_function_is_the_sum_over_all_sequences(kind, dtype):
    emissions, potentials = draw(kind, dtype)
    result = chain.log_partition(emissions, tf.constant(MASK), potentials)
    expected = [
        enumeration.log_sum(enumeration.sequences(valid, potentials)[1])
        for _, valid in rows(emissions)
    ]
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance(dtype, kind))


@every_kind_and_both_dtypes
def test_likelihoods_are_those_of_every_sequence(kind, dtype):
    emissions, potentials = draw(kind, dtype)
    for row, valid in rows(emissions):
        found, scores = enumeration.sequences(valid, potentials)
        tags = np.full((len(found), STEPS), -1)  # under the mask anything goes
        tags[:, MASK[row]] = found
        count = [len(found), 1]

        same = tf.tile(emissions[row : row + 1], [*count, 1])
        mask = tf.tile(tf.constant(MASK[row : row + 1]), count)
        result = chain.log_likelihood(same, tf.constant(tags), mask, potentials)
        own = chain.path_score(same, tf.constant(tags), mask, potentials)

        expected = scores - enumeration.log_sum(scores)
        np.testing.assert_allclose(
            result, expected, rtol=0, atol=tolerance(dtype, kind)
        )
        np.testing.assert_allclose(own, scores, rtol=0, atol=tolerance(dtype, kind))


@every_kind_and_both_dtypes
def test_marginals_are_the_shares_of_the_sequences_with_a_tag(kind, dtype):
    emissions, potentials = draw(kind, dtype)
    result = chain.marginals(emissions, tf.constant(MASK), potentials)
    expected = np.zeros(emissions.shape)
    for row, valid in rows(emissions):
        expected[row, MASK[row]] = enumeration.marginals(valid, potentials)[0]
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance(dtype, kind))


def enumerated_log_likelihood(emissions, tags, potentials):
    """Returns log P of each row's tags, all valid, by operations with gradients."""
    every = enumeration.sequences(np.zeros((STEPS, TAGS)), potentials)[0]

    def scores(paths):  # (rows, paths, steps) → (rows, paths)
        steps = tf.range(STEPS) + tf.zeros_like(paths)
        own = tf.gather_nd(emissions, tf.stack([steps, paths], -1), batch_dims=1)
        pairs = tf.stack([paths[..., :-1], paths[..., 1:]], axis=-1)
        between = tf.gather_nd(potentials.transitions, pairs)
        return (
            tf.reduce_sum(own, axis=-1)
            + tf.reduce_sum(between, axis=-1)
            + tf.gather(potentials.start, paths[..., 0])
            + tf.gather(potentials.end, paths[..., -1])
        )

    every = tf.tile(tf.constant(every, tf.int32)[None], [len(emissions), 1, 1])
    return scores(tags[:, None])[:, 0] - tf.reduce_logsumexp(scores(every), axis=1)


@every_kind
def test_gradients_are_those_of_the_enumeration(kind):
    emissions, potentials = draw(kind, "float64")
    best = chain.viterbi(emissions, None, potentials)
    sources = [emissions, *potentials]

    def gradients(function):
        with tf.GradientTape() as tape:
            tape.watch(sources)
            rows = function()
            weights = tf.range(1, ROWS + 1, dtype=rows.dtype)
            loss = tf.reduce_sum(weights * rows)
        found = tape.gradient(loss, sources)
        return [tf.convert_to_tensor(gradient) for gradient in found]

    result = gradients(lambda: chain.log_likelihood(emissions, best, None, potentials))
    expected = gradients(lambda: enumerated_log_likelihood(emissions, best, potentials))
    for own, other in zip(result, expected, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-10)


@every_kind
def test_gradient_by_the_transitions_is_the_expected_number_of_each(kind):
    emissions, potentials = draw(kind)
    with tf.GradientTape() as tape:
        tape.watch(potentials)
        value = chain.log_partition(emissions, tf.constant(MASK), potentials)
    gradients = tape.gradient(value, potentials)
    pairs, start, end = 0, 0, 0
    for _, valid in rows(emissions):
        single, own = enumeration.marginals(valid, potentials)
        pairs = pairs + own
        start, end = start + single[:1].sum(axis=0), end + single[-1:].sum(axis=0)
    for own, other in zip(gradients, (pairs, start, end), strict=True):
        np.testing.assert_allclose(own, other, atol=tolerance("float32", kind))


@every_kind
def test_viterbi_finds_the_best_sequence(kind):
    emissions, potentials = draw(kind)
    result = chain.viterbi(emissions, tf.constant(MASK), potentials).numpy()
    for row, valid in rows(emissions):
        found, scores = enumeration.sequences(valid, potentials)
        np.testing.assert_array_equal(result[row, MASK[row]], found[scores.argmax()])
    assert not result[~MASK].any()


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        ("free", 1),
        ("free", 100),
        ("constrained", 4),
        ("constrained", 100),
        ("wide", 4),
        ("wide and constrained", 1),
        ("wide and constrained", 100),
    ],
)
def test_n_best_are_the_first_of_the_sorted_sequences(kind, n):
    emissions, potentials = draw(kind)
    paths, values = chain.n_best(emissions, tf.constant(MASK), potentials, n=n)
    assert paths.shape == (ROWS, n, STEPS)
    for row, valid in rows(emissions):
        found, scores = enumeration.sequences(valid, potentials)
        scores = scores - enumeration.log_sum(scores)
        order = np.argsort(-scores)[:n]
        order = order[scores[order] > -np.inf]
        own, rest = np.split(paths.numpy()[row], [len(order)])
        np.testing.assert_array_equal(own[:, MASK[row]], found[order])
        assert not own[:, ~MASK[row]].any()
        assert not rest.any()
        own, rest = np.split(values.numpy()[row], [len(order)])
        within = tolerance("float32", kind)
        np.testing.assert_allclose(own, scores[order], atol=within)
        assert (rest == -np.inf).all()
