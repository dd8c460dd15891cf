"""The layers whose states no matrix multiplies: kernel, cell and equation agree."""

import contextlib
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells import equations
from tests.zoo.cells.units import (
    ELEMENTWISE,
    ELEMENTWISE_VARIANTS,
    N_A,
    N_X,
    draw,
    draw_weights,
    every_elementwise,
)
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from tests.zoo.layers.test_fused import assert_agree, results
from zoo import kernels, layers
from zoo.cells import DeepTransitionCell, Leaky, Residual, RGLRUCell, Zoneout
from zoo.layers import BY_CELL

slow = pytest.mark.slow
ROWS = len(ALL_PATTERNS)
BY_NAME = {unit.name: unit for unit in ELEMENTWISE + ELEMENTWISE_VARIANTS}


def twins(unit, inputs, **arguments):
    """Returns a layer that takes the kernel, and its like that takes the cell."""
    made = []
    for fused in ("auto", False):
        layer = unit.layer(fused=fused, return_state=True, **arguments)
        layer.build((None, None, inputs))
        draw_weights(layer)
        made.append(layer)
    return made


def problem(unit, rows, steps, inputs):
    states = [draw(rows, N_A, seed=20 + place) for place in range(unit.states)]
    return tf.constant(draw(rows, steps, inputs)), list(map(tf.constant, states))


# Of as many inputs as units or not: of two steps for SRU and RG-LRU, of one else.
CASES = [
    ("mingru", N_A),
    ("mingru_positive", N_X),
    ("minlstm", N_X),
    ("minlstm_positive", N_A),
    ("sru", N_X),
    ("sru", N_A),
    ("sru_scaled", N_X),
    ("sru_scaled", N_A),
    ("rglru", N_X),
    ("rglru", N_A),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "inputs"), CASES)
def test_kernel_gives_what_the_cell_gives_with_all_gradients(name, inputs):
    unit = BY_NAME[name]
    backwards = inputs == N_A
    flags = {"go_backwards": backwards, "return_sequences": True}
    kernel, cell = twins(unit, inputs, zero_output_for_mask=backwards, **flags)
    mask = tf.constant(np.tile(ALL_PATTERNS, (1, 2)))
    sequences, states = problem(unit, ROWS, 2 * STEPS, inputs)
    # What is under the mask must not matter.
    spoilt = tf.where(mask[..., None], sequences, np.nan)
    found = results(kernel, spoilt, states, mask)
    assert kernel.fused_path == "fused"
    expected = results(cell, sequences, states, mask)
    assert_agree(found, expected)
    with kernels.portable():
        if inputs == N_X and name in ("minlstm", "sru", "rglru"):
            # What is under the mask has no part in TensorFlow's gradients either.
            lean = results(kernel, spoilt, states, mask, training=False)
            assert_agree(lean, expected)
        else:
            call = tf.function(kernel, autograph=False)
            lean = call(spoilt, initial_state=states, mask=mask)
            assert_agree((lean, ()), (expected[0], ()))


