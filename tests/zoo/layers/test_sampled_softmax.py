"""The sampled softmax, against its formula and the full softmax."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw
from zoo.layers import SampledSoftmax

PREDICTIONS, UNITS, TOKENS = 6, 3, 9
LABELS = np.array([0, 8, 2, 2, 5, 1], "int32")


def make_softmax(samples=20, seed=3, **arguments):
    layer = SampledSoftmax(samples, seed=seed, **arguments)
    layer.build((None, UNITS), (None,), (TOKENS, UNITS))
    layer.bias.assign(draw(TOKENS, seed=7))
    return layer


def chances():
    ids = np.arange(TOKENS)
    return np.log((ids + 2) / (ids + 1)) / np.log(TOKENS + 1)


def drawn_by(monkeypatch, layer, *arguments):
    """Returns a sampled loss, and the sample, by inverting the distribution."""
    seen = []
    uniform = keras.random.uniform

    def spy(*args, **kwargs):
        seen.append(uniform(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(keras.random, "uniform", spy)
    loss = layer(*arguments, training=True)
    (numbers,) = seen
    return loss, np.searchsorted(np.cumsum(chances()), numbers, side="right")


def test_loss_outside_training_is_that_of_the_full_softmax():
    layer, hidden, table = make_softmax(), draw(PREDICTIONS, UNITS), draw(TOKENS, UNITS)
    logits = hidden @ table.T + np.asarray(layer.bias)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits)
    loss = layer(hidden, LABELS, table)
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)


@pytest.mark.parametrize("strange", [-1, TOKENS])
def test_a_label_that_is_no_id_has_no_loss(strange):
    layer, hidden, table = make_softmax(), draw(PREDICTIONS, UNITS), draw(TOKENS, UNITS)
    labels = LABELS.copy()
    labels[1] = strange
    for training in (False, True):
        assert np.isfinite(layer(hidden, LABELS, table, training=training))
        assert np.isnan(layer(hidden, labels, table, training=training))
    losses = layer.sampled_losses(hidden, labels, table)
    assert np.flatnonzero(np.isnan(losses)).tolist() == [1]


def test_sampled_loss_is_the_formula_of_its_sample(monkeypatch):
    layer, hidden, table = make_softmax(), draw(PREDICTIONS, UNITS), draw(TOKENS, UNITS)

    loss, sample = drawn_by(monkeypatch, layer, hidden, LABELS, table)

    assert len(sample) == 20
    assert set(sample) & set(LABELS)  # what counts as label and as drawn
    assert len(set(sample)) < len(sample)  # what must count as often as drawn
    logits = hidden.astype("float64") @ table.T + np.asarray(layer.bias)
    scores = logits - np.log(20 * chances())
    losses = []
    for row, label in enumerate(LABELS):
        others = sum(np.exp(scores[row, k]) for k in sample)
        own = scores[row, label]
        losses.append(-own + np.log(np.exp(own) + others))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)


def test_tokens_are_drawn_by_their_rank(monkeypatch):
    seen = []
    take = keras.ops.take
    monkeypatch.setattr(
        keras.ops, "take", lambda *a, **k: seen.append(np.array(a[1])) or take(*a, **k)
    )
    layer, hidden, table = make_softmax(40_000), draw(1, UNITS), draw(TOKENS, UNITS)
    layer(hidden, LABELS[:1], table, training=True)
    sample = next(ids for ids in seen if ids.size == 40_000)
    counts = np.bincount(sample, minlength=TOKENS)
    assert len(counts) == TOKENS
    np.testing.assert_allclose(counts / 40_000, chances(), atol=0.01)


def test_draws_follow_from_the_seed():
    arguments = draw(PREDICTIONS, UNITS), LABELS, draw(TOKENS, UNITS)
    one, same, other = make_softmax(seed=1), make_softmax(seed=1), make_softmax(seed=2)
    first = one(*arguments, training=True)
    assert first == same(*arguments, training=True)
    assert first != other(*arguments, training=True)
    assert first != one(*arguments, training=True)  # a new sample each time


def test_sampled_loss_has_the_optimum_of_the_full_softmax():
    # Nothing but biases: the full softmax' optimum is the tokens' frequencies.
    counts = np.array([1, 30, 2, 20, 5, 8, 16, 12, 6])
    labels = tf.constant(np.repeat(np.arange(TOKENS, dtype="int32"), counts))
    hidden, table = tf.zeros((100, UNITS)), tf.zeros((TOKENS, UNITS))
    layer = make_softmax(samples=50)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = layer(hidden, labels, table, training=True)
        layer.bias.value.assign_sub(tape.gradient(loss, layer.bias.value))

    biases = []
    for _ in range(600):
        step()
        biases.append(layer.bias.numpy())

    mean = np.mean(biases[200:], axis=0)  # without the noise of the samples
    chances = np.exp(mean) / np.sum(np.exp(mean))
    np.testing.assert_allclose(chances, counts / 100, atol=0.02)


def test_softmax_survives_serialization():
    layer = SampledSoftmax(5, seed=2)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(copy) is SampledSoftmax
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
@pytest.mark.parametrize("never", [(), (0, 4)])
def test_losses_are_as_exact_as_in_single_precision_whatever_the_policy(policy, never):
    half = "float64" if policy == "float64" else policy.removeprefix("mixed_")
    hidden, table = draw(PREDICTIONS, UNITS), draw(TOKENS, UNITS)
    hidden, table = (tf.cast(each, half) for each in (hidden, table))
    layer = make_softmax(never=never, dtype=policy)
    single = make_softmax(never=never, dtype="float32")
    wanted = tf.float64 if policy == "float64" else tf.float32

    def check(found, expected):
        assert found.dtype == wanted
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    labels = np.array([8, 2, 2, 5, 1, 3], "int32")
    of_single = [tf.cast(each, "float32") for each in (hidden, table)]
    for training in (False, True):
        check(
            layer(hidden, labels, table, training=training),
            single(of_single[0], labels, of_single[1], training=training),
        )
    check(layer.logits(hidden, table), single.logits(*of_single))


def test_tokens_before_the_first_are_drawn_as_the_rarest():
    rare = 4
    hidden, table = draw(PREDICTIONS, UNITS), draw(TOKENS, UNITS)
    layer = SampledSoftmax(20, seed=3, first=rare)
    layer.build((None, UNITS), (None,), (TOKENS, UNITS))
    layer.bias.assign(draw(TOKENS, seed=7))
    # The same tokens in the order of their ranks.
    by_rank = SampledSoftmax(20, seed=3)
    by_rank.build((None, UNITS), (None,), (TOKENS, UNITS))
    by_rank.bias.assign(np.roll(np.asarray(layer.bias), -rare))
    np.testing.assert_allclose(
        layer(hidden, LABELS, table, training=True),
        by_rank(
            hidden, (LABELS - rare) % TOKENS, np.roll(table, -rare, 0), training=True
        ),
        rtol=1e-6,
    )
    assert layer.get_config()["first"] == rare


@pytest.mark.parametrize("arguments", [{"never": [-1]}, {"never": [9]}, {"first": 9}])
def test_ids_that_the_table_has_not_are_refused(arguments):
    layer = SampledSoftmax(4, **arguments)
    with pytest.raises(ValueError, match=r"ids in \[0, 9\), rows of the table, found"):
        layer.build(None, None, (9, 3))


def test_a_negative_sample_is_refused():
    with pytest.raises(ValueError, match=r"samples must be at least 1.*found -4"):
        SampledSoftmax(-4)
