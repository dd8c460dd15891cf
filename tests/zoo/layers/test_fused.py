"""The kernels against the cells, and the choice between them."""

import contextlib
import functools
import gc
import itertools
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import cells, kernels, layers
from zoo.kernels import worth
from zoo.kernels.compiled import _shared, padded_length
from zoo.layers import fused as paths

UNITS = {
    "rnn": (layers.SimpleRNN, {}),
    "lstm": (layers.LSTM, {}),
    "gru": (layers.GRU, {}),
    "gru_reset_after": (layers.GRU, {"reset_after": True}),
}


def twins(kind, features, units=3, **arguments):
    """Returns a layer that takes the kernel and its like that takes the cell."""
    layer_class, own = UNITS[kind]
    made = []
    for fused in (True, False):
        layer = layer_class(
            units,
            fused=fused,
            return_state=True,
            bias_initializer="random_normal",
            **own,
            **arguments,
        )
        layer.build((None, None, features))
        made.append(layer)
    made[1].set_weights(made[0].get_weights())
    return made


@functools.cache
def kept_twins(kind):
    """Returns twins of several tests, for which a shape is compiled but once."""
    return twins(kind, 2, return_sequences=True)


def results(layer, sequences, states, mask=None, training=True, batch=None):
    """Returns outputs, states, and all gradients of a random sum of them.

    In a graph, but for the cell's: what is right needs none. `batch` is how many rows
    the graph knows that there are.
    """

    def call(sequences, states):
        with tf.GradientTape() as tape:
            tape.watch([sequences, states])
            found = layer(sequences, initial_state=states, mask=mask, training=training)
            loss = sum(
                tf.reduce_sum(
                    tf.cast(each, "float64")
                    * tf.random.stateless_normal(
                        tf.shape(each), [1, 2], dtype="float64"
                    )
                )
                for each in found
            )
        weights = [weight.value for weight in layer.trainable_variables]
        sources = [sequences, *states, *weights]
        # The state a of an SRU is read by nothing.
        return found, tape.gradient(loss, sources, unconnected_gradients="zero")

    if layer.fused is not False:
        signature = [
            tf.TensorSpec([batch, None, sequences.shape[-1]], sequences.dtype),
            [tf.TensorSpec([batch, state.shape[-1]], state.dtype) for state in states],
        ]
        call = tf.function(call, input_signature=signature, autograph=False)
    return keras.tree.map_structure(np.asarray, call(sequences, states))


def assert_agree(one, other, tolerance=1e-5):
    """Outputs to `tolerance`, gradients to ten times that, relative to the largest."""
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    for a, b in zip(one[1], other[1], strict=True):
        scale = max(1e-30, np.abs(b).max(initial=0))
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=10 * tolerance)


def inputs(rng, kind, batch, steps, features, units=3, dtype="float32"):
    sequences = rng.normal(size=(batch, steps, features)).astype(dtype)
    count = 2 if kind in ("lstm", "sru") else 1
    states = [rng.normal(size=(batch, units)).astype(dtype) for _ in range(count)]
    return tf.constant(sequences), [tf.constant(state) for state in states]


