"""Draws, against the distributions that they are of."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import Bernoulli, Categorical
from zoo.decoding.sampling import _first_beyond

DRAWS = 20_000
CRITICAL = {1: 15.14, 2: 18.42, 3: 21.11, 4: 23.51, 5: 25.74, 6: 27.86, 7: 29.88}
"""χ² that is exceeded once in 10 000 times, by degrees of freedom."""

LOGITS = np.array([1.0, 0.2, -1.0, 2.0, 0.1, -0.3, 0.9, -2.0], np.float32)
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum()


def chi_square(ids, probabilities):
    """Returns χ² of draws, and its degrees of freedom."""
    counts = np.bincount(ids, minlength=len(probabilities))
    possible = probabilities > 0
    assert not counts[~possible].any()
    expected = probabilities[possible] * len(ids)
    assert expected.min() > 5
    statistic = ((counts[possible] - expected) ** 2 / expected).sum()
    return statistic, possible.sum() - 1


def renormalized(weights):
    return weights / weights.sum()


def test_critical_values_are_those_of_chi_square():
    stats = pytest.importorskip("scipy.stats")
    for freedom, value in CRITICAL.items():
        assert stats.chi2.isf(1e-4, freedom) == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, PROBABILITIES),
        ({"temperature": 0.5}, renormalized(PROBABILITIES**2)),
        ({"temperature": 2.0}, renormalized(PROBABILITIES**0.5)),
        ({"top_k": 3}, renormalized(PROBABILITIES * (LOGITS >= 0.9))),
        # 0.46, 0.17, 0.15 and 0.08 go above 0.8
        ({"top_p": 0.8}, renormalized(PROBABILITIES * (LOGITS >= 0.2))),
        ({"forbid": [3, 7]}, renormalized(PROBABILITIES * (np.arange(8) % 4 != 3))),
        (
            {"temperature": 0.5, "top_k": 4, "forbid": [3]},
            renormalized((PROBABILITIES**2) * [1, 1, 0, 0, 1, 0, 1, 0]),
        ),
    ],
    ids=str,
)
def test_ids_are_drawn_from_the_softmax(how, expected):
    logits = tf.tile(LOGITS[None], [DRAWS, 1])
    ids = Categorical(**how)(logits, tf.constant([0, 7])).numpy()
    statistic, freedom = chi_square(ids, expected)
    assert statistic < CRITICAL[freedom]


def test_ids_are_drawn_from_the_softmax_seed_by_seed():
    @tf.function
    def draw(seeds):
        sample = Categorical()
        return tf.map_fn(
            lambda seed: sample(LOGITS[None], seed)[0],
            seeds,
            tf.TensorSpec([], "int32"),
        )

    seeds = tf.stack([tf.range(5000), tf.zeros([5000], tf.int32)], axis=1)
    statistic, freedom = chi_square(draw(seeds).numpy(), PROBABILITIES)
    assert statistic < CRITICAL[freedom]


def test_temperature_0_is_argmax():
    logits = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    logits[:100] = np.round(logits[:100])
    for temperature in (0, tf.constant(0.0)):
        ids = Categorical(temperature)(logits, tf.constant([1, 2]))
        np.testing.assert_array_equal(ids, logits.argmax(-1))


def test_an_id_of_no_probability_is_never_drawn():
    logits = np.full((DRAWS, 5), -np.inf, np.float32)
    logits[:, [1, 3]] = [-1e30, -1e30]
    ids = Categorical()(logits, tf.constant([3, 4])).numpy()
    assert set(ids) == {1, 3}


def test_filters_may_be_tensors_of_a_graph():
    sample = tf.function(
        lambda seed, t, k, p: Categorical(t, k, p, forbid=[3])(
            tf.tile(LOGITS[None], [50, 1]), seed
        )
    )
    seed = tf.constant([5, 6])
    numbers = [(0.7, 3, 1.0), (1.3, 0, 0.6), (0.0, 0, 1.0)]
    for t, k, p in numbers:
        found = sample(seed, *map(tf.constant, (t, k, p)))
        expected = Categorical(t, k, p, forbid=[3])(np.tile(LOGITS, (50, 1)), seed)
        np.testing.assert_array_equal(found, expected)


def test_a_row_does_not_depend_on_the_others_nor_on_xla():
    logits = np.random.default_rng(3).normal(size=(7, 11)).astype(np.float32)
    seed = tf.constant([8, 9])
    for sample in (Categorical(), Bernoulli()):
        drawn = sample(logits, seed).numpy()
        np.testing.assert_array_equal(sample(logits[:3], seed), drawn[:3])
        other = np.concatenate([-logits[:6], logits[6:]])
        np.testing.assert_array_equal(sample(other, seed)[6:], drawn[6:])
        compiled = tf.function(sample, jit_compile=True, autograph=False)
        np.testing.assert_array_equal(compiled(logits, seed), drawn)


def test_another_seed_draws_others():
    logits = tf.zeros([40, 100])
    sample = Categorical()
    first, same, other = (sample(logits, [1, seed]).numpy() for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first == other).mean() < 0.2


def test_log_probability_is_the_models_whatever_the_filters():
    found = Categorical(0.1, top_k=1).log_probability(LOGITS[None], tf.constant([2]))
    np.testing.assert_allclose(found, np.log(PROBABILITIES[[2]]), rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5, tf.constant(2.0)])
def test_frames_are_drawn_entry_by_entry(temperature):
    frames = Bernoulli(temperature)(tf.tile(LOGITS[None], [DRAWS, 1]), [2, 3]).numpy()
    assert set(np.unique(frames)) == {0.0, 1.0}
    expected = 1 / (1 + np.exp(-LOGITS / float(temperature)))
    deviation = np.sqrt(expected * (1 - expected) / DRAWS)
    np.testing.assert_array_less(np.abs(frames.mean(0) - expected), 4.5 * deviation)
    correlation = np.corrcoef(frames.T) - np.eye(8)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(DRAWS)


def test_frames_at_temperature_0_are_what_is_likelier():
    for temperature in (0, tf.constant(0.0), tf.constant([-1.0])):
        frames = Bernoulli(temperature)(LOGITS[None], [0, 1])
        np.testing.assert_array_equal(frames, LOGITS[None] > 0)


def test_log_probability_of_a_frame_is_the_sum_of_its_entries():
    frame = np.array([[1, 0, 0, 1, 1, 0, 1, 0]], np.float32)
    ones = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    expected = np.log(np.where(frame == 1, ones, 1 - ones)).sum(-1)
    found = Bernoulli.log_probability(LOGITS[None], frame)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_samplers_refuse_a_negative_temperature():
    for sample in (Categorical(-1.0), Bernoulli(-1.0)):
        with pytest.raises(ValueError, match="temperature must be 0 or more"):
            sample(LOGITS[None], [0, 1])


def test_large_vocabularies_are_sampled_to_their_last_id():
    ids = Categorical()(tf.zeros([200, 50_000]), [4, 4]).numpy()
    statistic, freedom = chi_square(ids // 10_000, np.full(5, 0.2))
    assert statistic < CRITICAL[freedom]


@pytest.mark.parametrize("size", [2, 127, 128, 129, 1000])
def test_first_id_beyond_a_point_is_drawn_and_none_without_weight(size):
    rng = np.random.default_rng(size)
    weights = rng.random((500, size)) * (rng.random((500, size)) < 0.3)
    weights[:, size // 2] = 1e-12
    weights = weights.astype(np.float32)
    points = np.concatenate([[0.0, 1 - 2.0**-52], rng.random(498)])
    found = _first_beyond(tf.constant(weights), tf.constant(points)).numpy()
    sums = np.cumsum(weights.astype(np.float64), axis=1)
    expected = (sums <= points[:, None] * sums[:, -1:]).sum(axis=1)
    np.testing.assert_array_equal(found, expected)
    assert (weights[np.arange(500), found] > 0).all()
