"""The shapes that layers say they return, and tensors that have none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import (
    CRF,
    GRU,
    LSTM,
    RNN,
    Attention,
    AttentionDecoder,
    AttentionPooling,
    BagOfNGrams,
    BernoulliOutput,
    Bidirectional,
    Bridge,
    Conditioned,
    ContextDecoder,
    ContinuousCache,
    CRFDecoder,
    CRFLoss,
    DeepRNN,
    LearnedInitialState,
    MaxPooling,
    MeanPooling,
    MinGRU,
    NADEOutput,
    OutputRecurrence,
    PointerGenerator,
    SampledSoftmax,
    SimpleRNN,
    windows,
)

ROWS = [[[1.0, 2], [3, 4]], [[1.0, 2]], 3 * [[0.0, 1]]]
RAGGED = tf.ragged.constant(ROWS, ragged_rank=1)
DENSE = RAGGED.to_tensor()
IDS = tf.ragged.constant([[1, 0], [1], [0, 1, 1]])

LAYERS = {
    "attention": (Attention(heads=2, units=4), [(None, None, 3), (None, 7, 2)]),
    "attention of one step": (Attention("dot"), [(5, 2), (5, None, 2)]),
    "decoder": (
        AttentionDecoder(DeepRNN([GRU(3), LSTM(2)]), Attention(), return_state=True),
        [(None, None, 4), (None, 6, 2)],
    ),
    "decoder that is fed": (
        AttentionDecoder(
            LSTM(3), Attention(), units=5, input_feeding=True, return_state=True
        ),
        [(2, 3, 4), (2, None, 2)],
    ),
    "decoder before": (
        AttentionDecoder(GRU(3), Attention(), order="before"),
        [(None, 3, 4), (None, None, 2)],
    ),
    "decoder of a context": (ContextDecoder(GRU(3)), [(None, None, 4), (None, 2)]),
    "outputs": (OutputRecurrence(GRU(3)), [(None, None, 4), (None, None, 2)]),
    "outputs and states": (
        OutputRecurrence(RNN([keras.layers.LSTMCell(3), GRU(2).cell]), True),
        [(None, 5, 4), (None, 5, 2)],
    ),
    "outputs of a dense layer": (
        OutputRecurrence(keras.layers.Dense(3), return_state=True),
        [(4, None, 4), (4, None, 2)],
    ),
    "pointer": (
        PointerGenerator(),
        [(None, None, 9), (None, None, 3), (None, None, 6), (None, 6)],
    ),
    "sampled": (SampledSoftmax(4), [(None, 3), (None,), (9, 3)]),
    "nade": (NADEOutput(6, units=3), [(None, None, 4), (None, None, 6)]),
    "bernoulli": (BernoulliOutput(6), [(None, 4), (None, 6)]),
}


def same(found, expected):
    """Says whether two structures of shapes are equal, lists or tuples."""
    if isinstance(found, list | tuple):
        pairs = zip(found, expected, strict=True)
        return all(same(each, other) for each, other in pairs)
    return found == expected


@pytest.mark.parametrize("name", LAYERS)
def test_output_shapes_are_those_that_a_trace_of_the_call_finds(name):
    layer, shapes = LAYERS[name]
    ids = {"sampled": 1, "pointer": 3}.get(name)
    inputs = [
        keras.KerasTensor(shape, "int32" if place == ids else "float32")
        for place, shape in enumerate(shapes)
    ]
    before = layer.compute_output_shape(*shapes)

    found = layer(*inputs)

    found = keras.tree.map_structure(lambda each: tuple(each.shape), found)
    assert same(before, found)
    assert same(layer.compute_output_shape(*shapes), found)


@pytest.mark.parametrize("kind", ["copy", "dense", "zero"])
def test_shapes_of_a_bridges_states(kind):
    bridge = Bridge(kind, layers=2, sizes=[6, 6, 8, 8])
    shapes = [(None, size) for size in (3, 3, 3, 3, 4, 4, 4, 4)]

    states, c = bridge([keras.KerasTensor(shape) for shape in shapes])

    assert [state.shape for state in states] == [(None, size) for size in bridge.sizes]
    assert bridge.compute_output_shape(shapes) == ([s.shape for s in states], c.shape)


def test_shapes_of_a_caches_state():
    cache = ContinuousCache(3, units=2)
    state = [(5, size) for size in cache.state_size]
    shapes = (5, None, 4), (5, None), (5, None, 9), state
    assert cache.compute_output_shape(*shapes) == ((5, None, 9), state)


def test_shape_of_decoded_tags():
    assert CRFDecoder().compute_output_shape((None, 7, 3)) == (None, 7)


def test_weights_of_attention_are_float32_where_a_model_is_built_in_half_precision():
    attention = Attention(dtype="mixed_bfloat16")
    contexts, weights = attention(keras.Input((None, 3)), keras.Input((None, 2)))
    assert (contexts.dtype, weights.dtype) == ("bfloat16", "float32")


def test_a_decoder_of_a_context_can_be_called_and_takes_the_mask_along():
    decoder = ContextDecoder(GRU(3))
    masked = keras.layers.Masking()(DENSE)

    a = decoder(masked, tf.ones((3, 5)))

    mask = tf.reduce_any(DENSE != 0, axis=-1)
    expected, *_ = decoder.run(DENSE, tf.ones((3, 5)), mask=mask)
    np.testing.assert_array_equal(a, expected)
    np.testing.assert_array_equal(a._keras_mask, mask)
    assert np.abs(a - decoder(DENSE, tf.ones((3, 5)))).max() > 1e-3


VECTOR = tf.ones((3, 2))
SEQUENCE_CALLS = {
    "recurrent": LSTM(3),
    "element-wise": MinGRU(3),
    "any cell": RNN(keras.layers.GRUCell(3)),
    "both directions": Bidirectional(GRU(3)),
    "stack": DeepRNN([GRU(3)]),
    "wrapper": LearnedInitialState(GRU(3)),
    "vector": lambda x: Conditioned(GRU(3))(x, VECTOR),
    "outputs": lambda x: OutputRecurrence(GRU(3))(DENSE, x),
    "attention": lambda x: Attention()(DENSE, x),
    "queries": lambda x: Attention()(x, DENSE),
    "attending": lambda x: AttentionDecoder(GRU(3), Attention())(x, DENSE),
    "context": lambda x: ContextDecoder(GRU(3))(x, VECTOR),
    "max": MaxPooling(),
    "mean": MeanPooling(),
    "weighted": AttentionPooling(3),
    "tags": CRF(2),
    "decoded": lambda x: CRF(2).decode(x),
    "loss": lambda x: CRFLoss()(IDS, CRF(2)(DENSE)),
    "n-grams": lambda x: BagOfNGrams(3)(IDS),
    "gates": lambda x: GRU(3).gates(x),
    "windows": lambda x: list(windows(x, 2)),
    "mask": lambda x: MaxPooling()(DENSE, mask=IDS > 0),
}


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("name", SEQUENCE_CALLS)
def test_ragged_tensors_are_refused_with_what_to_do(name, rank):
    ragged = tf.ragged.constant(ROWS, ragged_rank=rank)
    with pytest.raises(ValueError, match=r"ragged one.*to_tensor\(\)`, and say by a"):
        SEQUENCE_CALLS[name](ragged)


def test_ragged_tensors_are_refused_in_graphs_and_where_a_model_is_built():
    layer = GRU(3)
    run = tf.function(lambda x: layer(x))
    with pytest.raises(ValueError, match="takes dense tensors, found a ragged one"):
        run(RAGGED)
    with pytest.raises(ValueError, match="takes dense tensors, found a ragged one"):
        GRU(3)(keras.Input((None, 2), ragged=True))


def test_sparse_tensors_are_refused():
    with pytest.raises(ValueError, match=r"found a sparse one.*tf.sparse.to_dense"):
        GRU(3)(tf.sparse.from_dense(DENSE))


def test_what_to_do_with_a_ragged_tensor_gives_each_row_its_own_result():
    layer = GRU(3)
    together = layer(DENSE, mask=tf.sequence_mask(RAGGED.row_lengths()))
    for row, result in zip(ROWS, together, strict=True):
        np.testing.assert_allclose(layer(np.array([row]))[0], result, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        LSTM(3),
        SimpleRNN(3),
        MinGRU(3),
        GRU(3, layer_normalization=True),
        Bidirectional(GRU(3)),
        DeepRNN([GRU(3)]),
        RNN(keras.layers.GRUCell(3)),
    ],
    ids=lambda layer: layer.name,
)
def test_other_features_than_a_layer_was_built_for_are_refused(layer):
    layer.build((None, None, 2))
    with pytest.raises(ValueError, match=r"axis -1 of input shape to have value 2"):
        layer(tf.ones((3, 4, 5)))


def test_a_graph_need_not_know_how_many_features_there_are():
    layer = LSTM(3, fused=False)
    layer.build((None, None, 2))
    unknown = tf.TensorSpec((None, None, None))
    run = tf.function(layer, input_signature=[unknown])
    np.testing.assert_allclose(run(DENSE), layer(DENSE), atol=1e-6)


@pytest.mark.parametrize("kind", [GRU, SimpleRNN])
def test_a_layer_that_is_built_may_see_more_than_its_wrapper_does(kind):
    layer = kind(3)
    layer.build((None, None, 4))
    assert Conditioned(layer)(DENSE, VECTOR).shape == (3, 3)
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer(VECTOR)
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        Conditioned(kind(3))(VECTOR, VECTOR)


ONE = "axes of one name of one size. Found the shapes"
ATTENDING = "takes queries .* and values .*Found the shapes"


@pytest.mark.parametrize(
    ("layer", "shapes", "problem"),
    [
        (Conditioned(GRU(3), as_input=False), [(3, 4, 2), (1, 2)], ONE),
        (OutputRecurrence(GRU(3)), [(3, 4, 2), (3, 3, 2)], ONE),
        (OutputRecurrence(keras.layers.Dense(3)), [(3, 4, 2), (3, 4)], ONE),
        (ContextDecoder(GRU(3)), [(3, 4, 2), (2, 2)], ONE),
        (SampledSoftmax(4), [(3, 2), (1,), (9, 2)], ONE),
        (SampledSoftmax(4), [(3, 2), (3, 1), (9, 2)], ONE),
        (PointerGenerator(), [(3, 2, 9), (1, 2, 3), (3, 2, 6), (3, 6)], ONE),
        (PointerGenerator(), [(3, 9), (3, 3), (3, 6), (1, 6)], ONE),
        (PointerGenerator(), [(3, 9), (3, 3), (3, 6), (3, 6), (3, 5, 2)], ONE),
        (Attention("dot"), [(3, 4, 2), (2, 4, 2)], ATTENDING),
        (Attention("dot"), [(3, 1, 4, 2), (3, 4, 2)], ATTENDING),
        (Attention("dot"), [(3, 2), (3, 2)], r"takes values \(batch, source, n_h\)"),
    ],
)
def test_inputs_that_do_not_fit_together_are_refused(layer, shapes, problem):
    with pytest.raises(ValueError, match=problem):
        layer(*map(tf.ones, shapes))


@pytest.mark.parametrize("training", [False, True])
def test_a_graph_takes_no_label_for_all_predictions(training):
    layer = SampledSoftmax(4)
    layer.build((None, 2), (None,), (9, 2))
    table = tf.ones((9, 2))

    @tf.function(
        input_signature=[tf.TensorSpec((None, 2)), tf.TensorSpec((None,), tf.int32)]
    )
    def run(hidden, labels):
        return layer(hidden, labels, table, training=training)

    assert np.isfinite(run(tf.ones((3, 2)), [1, 2, 3]))
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(tf.ones((3, 2)), [1])


@pytest.mark.parametrize("wrong", ["hidden", "ids"])
def test_a_graph_takes_no_row_of_a_pointers_for_all(wrong):
    layer = PointerGenerator()
    shapes = {"logits": [3, 9], "hidden": [3, 2], "weights": [3, 4], "ids": [3, 4]}
    layer.build(*shapes.values())
    inputs = {name: tf.ones(shape) for name, shape in shapes.items()}
    specs = [tf.TensorSpec((None, shape[1])) for shape in shapes.values()]
    run = tf.function(layer, input_signature=specs)

    np.testing.assert_allclose(run(*inputs.values()), layer(**inputs), atol=1e-6)
    inputs[wrong] = inputs[wrong][:1]
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(*inputs.values())


def test_ids_may_be_of_any_whole_numbers_but_no_fractions():
    layer, shapes = PointerGenerator(), [(2, 9), (2, 3), (2, 4)]
    logits, hidden, weights = (tf.random.normal(shape) for shape in shapes)
    ids = np.array([[1, 2, 2, 8], [0, 3, 1, 1]])
    expected = layer(logits, hidden, weights, ids.astype("int32"))
    for dtype in ("int64", "float32", "uint8"):
        found = layer(logits, hidden, weights, ids.astype(dtype))
        np.testing.assert_array_equal(found, expected)
    strange = layer(logits, hidden, weights, ids + np.array([[0.5], [0]]))
    assert np.isnan(strange[0]).all()
    np.testing.assert_array_equal(strange[1], expected[1])
    assert np.isnan(SampledSoftmax(4)(hidden, np.array([1.5, 1]), tf.ones((9, 3))))


def test_states_by_name_are_refused_for_names_have_no_order():
    states = {"h": tf.ones((3, 2)), "c": tf.zeros((3, 2))}
    with pytest.raises(ValueError, match=r"is a list of its states.*names: h, c"):
        LSTM(2)(DENSE, initial_state=states)


def test_a_stack_has_its_first_layers_dtype_and_returns_it():
    def made(**arguments):
        layers = [GRU(2, dtype="float64", fused=False), GRU(2, fused=False)]
        return DeepRNN(layers, skip="residual", return_state=True, **arguments)

    assert made().compute_dtype == "float64"
    for arguments in ({}, {"dtype": "float32"}):
        stack = made(**arguments)
        symbolic = stack(keras.Input((None, 2)))
        for found, expected in zip(stack(DENSE), symbolic, strict=True):
            assert keras.backend.standardize_dtype(found.dtype) == expected.dtype


@pytest.mark.parametrize("pooling", [MaxPooling, MeanPooling, AttentionPooling])
def test_whole_numbers_are_pooled_as_floats(pooling):
    numbers, layer = np.array([[[1], [2], [9]]]), pooling()
    for mask in (None, np.array([[True, True, False]])):
        expected = layer(numbers.astype("float32"), mask=mask)
        np.testing.assert_array_equal(layer(numbers, mask=mask), expected)


def test_a_bridge_is_built_for_the_context_that_it_is_given():
    bridge = Bridge("dense", layers=2, sizes=[6, 8])
    states, c = bridge([tf.ones((2, size)) for size in (3, 3, 4, 4)])
    assert [state.shape for state in states] == [(2, 6), (2, 8)]
    assert c.shape == (2, 8)


def test_n_grams_are_of_rows():
    with pytest.raises(ValueError, match="expected ndim=2, found ndim=1"):
        BagOfNGrams(2)(np.array([1, 2]))


def test_windows_of_part_of_a_step_are_refused():
    with pytest.raises(ValueError, match=r"`steps` must be a whole number, found 2\.5"):
        windows(DENSE, 2.5)
