"""Attention, against the papers' equations in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from tests.zoo.layers.attentions import N_H, N_Q, UNITS, attended
from tests.zoo.layers.masks import ALL_PATTERNS, ROWS, STEPS, every_mask
from zoo.layers import Attention, coverage
from zoo.layers.attention import masked_softmax

T = 3

every_score = pytest.mark.parametrize("score", ["additive", "dot", "general", "concat"])


def make(score="additive", heads=1, **arguments):
    if score in ("additive", "concat"):
        arguments["units"] = UNITS
    layer = Attention(score, heads=heads, **arguments)
    layer.build((None, None, queries_size(score)), (None, None, N_H))
    draw_weights(layer)
    return layer


def queries_size(score):
    return N_H if score == "dot" else N_Q


def draw_all(score, rows=ROWS):
    queries = draw(rows, T, queries_size(score), seed=2)
    return queries, draw(rows, STEPS, N_H, seed=3)


def expected(layer, queries, values, mask):
    """Returns the contexts and the mean α of all rows and steps."""
    mask = np.ones(values.shape[:2], bool) if mask is None else mask
    found = [
        [attended(layer, q, values[row], mask[row]) for q in queries[row]]
        for row in range(len(values))
    ]
    contexts = np.array([[context for context, _ in row] for row in found])
    return contexts, np.array([[a.mean(axis=0) for _, a in row] for row in found])


@every_mask
@every_score
@pytest.mark.parametrize("heads", [1, 2])
def test_contexts_and_weights_are_the_equations(score, heads, mask):
    layer = make(score, heads)
    queries, values = draw_all(score)

    contexts, weights = layer(queries, values, values_mask=mask)

    for result, value in zip(
        (contexts, weights), expected(layer, queries, values, mask), strict=True
    ):
        np.testing.assert_allclose(result, value, atol=1e-5)


@every_score
def test_a_step_with_a_prepared_memory_is_the_whole_sequences(score):
    layer = make(score, heads=2)
    queries, values = draw_all(score, len(ALL_PATTERNS))
    contexts, weights = layer(queries, values, values_mask=ALL_PATTERNS)
    memory = layer.memory(values, ALL_PATTERNS)
    for t in range(T):
        context, weight = layer.attend(queries[:, t], memory)
        np.testing.assert_allclose(context, contexts[:, t], atol=1e-6)
        np.testing.assert_allclose(weight, weights[:, t], atol=1e-6)


def test_each_heads_weights_can_be_read():
    layer = make("additive", heads=2)
    queries, values = draw_all("additive")
    mask = ALL_PATTERNS[:ROWS]
    weights = layer.head_weights(queries, layer.memory(values, mask))
    assert weights.shape == (ROWS, 2, T, STEPS)
    for row in range(ROWS):
        for t in range(T):
            _, alpha = attended(layer, queries[row, t], values[row], mask[row])
            np.testing.assert_allclose(weights[row, :, t], alpha, atol=1e-6)


@every_score
@pytest.mark.parametrize("garbage", [1e3, np.nan, np.inf])
def test_padding_never_changes_the_result(score, garbage):
    layer = make(score, heads=2)
    queries, values = draw_all(score)
    places = ((0, 0), (1, 2))
    mask = np.pad(np.ones(values.shape[:2], bool), places)
    padded = np.pad(values, (*places, (0, 0)), constant_values=np.float32(garbage))

    contexts, weights = layer(queries, padded, values_mask=mask)

    alone, alone_weights = layer(queries, values)
    np.testing.assert_allclose(contexts, alone, atol=1e-6)
    np.testing.assert_allclose(weights[:, :, 1:-2], alone_weights, atol=1e-6)


@every_score
def test_gradients_reach_all_weights_and_none_the_padding(score):
    layer = make(score, heads=2)
    queries, values = map(tf.constant, draw_all(score, len(ALL_PATTERNS)))
    with tf.GradientTape() as tape:
        tape.watch([queries, values])
        contexts, _ = layer(queries, values, values_mask=ALL_PATTERNS)
        loss = tf.reduce_sum(contexts**2)
    variables = [weight.value for weight in layer.weights]
    of_queries, of_values, *others = tape.gradient(loss, [queries, values, *variables])
    assert all(np.isfinite(other).all() and np.any(other) for other in others)
    assert np.isfinite(of_queries).all()
    np.testing.assert_array_equal(np.any(of_values, axis=-1), ALL_PATTERNS)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@every_score
def test_half_precision_stays_near_single_precision(score, dtype):
    single, half = make(score, heads=2), make(score, heads=2, dtype=dtype)
    queries, values = draw_all(score, len(ALL_PATTERNS))
    contexts, weights = half(queries, values, values_mask=ALL_PATTERNS)
    assert contexts.dtype == dtype.removeprefix("mixed_")
    assert weights.dtype == "float32"
    sums = np.repeat(ALL_PATTERNS.any(axis=1)[:, None], T, axis=1)
    np.testing.assert_allclose(tf.reduce_sum(weights, -1), sums, rtol=1e-5)
    alone, alone_weights = single(queries, values, values_mask=ALL_PATTERNS)
    np.testing.assert_allclose(tf.cast(contexts, "float32"), alone, atol=0.1)
    np.testing.assert_allclose(weights, alone_weights, atol=0.06)


def test_softmax_of_scores_that_half_precision_cannot_add():
    scores = tf.constant([[60000.0, 60000.0, -60000.0]], tf.float16)
    mask = tf.constant([[True, True, True]])
    np.testing.assert_array_equal(masked_softmax(scores, mask), [[0.5, 0.5, 0]])
    np.testing.assert_array_equal(masked_softmax(scores, ~mask), [[0, 0, 0]])


@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (0, 0)])
@every_score
def test_no_rows_and_no_source_are_no_mistake(score, shape):
    layer = make(score, heads=2)
    rows, source = shape
    queries = np.zeros((rows, T, queries_size(score)), "float32")
    contexts, weights = layer(queries, np.zeros((rows, source, N_H), "float32"))
    assert contexts.shape == (rows, T, N_H)
    assert weights.shape == (rows, T, source)
    assert not np.any(contexts)


def test_mask_that_travels_with_the_values_is_used():
    layer = make()
    queries, values = draw_all("additive", len(ALL_PATTERNS))
    values *= ALL_PATTERNS[:, :, None]
    implicit, _ = layer(queries, keras.layers.Masking()(values))
    explicit, _ = layer(queries, values, values_mask=ALL_PATTERNS)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)
    queries[:, 1] = 0
    context, weights = layer(keras.layers.Masking()(queries), values)
    assert context._keras_mask.numpy().tolist() == len(queries) * [[True, False, True]]
    assert not hasattr(weights, "_keras_mask")


@every_score
def test_saved_model_loads_by_itself_and_gives_identical_results(score, tmp_path):
    inputs = keras.Input((None, queries_size(score))), keras.Input((None, N_H))
    layer = make(score, heads=2, name="attention")
    model = keras.Model(inputs, layer(*inputs))
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    assert copy.get_layer("attention").get_config() == layer.get_config()
    data = draw_all(score)
    for result, value in zip(copy(data), model(data), strict=True):
        np.testing.assert_array_equal(result, value)


@pytest.mark.parametrize(
    ("arguments", "sizes", "message"),
    [
        ({"score": "cosine"}, (2, 2), "score must be one of additive, dot, .*'cosine'"),
        ({"score": "dot", "units": 3}, (2, 2), "no `units` of its own, found 3"),
        ({"heads": 0}, (2, 2), "heads must be at least 1, found 0"),
        ({"score": "dot"}, (3, 2), "one size, found 3 and 2. Take 'general'"),
        ({"units": 3, "heads": 2}, (2, 2), "2 heads can't share keys of size 3"),
        ({"units": 4, "heads": 2}, (2, 3), "2 heads can't share values of size 3"),
    ],
)
def test_wrong_argument_is_named(arguments, sizes, message):
    with pytest.raises(ValueError, match=message):
        Attention(**arguments).build(*[(None, None, size) for size in sizes])


def test_memory_before_the_weights_is_refused():
    with pytest.raises(ValueError, match="has no weights yet"):
        Attention().memory(draw(1, 2, 3))


def test_coverage_counts_what_is_no_padding():
    weights = np.array(
        [
            [[1.0, 0, 0], [0.5, 0.5, 0], [0.9, 0.1, 0]],  # the last is padding
            [[1 / 3, 1 / 3, 1 / 3], [0, 1, 0], [0, 1, 0]],
        ],
        "float32",
    )
    source = np.array([[True, True, False], [True, True, True]])
    target = np.array([[True, True, False], [True, True, True]])
    found = coverage(weights, source, target)
    np.testing.assert_allclose(
        found.received, [[1.5, 0.5, 0], [1 / 3, 7 / 3, 1 / 3]], rtol=1e-6
    )
    np.testing.assert_allclose(found.missed, [0.25, 4 / 9], rtol=1e-6)
    np.testing.assert_allclose(found.repeated, [0.25, 4 / 9], rtol=1e-6)
    np.testing.assert_allclose(found.entropy, [np.log(2) / 2, np.log(3) / 3], rtol=1e-6)
    everything = coverage(weights)
    np.testing.assert_allclose(everything.received, weights.sum(1), rtol=1e-6)


@pytest.mark.parametrize("units", [0, -3])
def test_units_below_1_are_refused(units):
    with pytest.raises(ValueError, match=f"units must be at least 1, found {units}"):
        Attention(units=units)


def test_checks_for_numbers_take_masked_scores_for_meant():
    layer, x = Attention("dot"), tf.Variable(np.ones((2, 3, 2), "float32"))
    mask = tf.constant([[True, False, True], [False, False, False]])
    tf.debugging.enable_check_numerics()
    try:
        with tf.GradientTape() as tape:
            context, weights = layer(x, x, values_mask=mask)
        np.testing.assert_allclose(weights[0, 0], [0.5, 0, 0.5])
        assert np.isfinite(tape.gradient(context, x)).all()
    finally:
        tf.debugging.disable_check_numerics()