# All pairs of values of two of these, the kind included, are here: see below.
OPTIONS = (
    "batch",
    "steps",
    "go_backwards",
    "return_sequences",
    "zero_output_for_mask",
    "use_bias",
    "masked",
    "training",
)
YES, NO = True, False
# (Of 1 row the graph doesn't know how many there are, of 2 it does; 4 are halved.)
CASES = {
    "rnn": [
        (2, 1, YES, YES, NO, YES, YES, YES),
        (4, 8, NO, NO, YES, NO, YES, YES),
        (1, 9, YES, NO, YES, YES, YES, YES),
        (4, 20, YES, YES, NO, NO, NO, NO),
    ],
    "lstm": [
        (4, 1, YES, NO, YES, NO, YES, YES),
        (2, 8, NO, YES, NO, NO, YES, NO),
        (4, 9, NO, NO, YES, NO, NO, YES),
        (1, 20, YES, YES, NO, YES, NO, YES),
    ],
    "gru": [
        (4, 1, NO, NO, NO, NO, NO, YES),
        (1, 8, YES, YES, YES, YES, YES, NO),
        (4, 9, YES, YES, YES, YES, NO, YES),
        (2, 20, YES, NO, YES, NO, NO, NO),
    ],
    "gru_reset_after": [
        (1, 1, NO, YES, YES, NO, NO, NO),
        (4, 8, YES, YES, YES, NO, NO, YES),
        (2, 9, NO, NO, NO, YES, YES, NO),
        (4, 20, NO, YES, NO, YES, YES, YES),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNITS)
def test_kernel_gives_what_the_cell_gives(kind):
    for number, case in enumerate(CASES[kind]):
        rng = np.random.default_rng(number)
        batch, steps, *switches = case
        *arguments, masked, training = switches
        kernel, cell = twins(kind, 2, **dict(zip(OPTIONS[2:6], arguments, strict=True)))
        sequences, states = inputs(rng, kind, batch, steps, 2)
        mask = tf.constant(rng.random((batch, steps)) < 0.6) if masked else None
        known = batch if batch == 2 else None
        found = results(kernel, sequences, states, mask, training, known)
        assert_agree(found, results(cell, sequences, states, mask, training))


def test_the_cases_have_each_pair_of_options():
    rows = [(kind, *case) for kind, cases in CASES.items() for case in cases]
    for one, other in itertools.combinations(zip(*rows, strict=True), 2):
        pairs = itertools.product(set(one), set(other))
        assert set(zip(one, other, strict=True)) == set(pairs)
    counts = [len(set(values)) for values in zip(*rows, strict=True)]
    assert counts == [4, 3, 4, 2, 2, 2, 2, 2, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "backwards", "return_sequences", "units", "lite"),
    [
        ("rnn", False, True, 3, False),
        ("gru", True, False, 3, False),
        ("gru_reset_after", False, True, 3, True),
        ("lstm", False, True, 3, True),
        ("lstm", True, False, 3, False),  # by one operation for all steps
        ("lstm", True, True, 65, False),  # by that, if there are few rows
    ],
)
def test_core_operations_give_what_the_cell_gives(
    kind, backwards, return_sequences, units, lite, monkeypatch
):
    # Blocks of four chunks where there is one row, of two or one where there are more.
    monkeypatch.setattr(kernels.inference, "_BLOCK_ROWS", 16)
    rng = np.random.default_rng(0)
    how = {"go_backwards": backwards, "return_sequences": return_sequences}
    lean, cell = twins(kind, 2, units, zero_output_for_mask=backwards, **how)
    lean.fused = "auto"
    for masked in (False, True):
        calls = [in_a_graph(layer, kind, units, masked, lite) for layer in (lean, cell)]
        for batch, steps in ((1, 1), (1, 37), (2, 20), (4, 9), (3, 0), (0, 5)):
            sequences, states = inputs(rng, kind, batch, steps, 2, units)
            mask = tf.constant(rng.random((batch, steps)) < 0.6)
            found = calls[0](sequences, states, mask)
            if steps:
                expected = calls[1](sequences, states, mask)
            else:  # which Keras' loop can't take
                assert found[0].shape[0] == batch
                found, expected = found[1:], states
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def in_a_graph(layer, kind, units, masked, lite):
    """Returns a layer for any batch and length, as it is exported."""
    states = [tf.TensorSpec([None, units])] * (2 if kind == "lstm" else 1)
    signature = [
        tf.TensorSpec([None, None, 2]),
        states,
        tf.TensorSpec([None, None], tf.bool),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def call(sequences, states, mask):
        with kernels.portable(lite=lite):
            assert layer.fused is False or layer.fused_path.startswith("lean: ")
            return layer(sequences, states, mask=mask if masked else None)

    return call


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gradient_through_core_operations_is_right(kind):
    rng = np.random.default_rng(0)
    lean, cell = twins(kind, 2)
    sequences, states = inputs(rng, kind, 2, 9, 2)
    mask = tf.constant(rng.random((2, 9)) < 0.6)
    spoilt = tf.where(mask[..., None], sequences, np.nan)
    expected = results(cell, sequences, states, mask, training=False)
    for lite in (False, True):
        with kernels.portable(lite=lite):
            found = results(lean, spoilt, states, mask, training=False)
        assert_agree(found, expected)


def test_only_what_tensorflow_lite_converts_goes_without_one_operation_for_all_steps():
    def operations(*contexts):
        layer = layers.LSTM(3)
        call = tf.function(layer, [tf.TensorSpec([None, None, 2])], autograph=False)
        with contextlib.ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            graph = call.get_concrete_function().graph.as_graph_def()
        return [node.op for node in graph.node].count("BlockLSTMV2")

    alone, lite = kernels.portable, functools.partial(kernels.portable, lite=True)
    assert operations(alone()) == 1
    assert operations(lite()) == 0
    assert operations(lite(), alone()) == operations(alone(), lite()) == 0


@pytest.mark.slow
@pytest.mark.parametrize("eager", [True, False])
def test_inference_compiles_only_where_calls_have_taken_long(eager, monkeypatch):
    taken = []
    for name in ("_run_lean", "_run_compiled"):
        monkeypatch.setattr(paths, name, noting(taken, getattr(paths, name)))
    layer = layers.GRU(17 + eager, return_sequences=True)
    call = layer if eager else tf.function(layer, autograph=False)
    x = np.random.default_rng(0).normal(size=(2, 10, 3)).astype("float32")
    expected = layer(x, training=True)
    taken.clear()
    # About 26 microseconds a step, of a shape padded to 8 or to 16 steps.
    monkeypatch.setattr(worth, "_WORTH", 1_000_000)
    for steps in (10, 10, 10, 6, 5, 11, 10):
        taken.append("call")
        found = call(tf.constant(x[:, :steps]))
        np.testing.assert_allclose(found, expected[:, :steps], atol=1e-6)
    if eager:
        lean, compiled = ["call", "_run_lean"], ["call", "_run_compiled"]
        assert taken == 3 * lean + 2 * lean + 2 * compiled


def noting(taken, function):
    """Returns a function that notes its name when it is called."""

    @functools.wraps(function)
    def call(*arguments):
        taken.append(function.__name__)
        return function(*arguments)

    return call


def test_an_exported_lstm_has_no_operation_that_tensorflow_lite_lacks():
    for masked in (False, True):
        call = in_a_graph(layers.LSTM(65), "lstm", 65, masked, True)
        graph = call.get_concrete_function().graph.as_graph_def()
        bodies = [graph.node, *(each.node_def for each in graph.library.function)]
        operations = {node.op for body in bodies for node in body}
        assert not {"BlockLSTMV2", "TensorListConcatV2"} & operations


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_large_weights_are_multiplied_in_blocks(kind):
    kernel, cell = twins(kind, 2, units=300, return_sequences=True)
    sequences, states = inputs(np.random.default_rng(0), kind, 4, 3, 2, units=300)
    found = results(kernel, sequences, states)
    assert_agree(found, results(cell, sequences, states))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_rows_without_a_valid_step_keep_their_states(kind):
    kernel, cell = kept_twins(kind)
    sequences, states = inputs(np.random.default_rng(0), kind, 4, 5, 2)
    mask = tf.constant([[False] * 5, [True] * 5, [False] * 5, [True] * 3 + [False] * 2])
    found = results(kernel, sequences, states, mask)
    assert_agree(found, results(cell, sequences, states, mask))
    for last, first in zip(found[0][1:], states, strict=True):
        np.testing.assert_array_equal(last[0], first[0])


@pytest.mark.slow
def test_batch_of_no_rows_gives_no_rows():
    kernel, _ = kept_twins("lstm")
    sequences, states = inputs(np.random.default_rng(0), "lstm", 0, 5, 2)
    outputs, *_ = results(kernel, sequences, states)[0]
    assert outputs.shape == (0, 5, 3)


@pytest.mark.parametrize(("batch", "pieces"), [(0, 1), (3, 1), (4, 2), (None, 2)])
def test_batch_known_to_be_too_small_for_halves_compiles_once(batch, pieces):
    layer = layers.LSTM(3)
    layer.build((None, None, 2))
    call = tf.function(layer, autograph=False)
    graph = call.get_concrete_function(tf.TensorSpec([batch, 5, 2])).graph
    graph = graph.as_graph_def()
    bodies = [graph.node, *(each.node_def for each in graph.library.function)]
    compiled = [node.attr["_XlaMustCompile"].b for body in bodies for node in body]
    assert sum(compiled) == pieces


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_nan_under_the_mask_reaches_neither_results_nor_gradients(kind):
    kernel, _ = kept_twins(kind)
    sequences, states = inputs(np.random.default_rng(0), kind, 4, 5, 2)
    some, last = [True, True, False, True, False], [False] * 4 + [True]
    mask = tf.constant([some, last, last, some])
    clean = results(kernel, sequences, states, mask)
    spoilt = tf.where(mask[..., None], sequences, np.nan)
    assert_agree(results(kernel, spoilt, states, mask), clean)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *((kind, "mixed_bfloat16") for kind in UNITS),
        ("lstm", "mixed_float16"),
        ("gru", "float64"),
    ],
)
def test_kernel_computes_in_the_layers_precision(kind, dtype):
    kernel, cell = twins(kind, 2, return_sequences=True, dtype=dtype)
    compute = kernel.compute_dtype
    sequences, states = inputs(np.random.default_rng(0), kind, 3, 9, 2)
    sequences, states = keras.tree.map_structure(
        lambda each: tf.cast(each, compute), (sequences, states)
    )
    found = results(kernel, sequences, states, batch=3)
    assert all(each.dtype == compute for each in found[0])
    tolerance = {"float64": 1e-12, "bfloat16": 3e-2, "float16": 4e-3}[compute]
    assert_agree(found, results(cell, sequences, states), tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_inputs_are_dropped_alike_on_both_paths(kind):
    kernel, cell = twins(kind, 4, return_sequences=True, dropout=0.5, seed=7)
    sequences, states = inputs(np.random.default_rng(0), kind, 4, 9, 4)
    found = results(kernel, sequences, states, training=True)
    assert_agree(found, results(cell, sequences, states, training=True))
    whole = cell(sequences, initial_state=states, training=False)
    assert np.abs(found[0][0] - whole[0]).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "every", "return_sequences"),
    [  # each pair of the last two
        ("rnn", 4, True),
        ("gru_reset_after", 4, False),
        ("gru", 5, True),
        ("lstm", 5, False),
        ("lstm", 50, True),
        ("gru", 50, False),
    ],
)
def test_checkpoints_change_nothing(kind, every, return_sequences):
    rng = np.random.default_rng(0)
    kernel, cell = twins(kind, 2, return_sequences=return_sequences)
    arguments = kernel.get_config() | {"checkpoint_every": every}
    sparing = type(kernel).from_config(arguments)
    sparing.build((None, None, 2))
    sparing.set_weights(cell.get_weights())
    sequences, states = inputs(rng, kind, 4, 14, 2)
    mask = tf.constant(rng.random((4, 14)) < 0.6)
    found = results(sparing, sequences, states, mask)
    assert_agree(found, results(cell, sequences, states, mask))


