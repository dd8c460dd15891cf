"""What a text has said before, mixed in: against the equations in NumPy, in loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw
from zoo.layers import ContinuousCache

ROWS, STEPS, FEATURES, TOKENS = 3, 17, 6, 5
IDS = np.random.default_rng(1).integers(0, TOKENS, [ROWS, STEPS]).astype("int32")


def make(places=6, **arguments):
    arguments = {"units": 4, "sharpness": 5.0, "threshold": 0.3} | arguments
    cache = ContinuousCache(places, **arguments)
    cache.build((None, None, FEATURES))
    return cache


def start(cache, rows=ROWS):
    return [tf.zeros([rows, size]) for size in cache.state_size]


def inputs():
    return draw(ROWS, STEPS, FEATURES), IDS, draw(ROWS, STEPS, TOKENS, seed=1)


def by_hand(cache, hidden, ids, logits):
    """Returns P(y<t>) of one text, (steps, V), place by place."""
    projection = np.asarray(cache.projection, "float64")
    keys = hidden.astype("float64") @ projection
    keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
    found = []
    for t, scores in enumerate(logits.astype("float64")):
        own = np.exp(scores - scores.max())
        own /= own.sum()
        # h<j> was followed by x<j+1>, which has been read.
        places = range(max(0, t - cache.places), t)
        if places:
            similar = np.array([keys[t] @ keys[j] for j in places])
            weights = np.exp(cache.sharpness * similar)
            copy = np.zeros(len(own))
            for j, weight in zip(places, weights / weights.sum(), strict=True):
                copy[ids[j + 1]] += weight
            distance = similar.max() - cache.threshold
            share = copy.max() / (1 + np.exp(-cache.sharpness * distance))
            own = (1 - share) * own + share * copy
        found.append(own)
    return np.array(found)


@pytest.mark.parametrize("places", [1, 6, 40])
def test_predictions_are_the_equations(places):
    cache = make(places)
    hidden, ids, logits = inputs()
    mixed, _ = cache(hidden, ids, logits, start(cache))
    for row in range(ROWS):
        expected = by_hand(cache, hidden[row], ids[row], logits[row])
        found = tf.nn.softmax(mixed[row])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("strange", [-1, TOKENS])
def test_what_is_no_id_makes_its_text_nan_and_no_other(strange):
    cache = make()
    hidden, ids, logits = inputs()
    expected, _ = cache(hidden, ids, logits, start(cache))
    ids = ids.copy()
    ids[1, -1] = strange
    found, state = cache(hidden, ids, logits, start(cache))
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[0], expected[0])
    later, _ = cache(hidden, inputs()[1], logits, state)
    assert np.isnan(later[1]).all()  # as long as it remembers it
    assert np.isfinite(later[0]).all()


def test_what_is_next_to_impossible_stays_possible():
    cache = make(sharpness=50.0, threshold=0.9)
    hidden = np.tile(draw(1, 1, FEATURES), [1, 3, 1])  # the places are the same
    ids = np.array([[0, 1, 1]])
    logits = np.tile([0.0, 0.0, -120.0], [1, 3, 1])
    mixed, _ = cache(hidden, ids, logits, start(cache, 1))
    logs = tf.nn.log_softmax(tf.cast(mixed, "float64"))[0, 2]
    # One token came after all places: λ = σ(50 · 0.1).
    kept, share = 1 / (1 + np.exp(5.0)), 1 / (1 + np.exp(-5.0))
    expected = np.log([kept / 2, kept / 2 + share, kept / 2])
    np.testing.assert_allclose(logs, expected - np.array([0, 0, 120]), atol=1e-3)


@pytest.mark.parametrize("cuts", [[5], [1, 2, 3], [16], [9, 10]])
def test_a_text_in_pieces_is_predicted_as_in_one_go(cuts):
    cache = make()
    hidden, ids, logits = inputs()
    whole, last = cache(hidden, ids, logits, start(cache))
    state, pieces = start(cache), []
    for begin, end in zip([0, *cuts], [*cuts, STEPS], strict=True):
        piece = slice(begin, end)
        found, state = cache(hidden[:, piece], ids[:, piece], logits[:, piece], state)
        pieces.append(found)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-4)
    for one, other in zip(state, last, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_word_that_the_model_does_not_know_comes_again():
    # Each place of the word is like the same place of the word before, and no other.
    hidden = np.tile(np.eye(FEATURES), [3, 1])[None]
    ids = np.tile(np.arange(FEATURES), 3)[None]
    cache = make(places=30, units=64, sharpness=30.0, threshold=0.7)
    nothing = np.zeros([1, 3 * FEATURES, FEATURES])
    mixed, _ = cache(hidden, ids, nothing, start(cache, 1))
    probabilities = tf.nn.softmax(mixed).numpy()[0]
    following = probabilities[np.arange(3 * FEATURES - 1), ids[0, 1:]]
    np.testing.assert_allclose(following[:FEATURES], 1 / FEATURES, atol=0.02)
    assert (following[FEATURES:] > 0.9).all()


def test_what_nothing_was_like_is_left_to_the_model():
    hidden, ids, logits = inputs()
    cache = make(sharpness=1000.0, threshold=1.0)
    mixed, _ = cache(hidden, ids, logits, start(cache))
    np.testing.assert_allclose(mixed, logits, atol=1e-3)
    cache = make(threshold=-1.0)
    mixed, _ = cache(hidden[:, :1], ids[:, :1], logits[:, :1], start(cache))
    np.testing.assert_allclose(mixed, logits[:, :1], atol=1e-5)


def test_what_has_no_probability_keeps_none():
    hidden, ids, logits = inputs()
    cache = make()
    logits[..., 0] = -1e9
    ids = np.maximum(ids, 1)
    mixed, _ = cache(hidden, ids, logits, start(cache))
    assert (tf.nn.softmax(mixed).numpy()[..., 0] == 0).all()
    assert np.isfinite(mixed).all()


def test_no_rows_have_no_predictions():
    cache = make()
    hidden, ids, logits = (each[:0] for each in inputs())
    mixed, state = cache(hidden, ids, logits, start(cache, 0))
    assert mixed.shape == (0, STEPS, TOKENS)
    assert [each.shape[0] for each in state] == [0] * 4


def test_half_precision_is_not_carried_on():
    cache = make(dtype="float32")
    hidden, ids, logits = inputs()
    hidden = tf.cast(hidden, "bfloat16")
    exact, _ = cache(tf.cast(hidden, "float32"), ids, logits, start(cache))
    mixed, state = cache(hidden, ids, logits, start(cache))
    assert {each.dtype for each in (mixed, *state)} == {tf.float32}
    np.testing.assert_allclose(mixed, exact, rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_predictions_are_as_exact_as_in_single_precision_whatever_the_policy(policy):
    hidden, ids, logits = inputs()
    ids = ids + 1000  # which half precision can't tell from each other
    logits = np.tile(logits, [1, 1, 300])
    half = "float64" if policy == "float64" else policy.removeprefix("mixed_")
    hidden, logits = (tf.cast(each, half) for each in (hidden, logits))
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(policy)
        cache = make()
    finally:
        keras.config.set_dtype_policy(before)
    single = make(dtype="float32")
    single.projection.assign(np.asarray(cache.projection))  # drawn in each precision

    mixed, state = cache(hidden, ids, logits, start(cache))

    expected, last = single(
        tf.cast(hidden, "float32"), ids, tf.cast(logits, "float32"), start(single)
    )
    wanted = "float64" if policy == "float64" else "float32"
    assert {each.dtype for each in (mixed, *state)} == {tf.as_dtype(wanted)}
    for one, other in zip((mixed, *state), (expected, *last), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    again, _ = cache(hidden, ids, logits, [tf.cast(each, half) for each in state])
    assert again.dtype == mixed.dtype


def test_the_same_seed_draws_the_same_projection():
    cache = make()
    copy = ContinuousCache.from_config(cache.get_config())
    copy.build((None, None, FEATURES))
    np.testing.assert_array_equal(copy.projection, cache.projection)
    other = make(seed=1)
    assert not np.array_equal(other.projection, cache.projection)
    assert not cache.trainable_variables


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"places": 0}, "places must be at least 1, found 0"),
        ({"places": 3, "units": 0}, "units must be at least 1, found 0"),
        ({"places": 3, "sharpness": 0.0}, "sharpness must be above 0, found 0.0"),
        ({"places": 3, "sharpness": float("nan")}, "above 0, found nan"),
        ({"places": 3, "threshold": 1.5}, r"threshold must be in \[-1, 1\]"),
    ],
)
def test_numbers_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        ContinuousCache(**arguments)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s[:3], "has 4 states, found 3 as `state`"),
        (lambda s: [*s, s[0]], "has 4 states, found 5 as `state`"),
        (lambda s: [s[1], s[0], *s[2:]], r"`state` of .* \(batch, 4\) in place 1 of 4"),
        (lambda s: [each[:1] for each in s], "`state` of .* has 1 rows, but .* have 3"),
        (lambda s: {"keys": s[0]}, "`state` of .* Found names: keys"),
    ],
)
def test_the_state_of_another_cache_is_an_error(spoil, message):
    cache = make()
    state = spoil(start(cache))
    with pytest.raises(ValueError, match=message):
        cache(*inputs(), state)
    with pytest.raises(ValueError, match=message):
        tf.function(cache)(*inputs(), state)


def test_the_state_of_other_rows_is_an_error_in_a_graph():
    cache = make()

    @tf.function(input_signature=[tf.TensorSpec([None, None])] * 4)
    def read(*state):
        return cache(*inputs(), list(state))

    assert read(*start(cache))[0].shape == (ROWS, STEPS, TOKENS)
    for state in (start(cache, 1), start(make(places=7))):
        with pytest.raises(tf.errors.InvalidArgumentError):
            read(*state)


def test_no_steps_leave_the_state():
    cache = make()
    before = cache(*inputs(), start(cache))[1]

    def read(hidden, ids, logits):
        return cache(hidden, ids, logits, before)

    specs = [
        tf.TensorSpec([None, None, FEATURES]),
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None, None, TOKENS]),
    ]
    none = [tf.constant(each[:, :0]) for each in inputs()]
    for call in (read, tf.function(read, input_signature=specs)):
        mixed, after = call(*none)
        assert mixed.shape == (ROWS, 0, TOKENS)
        for new, old in zip(after, before, strict=True):
            np.testing.assert_array_equal(new, old)