@pytest.mark.slow
@every_elementwise
def test_core_operations_take_any_number_of_rows_and_steps(unit):
    lean, cell = twins(unit, N_X, return_sequences=True)

    signature = [
        tf.TensorSpec([None, None, N_X]),
        [tf.TensorSpec([None, N_A])] * unit.states,
    ]

    @tf.function(input_signature=signature, autograph=False)
    def call(sequences, states):
        with kernels.portable():
            assert lean.fused_path.startswith("lean: ")
            return lean(sequences, states)

    by_cell = tf.function(cell, input_signature=signature, autograph=False)
    for rows, steps in ((1, 1), (2, 70), (3, 0), (0, 5), (5, 600)):
        sequences, states = problem(unit, rows, steps, N_X)
        outputs, *last = call(sequences, states)
        assert outputs.shape == (rows, steps, N_A)
        expected = by_cell(sequences, states)[1:] if steps else states
        for one, other in zip(last, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def coefficients(layer, sequences):
    """Returns A and B of the layers that are linear in their states."""
    z = sequences @ layer.cell.kernel + tf.pad(
        layer.cell.bias,
        [[0, layer.cell.kernel.shape[1] - layer.cell.bias.shape[0]]],
    )
    if isinstance(layer, layers.MinGRU):
        update, candidate = tf.split(z, 2, -1)
        update = tf.sigmoid(update)
        return 1 - update, update * candidate
    if isinstance(layer, layers.MinLSTM):
        update, forget, candidate = tf.split(z, 3, -1)
        update, forget = tf.sigmoid(update), tf.sigmoid(forget)
        return forget / (forget + update), update / (forget + update) * candidate
    relevance, entering, x = tf.split(z, 3, -1)
    a = tf.exp(-8 * tf.math.softplus(layer.cell.retention) * tf.sigmoid(relevance))
    return a, tf.sqrt(1 - a**2) * tf.sigmoid(entering) * x


@pytest.mark.parametrize(
    "name",
    ["mingru", *(pytest.param(each, marks=slow) for each in ("minlstm", "rglru"))],
)
def test_gradients_are_those_of_an_associative_scan_and_of_differences(name):
    layer = BY_NAME[name].layer(return_sequences=True, dtype="float64")
    layer.build((None, None, N_X))
    draw_weights(layer)
    sequences = tf.Variable(draw(3, 21, N_X).astype("float64"))
    weighting = draw(3, 21, N_A, seed=30)
    sources = [sequences, *(weight.value for weight in layer.weights)]

    def by_kernel():
        return tf.reduce_sum(layer(sequences, training=True) * weighting)

    def by_scan():
        def combine(one, other):
            return one[0] * other[0], one[1] * other[0] + other[1]

        pair = coefficients(layer, sequences)
        _, h = keras.ops.associative_scan(combine, pair, axis=1)
        return tf.reduce_sum(h * weighting)

    found = []
    for loss in (by_kernel, by_scan):
        with tf.GradientTape() as tape:
            value = loss()
        found.append([value, *tape.gradient(value, sources)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    for source, gradient in zip(sources, found[0][1:], strict=True):
        direction = draw(*source.shape, seed=50)
        values = []
        for size in (1e-5, -2e-5):
            source.assign_add(size * direction)
            values.append(float(by_kernel()))
        source.assign_add(1e-5 * direction)
        slope = (values[0] - values[1]) / 2e-5
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-5)


@pytest.mark.slow
@every_elementwise
def test_file_makes_the_same_layer(unit, tmp_path):
    arguments = {"dropout": 0.1, "bias_initializer": "ones", "seed": 3}
    layer = unit.layer(return_sequences=True, **arguments)
    model = keras.Sequential([keras.Input((None, N_X)), layer, unit.layer()])
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert copy.layers[0].get_config() == layer.get_config()
    x = draw(2, 9, N_X)
    np.testing.assert_array_equal(copy(x), model(x))


@slow
@every_elementwise
def test_gradients_of_higher_order_and_forward_mode_are_those_of_the_cell(unit):
    kernel, cell = twins(unit, N_X)
    x = tf.constant(draw(2, 9, N_X))

    def second_order(layer):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(layer(x, training=True)[0] ** 2)
            penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        return outer.gradient(penalty, layer.cell.kernel.value)

    def forward_mode(layer):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as forward:
            output = layer(x)[0]
        return forward.jvp(output)

    for one, other in (
        (tf.function(second_order, autograph=False)(kernel), second_order(cell)),
        (forward_mode(kernel), forward_mode(cell)),
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


# In a graph, by core operations and a kernel, between which it chooses; and eagerly, by
# core operations alone.
@slow
@pytest.mark.parametrize(
    ("name", "method", "in_graph", "masked"),
    [("sru", "batch_jacobian", True, False), ("rglru", "jacobian", False, True)],
)
def test_jacobians_are_the_cells_gradients_of_each_output(
    name, method, in_graph, masked, monkeypatch
):
    monkeypatch.setattr(kernels.inference, "CHUNK", 1)  # fewer operations
    kernel, cell = twins(BY_NAME[name], N_X)
    x, _ = problem(BY_NAME[name], 2, 5, N_X)
    mask = tf.constant(np.eye(2, 5, 1) == 0) if masked else None

    def last(layer):
        return layer(x, mask=mask)[-1 if masked else 0]  # a state, or the output

    def jacobian():
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = last(kernel)
        return getattr(tape, method)(found, x)

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        units = tf.unstack(tf.reshape(last(cell), [-1]))
    one_by_one = tf.stack([tape.gradient(each, x) for each in units])

    expected = np.reshape(one_by_one, (2, N_A, *x.shape))
    if method == "batch_jacobian":
        expected = expected[range(2), :, range(2)]
    found = (tf.function(jacobian, autograph=False) if in_graph else jacobian)()
    np.testing.assert_allclose(found, expected, atol=1e-5)


# (A scan of float64 tells of the others in it: see above.)
@slow
@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((unit.name, "mixed_bfloat16") for unit in ELEMENTWISE), ("sru", "float64")],
)
def test_kernel_computes_in_the_layers_precision(name, dtype):
    unit = BY_NAME[name]
    kernel, cell = twins(unit, N_A, return_sequences=True, dtype=dtype)
    sequences, states = keras.tree.map_structure(
        lambda each: tf.cast(each, kernel.compute_dtype), problem(unit, 3, 9, N_A)
    )
    found = results(kernel, sequences, states, batch=3)
    assert all(each.dtype == kernel.compute_dtype for each in found[0])
    tolerance = {"float64": 1e-12, "bfloat16": 3e-2}
    expected = results(cell, sequences, states)
    assert_agree(found, expected, tolerance[kernel.compute_dtype])


def in_a_graph(layer):
    """Returns the layer: many steps of a cell take long, one by one."""
    return tf.function(layer, autograph=False) if layer.fused is False else layer


@slow
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "bfloat16", "mixed_float16"])
@pytest.mark.parametrize("way", ["kernel", "cell", "lean"])
def test_rg_lru_in_half_precision_keeps_what_fades_slowly(way, dtype):
    layer = layers.RGLRU(
        N_A, return_sequences=True, fused=way != "cell" and "auto", dtype=dtype
    )
    layer.build((None, None, N_A))
    kernel, bias, _ = (np.asarray(each, "float32") for each in layer.get_weights())
    bias[:N_A] = 9  # Γ_r is open
    kept = np.array([0.99, 0.997, 0.999, 0.9995])
    slowness = np.log(np.expm1(-np.log(kept) / 8))
    layer.set_weights([kernel, bias, slowness])
    # Something happens for 100 steps, and then nothing for 900.
    x = np.zeros((2, 1000, N_A))
    x[:, :100] = np.asarray(tf.cast(draw(2, 100, N_A) + 1, layer.compute_dtype))
    weights = [np.asarray(each).astype("float64") for each in layer.get_weights()]
    state, expected = [np.zeros((2, N_A))], []
    for step in range(x.shape[1]):
        state = equations.rg_lru(x[:, step], state, *weights)
        expected.append(state[0])
    with kernels.portable() if way == "lean" else contextlib.nullcontext():
        found = in_a_graph(layer)(tf.constant(x), training=way == "kernel")
    assert found.dtype == layer.compute_dtype
    expected = np.stack(expected, axis=1)
    scale = np.abs(expected).max(axis=(0, 1))
    found = np.asarray(tf.cast(found, "float64"))
    np.testing.assert_allclose(found / scale, expected / scale, atol=0.02)
    assert (expected[:, -1] < 0.7 * expected[:, 100]).all()  # it does fade