def test_checkpoints_without_a_kernel_are_refused():
    with pytest.raises(ValueError, match="recurrent_dropout"):
        layers.LSTM(3, checkpoint_every=10, recurrent_dropout=0.5)
    for every in (0, 2.5):
        with pytest.raises(ValueError, match=f"1 at least, found {every}"):
            layers.LSTM(3, checkpoint_every=every)
    layer = layers.LSTM(3, checkpoint_every=10)
    layer.fused = False
    with pytest.raises(ValueError, match="checkpoint_every takes a kernel"):
        layer(np.zeros((1, 2, 3)))


def test_insisting_where_a_gpu_is_there_is_refused(monkeypatch):
    monkeypatch.setattr("zoo.layers.fused._has_gpu", lambda: True)
    for arguments in ({"fused": True}, {"checkpoint_every": 10}):
        with pytest.raises(ValueError, match="a GPU is there"):
            layers.SimpleRNN(3, **arguments)(np.zeros((1, 2, 3)))
    assert "cuDNN" in layers.LSTM(3).fused_path


@pytest.mark.parametrize(
    ("every", "return_sequences"),
    [
        (None, True),
        pytest.param(4, False, marks=pytest.mark.slow),
        pytest.param(None, False, marks=pytest.mark.slow),
        pytest.param(4, True, marks=pytest.mark.slow),
    ],
)
def test_no_steps_change_nothing(return_sequences, every):
    kernel, _ = twins("gru", 2, return_sequences=return_sequences)
    kernel.checkpoint_every = every
    sequences, states = inputs(np.random.default_rng(0), "gru", 4, 0, 2)
    (outputs, last), gradients = results(kernel, sequences, states)
    assert outputs.shape == ((4, 0, 3) if return_sequences else (4, 3))
    np.testing.assert_array_equal(last, states[0])
    assert np.isfinite(gradients[1]).all()


