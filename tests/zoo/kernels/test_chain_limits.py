"""Chains that are empty, masked, impossible, long or wide."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.kernels.chains import MASK, ROWS, TAGS, draw, results
from zoo.kernels import chain


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_masked_makes_no_difference(garbage):
    emissions, potentials = draw("constrained")
    garbled = np.where(MASK[..., None], emissions, np.float32(garbage))
    expected = results(emissions, tf.constant(MASK), potentials)
    found = results(tf.constant(garbled), tf.constant(MASK), potentials)
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "steps"), [(2, 0), (0, 4), (0, 0)])
@pytest.mark.parametrize("masked", [False, True])
def test_batches_without_rows_and_without_steps_have_the_empty_sequence(
    batch, steps, masked
):
    emissions, potentials = draw("free", shape=(batch, steps))
    mask = tf.ones((batch, steps), tf.bool) if masked else None
    value, gradient, *others, paths, values = results(emissions, mask, potentials)
    np.testing.assert_array_equal(value, np.zeros(batch))
    assert gradient.shape == emissions.shape
    assert not any(tf.reduce_any(other != 0) for other in others[:3])
    assert others[4].shape == (batch, steps)
    assert paths.shape == (batch, 3, steps)
    expected = np.tile(np.float32([0, -np.inf, -np.inf]), [batch, 1])
    np.testing.assert_array_equal(values, expected)


def test_single_tag_has_one_sequence():
    emissions, potentials = draw("free", tags=1)
    mask = tf.constant(MASK)
    tags = tf.zeros(MASK.shape, tf.int32)
    likelihoods = chain.log_likelihood(emissions, tags, mask, potentials)
    np.testing.assert_allclose(likelihoods, np.zeros(ROWS), atol=1e-6)
    marginals = chain.marginals(emissions, mask, potentials)
    np.testing.assert_allclose(marginals[..., 0], MASK, atol=1e-6)


def test_where_nothing_is_allowed_log_z_is_minus_infinity_and_nothing_is_nan():
    emissions, potentials = draw("impossible")
    found = results(emissions, tf.constant(MASK), potentials)
    possible = MASK.sum(axis=1) < 2
    np.testing.assert_array_equal(np.isfinite(found[0]), possible)
    np.testing.assert_array_equal(found[-1][:, 0] > -np.inf, possible)
    assert not any(np.isnan(each).any() for each in found)
    assert not np.any(found[1][~possible])


def test_forbidden_tags_have_no_probability_and_no_gradient():
    emissions, potentials = draw("constrained")
    tags = tf.constant([[0, 1, 0, 0]] * ROWS)
    sources = [emissions, *potentials]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        value = chain.log_likelihood(emissions, tags, None, potentials)
    np.testing.assert_array_equal(value, np.full(ROWS, -np.inf))
    for gradient in tape.gradient(value, sources):
        np.testing.assert_array_equal(gradient, tf.zeros_like(gradient))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["free", "constrained", "wide"])
def test_long_sequences_lose_no_precision(kind):
    shape = (2, 1238)
    emissions, potentials = draw(kind, shape=shape)
    double = tf.cast(emissions, "float64")
    doubles = chain.Potentials(*(tf.cast(each, "float64") for each in potentials))
    best = chain.viterbi(emissions, None, potentials)

    own, exact = (
        chain.log_likelihood(*each)
        for each in (
            (emissions, best, None, potentials),
            (double, best, None, doubles),
        )
    )
    within = 1e-3 if kind == "wide" else 2e-5
    np.testing.assert_allclose(own, exact, rtol=2e-6, atol=within)
    np.testing.assert_array_equal(best, chain.viterbi(double, None, doubles))
    single, exact = (
        chain.marginals(emissions, None, potentials),
        chain.marginals(double, None, doubles),
    )
    np.testing.assert_allclose(single, exact, atol=2e-4 if kind == "wide" else 1e-5)
    np.testing.assert_allclose(tf.reduce_sum(single, axis=-1), 1, atol=1e-4)


def test_many_tags_agree_with_the_recurrence_as_it_is_written():
    tags, shape = 200, (2, 6)
    emissions, potentials = draw("free", tags=tags, shape=shape)
    transitions, start, end = (np.float64(each) for each in potentials)
    e = emissions.numpy().astype("float64")
    alpha = start + e[:, 0]
    for t in range(1, shape[1]):
        alpha = e[:, t] + np.log(np.exp(alpha[:, :, None] + transitions).sum(axis=1))
    expected = np.log(np.exp(alpha + end).sum(axis=1))
    result = chain.log_partition(emissions, None, potentials)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.slow
def test_graph_for_any_shape_gives_the_same():
    emissions, potentials = draw("constrained")
    mask = tf.constant(MASK)
    signature = [
        tf.TensorSpec([None, None, TAGS]),
        tf.TensorSpec([None, None], tf.bool),
    ]
    graph = tf.function(
        lambda emissions, mask: results(emissions, mask, potentials),
        input_signature=signature,
    )
    expected = results(emissions, mask, potentials)
    for own, other in zip(graph(emissions, mask), expected, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["free", "constrained", "wide"])
def test_second_order_gradient_is_that_of_the_marginals(kind):
    emissions, potentials = draw(kind, dtype="float64")
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(emissions)
        with tf.GradientTape() as inner:
            inner.watch(emissions)
            value = chain.log_partition(emissions, None, potentials)
        gradient = inner.gradient(value, emissions)
    expected = chain.marginals(emissions, None, potentials)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    rise = 1e-6 * np.random.default_rng(1).normal(size=emissions.shape)
    slope = outer.gradient(gradient, emissions, rise)
    ahead, behind = (
        chain.marginals(emissions + step, None, potentials) for step in (rise, -rise)
    )
    np.testing.assert_allclose(slope, (ahead - behind) / 2, atol=1e-12)


def test_one_graph_serves_all_shapes_in_eager_mode():
    # Else each length would be traced anew, which takes longer than to compute it.
    _, potentials = draw("free")
    graphs = set()
    real = tf.while_loop

    def counting(*arguments, **others):
        graphs.add(tf.compat.v1.get_default_graph())
        return real(*arguments, **others)

    emissions, _ = draw("free", shape=(2, 3))
    chain.viterbi(emissions, None, potentials)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf, "while_loop", counting)
        for length in range(2, 6):
            emissions, _ = draw("free", shape=(2, length))
            chain.viterbi(emissions, None, potentials)
    assert not graphs