@pytest.mark.slow
@pytest.mark.parametrize("way", ["lean", "kernel", "cell"])
def test_rg_lru_forgets_as_slowly_in_half_precision(way):
    layer = layers.RGLRU(N_A, fused=way != "cell" and "auto", dtype="mixed_bfloat16")
    layer.build((None, None, N_A))
    kernel, bias, _ = layer.get_weights()
    slowness = np.linspace(-9, -6, N_A)
    layer.set_weights([0 * kernel, np.full_like(bias, 30), slowness])
    # The state is 1 and nothing is added: after 500 steps A^500 of it is left.
    x, first = tf.zeros([1, 500, N_A]), [tf.ones([1, N_A])]
    with kernels.portable() if way == "lean" else contextlib.nullcontext():
        found = in_a_graph(layer)(x, initial_state=first, training=way == "kernel")
    expected = np.exp(-500 * 8 * np.log1p(np.exp(slowness)))
    np.testing.assert_allclose(np.asarray(found[0], "float64"), expected, rtol=2**-8)


def test_rg_lru_may_be_built_within_a_graph():
    layer = layers.RGLRU(N_A, fused=False)
    run = tf.function(layer, input_signature=[tf.TensorSpec([None, None, N_X])])
    x = draw(2, 3, N_X)
    np.testing.assert_allclose(run(x), layer(x), atol=1e-6)