@pytest.mark.slow
@pytest.mark.parametrize("every", [None, 4])
def test_shapes_that_are_known_stay_known(every):
    layer = layers.LSTM(3, return_sequences=True, checkpoint_every=every)
    for batch, steps in ((4, 10), (None, 10), (4, None), (None, None)):
        traced = tf.function(layer).get_concrete_function(
            tf.TensorSpec([batch, steps, 2])
        )
        assert traced.output_shapes.as_list() == [batch, steps, 3]


@pytest.mark.parametrize("every", [None, pytest.param(4, marks=pytest.mark.slow)])
def test_stateful_layer_goes_on_where_it_was(every):
    x = np.random.default_rng(0).normal(size=(2, 12, 3)).astype("float32")
    layer = layers.GRU(4, stateful=True, checkpoint_every=every)
    model = keras.Sequential([keras.Input((6, 3), batch_size=2), layer])
    model.predict(x[:, :6], verbose=0)
    found = model.predict(x[:, 6:], verbose=0)
    whole = layers.GRU(4, fused=False)
    whole.build(x.shape)
    whole.set_weights(layer.get_weights())
    np.testing.assert_allclose(found, whole(x), atol=1e-6)


@pytest.mark.slow
def test_checkpoints_train_where_the_batch_size_is_known(tmp_path):
    x = np.random.default_rng(0).normal(size=(8, 10, 3)).astype("float32")
    losses = []
    for checkpoint_every in (None, 4):
        keras.utils.set_random_seed(1)
        recurrent = layers.LSTM(4, stateful=True, checkpoint_every=checkpoint_every)
        model = keras.Sequential([keras.Input((10, 3), batch_size=4), recurrent])
        model.compile("sgd", "mse")
        history = model.fit(x, np.ones((8, 4)), batch_size=4, epochs=2, verbose=0)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)
    recurrent = layers.LSTM(4, checkpoint_every=4)
    model = keras.Sequential([keras.Input((10, 3)), recurrent])
    cell = layers.LSTM(4, fused=False)
    cell.build(x.shape)
    cell.set_weights(recurrent.get_weights())
    expected = cell(x)
    model.export(tmp_path / "exported", verbose=False)
    tf.saved_model.save(model, str(tmp_path / "saved"))
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(x), expected, atol=1e-6)
    loaded = tf.saved_model.load(tmp_path / "saved")
    (again,) = loaded.signatures["serving_default"](tf.constant(x)).values()
    np.testing.assert_allclose(again, expected, atol=1e-6)


def test_unrolled_layer_may_follow():
    model = keras.Sequential(
        [
            keras.Input((10, 2)),
            layers.SimpleRNN(3, return_sequences=True),
            layers.SimpleRNN(3, unroll=True),
        ]
    )
    assert model.predict(np.zeros((2, 10, 2)), verbose=0).shape == (2, 3)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float64"])
def test_cell_may_compute_in_a_precision_of_its_own(dtype):
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    layer = layers.RNN(cells.SimpleRNNCell(4, dtype=dtype))
    found = layer(x)
    assert layer.fused_path == "fused"
    layer.fused = False
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, layer(x), atol=1e-2)


@pytest.mark.parametrize("form", ["int32", "float32", "column"])
def test_mask_may_be_numbers_or_a_column(form):
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(3, 5, 2)).astype("float32"), rng.random((3, 5)) < 0.6
    layer = layers.GRU(3)
    expected = layer(x, mask=tf.constant(mask))
    mask = mask[..., None] if form == "column" else mask.astype(form)
    np.testing.assert_allclose(layer(x, mask=tf.constant(mask)), expected, atol=1e-6)


def test_features_may_be_unknown_where_a_graph_is_built():
    layer = layers.LSTM(3)
    layer.build((None, None, 2))
    signature = [tf.TensorSpec([None, None, None])]
    call = tf.function(layer, input_signature=signature)
    x = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
    np.testing.assert_allclose(call(x), layer(x), atol=1e-6)


@pytest.mark.slow
def test_batch_in_halves_gives_what_its_rows_give_alone():
    kernel, _ = twins("lstm", 2, return_sequences=True)
    sequences, states = inputs(np.random.default_rng(0), "lstm", 7, 10, 2)
    signature = [
        tf.TensorSpec([None, None, 2]),
        [tf.TensorSpec([None, 3]) for _ in states],
    ]

    @tf.function(input_signature=signature, autograph=False)
    def call(sequences, states):
        return kernel(sequences, initial_state=states, training=True)

    together, *_ = call(sequences, states)
    for row in range(7):
        one = slice(row, row + 1)
        alone, *_ = call(sequences[one], [state[one] for state in states])
        np.testing.assert_allclose(together[one], alone, atol=1e-6)