@pytest.mark.slow
def test_rg_lru_that_forgets_nothing_has_gradients():
    for fused in ("auto", False):
        layer = layers.RGLRU(N_A, fused=fused)
        layer.build((None, None, N_A))
        kernel, bias, retention = layer.get_weights()
        bias[:N_A] = -200  # Γ_r is 0, and A is 1
        layer.set_weights([kernel, bias, retention])
        x = tf.constant(draw(2, 5, N_A))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        gradients = tape.gradient(loss, [x, *(w.value for w in layer.weights)])
        assert all(np.isfinite(each).all() for each in gradients)


@every_elementwise
def test_signature_spells_the_cells_arguments_and_the_layers(unit):
    names = list(inspect.signature(type(unit.layer())).parameters)
    assert names[0] == "units"
    wanted = {"use_bias", "kernel_initializer", "dropout", "return_sequences", "fused"}
    assert wanted <= {*names}
    assert "cell" not in names
    with pytest.raises(ValueError, match="recurrent_weight_dropout"):
        unit.layer(recurrent_weight_dropout=0.5)


def test_every_layer_has_the_name_that_commands_take():
    for unit in ELEMENTWISE:
        assert type(unit.layer()) is BY_CELL[unit.name]
    stack = layers.DeepRNN.stack("mingru", N_A, 2, bidirectional=True)
    assert stack(draw(2, 5, N_X)).shape == (2, 2 * N_A)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda cell: Residual(cell),
        lambda cell: Zoneout(cell, rate=0.0),
        lambda cell: Leaky(Residual(cell), alpha=0.0),
        lambda cell: DeepTransitionCell(cell, input_units=[N_A]),
        lambda cell: keras.layers.StackedRNNCells([cell], dtype="mixed_bfloat16"),
        lambda cell: [cell, keras.layers.GRUCell(N_A, dtype="mixed_bfloat16")],
    ],
    ids=["residual", "zoneout", "leaky", "deep transition", "stack", "list"],
)
def test_rg_lru_forgets_as_slowly_in_half_precision_in_a_wrapper(wrap):
    cell = RGLRUCell(N_A, dtype="mixed_bfloat16")
    layer = layers.RNN(wrap(cell), return_state=True, dtype="mixed_bfloat16")
    layer.build((None, None, N_A))
    kernel, bias, _ = cell.get_weights()
    slowness = np.linspace(-9, -6, N_A)
    cell.set_weights([0 * kernel, np.full_like(bias, 30), slowness])
    # The state is 1 and nothing is added: after 300 steps A^300 of it is left.
    count = len(keras.tree.flatten(layer.state_size))
    first = [tf.ones([1, N_A])] * count
    _, *states = tf.function(layer)(tf.zeros([1, 300, N_A]), initial_state=first)
    found = np.asarray(keras.tree.flatten(states)[0][0], "float64")
    expected = np.exp(-300 * 8 * np.log1p(np.exp(slowness)))
    np.testing.assert_allclose(found, expected, rtol=2**-7)