@pytest.mark.slow
def test_what_is_compiled_goes_with_its_layer():
    x, y = np.zeros((8, 5, 2), "float32"), np.zeros((8, 1))

    def compiled():
        for _ in range(3):  # functions of TensorFlow's go a layer at a time
            gc.collect()
        return set(_shared)

    before = compiled()
    model = keras.Sequential(
        [keras.Input((5, 2)), layers.LSTM(11), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    cell = weakref.ref(model.layers[0].cell)
    assert set(_shared) - before
    del model
    keras.backend.clear_session()
    assert compiled() <= before  # what other tests have left may have gone
    assert cell() is None


def test_layers_of_one_shape_share_what_is_compiled():
    x, before = np.zeros((2, 5, 2), "float32"), set(_shared)
    first, second = layers.LSTM(13), layers.LSTM(13)
    first(x, training=True)
    assert len(set(_shared) - before) == 1
    second(x, training=True)
    assert len(set(_shared) - before) == 1


@pytest.mark.slow
def test_checks_for_numbers_leave_kernels_to_work():
    x = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("float32")
    layer = layers.Bidirectional(layers.GRU(3, checkpoint_every=2))
    model = keras.Sequential([keras.Input((5, 2)), layer, keras.layers.Dense(1)])
    expected = model(x)
    model.compile("sgd", "mse")
    tf.debugging.enable_check_numerics()
    try:
        np.testing.assert_allclose(model(x), expected, atol=1e-6)
        model.fit(x, np.zeros((4, 1)), verbose=0)
        with pytest.raises(tf.errors.InvalidArgumentError, match="NaN"):
            model(x * np.nan)
    finally:
        tf.debugging.disable_check_numerics()


def test_every_length_up_to_400_needs_seven_shapes():
    lengths = {int(padded_length(tf.constant(steps))) for steps in range(1, 401)}
    assert lengths == {8, 16, 32, 64, 128, 256, 512}


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("every", [None, 2])
def test_tape_that_is_asked_twice_needs_no_second_order(every, training):
    kernel, _ = twins("gru", 2)
    kernel.checkpoint_every = every
    sequences, _ = inputs(np.random.default_rng(0), "gru", 2, 3, 2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(sequences)
        loss = tf.reduce_sum(kernel(sequences, training=training)[0])
    first, second = (tape.gradient(loss, sequences) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "training"), [(3, False), (7, True)])
def test_kernel_within_a_larger_xla_computation(batch, training):
    kernel, cell = twins("lstm", 2, return_sequences=True)
    rng = np.random.default_rng(0)
    sequences, _ = inputs(rng, "lstm", batch, 6, 2)
    mask = tf.constant(rng.random((batch, 6)) < 0.6)

    def gradient(layer):
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            outputs, *_ = layer(sequences, mask=mask, training=training)
        return outputs, tape.gradient(outputs, sequences)

    found = tf.function(gradient, jit_compile=True)(kernel)
    for one, other in zip(found, gradient(cell), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_model_compiled_by_xla_as_a_whole_trains():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 6, 2)), rng.normal(size=(8, 1))
    losses = []
    for fused in (True, False):
        keras.utils.set_random_seed(3)
        recurrent = layers.Bidirectional(layers.GRU(3, fused=fused))
        model = keras.Sequential(
            [keras.Input((None, 2)), recurrent, keras.layers.Dense(1)]
        )
        model.compile("sgd", "mse", jit_compile=fused, run_eagerly=not fused)
        losses.append(model.fit(x, y, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.slow
def test_model_with_checkpoints_trains_without_xla_as_a_whole():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 6, 2)), rng.normal(size=(8, 3))
    losses = []
    for every in (4, None):
        keras.utils.set_random_seed(3)
        fused = "auto" if every else False
        recurrent = layers.GRU(3, checkpoint_every=every, fused=fused)
        model = keras.Sequential([keras.Input((6, 2)), recurrent])
        if every:
            with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
                model.compile("sgd", "mse", jit_compile=True)
        else:
            model.compile("sgd", "mse", run_eagerly=True)
        losses.append(model.fit(x, y, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_checkpoints_within_a_larger_xla_computation_are_refused():
    layer = layers.GRU(3, checkpoint_every=4)
    layer.build((None, None, 2))
    call = tf.function(
        lambda x: layer(x, training=True), jit_compile=True, autograph=False
    )
    with pytest.raises(ValueError, match="checkpoint_every takes a kernel, but jit_co"):
        call(tf.zeros((1, 6, 2)))


def test_numbers_of_numpy_are_taken():
    every = layers.LSTM(3, checkpoint_every=np.int64(5)).get_config()
    assert type(every["checkpoint_every"]) is int
    units = layers.MinGRU(np.int64(5)).get_config()["units"]
    assert (units, type(units)) == (5, int)
    stack = layers.DeepRNN([layers.GRU(2), layers.GRU(3)], dropout=np.float32(0.5))
    assert (stack.between[0].rate, type(stack.get_config()["dropout"])) == (0.5, float)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"recurrent_dropout": 0.5}, "recurrent_dropout"),
        ({"activation": "relu"}, "activation is relu"),
        ({"unroll": True}, "unroll"),
    ],
)
@pytest.mark.parametrize("kind", UNITS)
def test_what_no_kernel_can_do_falls_back_or_is_refused(kind, arguments, reason):
    layer_class, own = UNITS[kind]
    assert reason in layer_class(3, **own, **arguments).fused_path
    with pytest.raises(ValueError, match=reason):
        layer_class(3, fused=True, **own, **arguments)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (layers.LSTM(3, recurrent_activation="relu"), "recurrent_activation is relu"),
        (layers.LSTM(3, peephole=True), "peephole=True"),
        (layers.LSTM(3, layer_normalization=True), "layer_normalization=True"),
        (layers.GRU(3, relevance_gate=False), "relevance_gate=False"),
    ],
)
def test_variants_go_cell_by_cell_and_say_why(layer, reason):
    assert layer.fused_path.startswith("cell: ")
    assert reason in layer.fused_path


def test_path_names_a_cell_without_a_kernel():
    layer = layers.RNN(keras.layers.LSTMCell(3))
    assert layer.fused_path.startswith("cell: there is no kernel for keras")
    with pytest.raises(ValueError, match="LSTMCell"):
        layers.RNN(keras.layers.LSTMCell(3), fused=True)


def test_path_tells_the_choice():
    assert layers.LSTM(3).fused_path == "fused"
    assert layers.LSTM(3, fused=False).fused_path == "cell: fused=False"
    assert "cuDNN" in layers.LSTM(3, use_cudnn=True).fused_path
    for fused in ("yes", 0):
        with pytest.raises(ValueError, match=f"True or False, found {fused!r}"):
            layers.LSTM(3, fused=fused)
    with kernels.portable():
        assert "without XLA" in layers.LSTM(3).fused_path
    assert layers.LSTM(3).fused_path == "fused"


def test_choice_survives_saving():
    for fused in ("auto", True, False):
        layer = layers.GRU(3, fused=fused)
        assert layers.GRU.from_config(layer.get_config()).fused == fused
    layer = layers.GRU(3, checkpoint_every=7)
    assert layers.GRU.from_config(layer.get_config()).checkpoint_every == 7


@pytest.mark.slow
@pytest.mark.parametrize("is_portable", [True, False])
def test_saved_model_is_right_with_and_without_kernels(tmp_path, is_portable):
    model = keras.Sequential(
        [keras.Input((None, 2)), layers.Bidirectional(layers.LSTM(3))]
    )
    x = np.random.default_rng(0).normal(size=(5, 9, 2)).astype("float32")
    if is_portable:
        with kernels.portable():
            model.export(tmp_path / "saved", verbose=False)
    else:
        model.export(tmp_path / "saved", verbose=False)
    graph = (tmp_path / "saved" / "saved_model.pb").read_bytes()
    assert (b"_XlaMustCompile\x12\x02(\x01" in graph) is not is_portable
    served = tf.saved_model.load(tmp_path / "saved")
    for batch, steps in ((5, 9), (1, 3), (0, 2)):
        part = x[:batch, :steps]
        expected = model(part) if batch else np.zeros((0, 6))
        np.testing.assert_allclose(served.serve(part), expected, atol=1e-6)
