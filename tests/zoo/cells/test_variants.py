"""The cells' variants: peepholes and layer normalisation."""

import keras
import numpy as np
import pytest

from tests.zoo.cells import equations
from tests.zoo.cells.units import N_A, N_X, draw, draw_weights, every_variant
from zoo import cells
from zoo.cells.normalization import EPSILON, normalize

PLAIN = ["kernel", "recurrent_kernel", "bias"]
GAINS = ["kernel_gain", "recurrent_gain"]


def build(cell):
    cell.build((None, N_X))
    draw_weights(cell)
    return cell


def inputs_and_states(unit, rows=2):
    states = [draw(rows, N_A, seed=8 + place) for place in range(unit.states)]
    return draw(rows, N_X), states


@every_variant
def test_step_follows_the_equation(unit):
    cell = build(unit.cell())
    x, states = inputs_and_states(unit)

    output, new = cell(x, states)

    expected = unit.step(x, states, *cell.get_weights())
    np.testing.assert_allclose(new, expected, atol=2e-6)
    np.testing.assert_array_equal(output, new[0])


@every_variant
def test_variant_without_biases_follows_the_equation(unit):
    cell = build(unit.cell(use_bias=False))
    x, states = inputs_and_states(unit)

    new = cell(x, states)[1]

    weights = dict(zip([w.name for w in cell.weights], cell.get_weights(), strict=True))
    both = (2,) if unit.arguments.get("reset_after") else ()
    weights["bias"] = np.zeros((*both, weights["kernel"].shape[-1]))
    order = [*PLAIN, "peephole_kernel", *GAINS, "memory_gain"]
    given = [weights[name] for name in order if name in weights]
    if "memory_gain" in weights:  # the equation's order: gains, b_m, p
        given.insert(len(given), np.zeros(N_A))
    expected = unit.step(x, states, *given)
    np.testing.assert_allclose(new, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        (cells.LSTMCell(N_A), PLAIN),
        (cells.GRUCell(N_A), PLAIN),
        (cells.GRUCell(N_A, relevance_gate=False), PLAIN),
        (cells.GRUCell(N_A, layer_normalization=True), PLAIN + GAINS),
        (cells.LSTMCell(N_A, peephole=True), [*PLAIN, "peephole_kernel"]),
        (
            cells.LSTMCell(N_A, peephole=True, layer_normalization=True),
            [*PLAIN, "peephole_kernel", *GAINS, "memory_gain", "memory_bias"],
        ),
    ],
)
def test_weights_of_a_variant_follow_those_of_the_plain_unit(cell, names):
    cell.build((None, N_X))
    assert [weight.name for weight in cell.weights] == names


def test_peephole_unit_starts_as_the_plain_one():
    plain, peephole = cells.LSTMCell(N_A), cells.LSTMCell(N_A, peephole=True)
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), draw(2, N_A, seed=9)
    for cell in (plain, peephole):
        cell.build((None, N_X))
    peephole.set_weights([*plain.get_weights(), peephole.get_weights()[-1]])

    np.testing.assert_array_equal(peephole(x, [a, c])[1], plain(x, [a, c])[1])


def test_output_gate_sees_the_new_memory():
    cell = cells.LSTMCell(N_A, peephole=True)
    cell.build((None, N_X))
    weights = [np.zeros_like(weight) for weight in cell.get_weights()]
    weights[2][: 3 * N_A] = np.repeat([50, -50, 50], N_A)  # c<t> = tanh(50) = 1
    weights[3][2] = 50
    cell.set_weights(weights)
    x, a, c = draw(2, N_X), draw(2, N_A, seed=8), -np.ones((2, N_A), "float32")

    output, _ = cell(x, [a, c])

    np.testing.assert_allclose(output, np.tanh(1), atol=1e-6)


@every_variant
def test_config_makes_the_same_cell(unit):
    cell = build(unit.cell(dropout=0.1))
    config = keras.saving.serialize_keras_object(cell)

    copy = keras.saving.deserialize_keras_object(config)

    assert copy.get_config() == cell.get_config()
    for name, value in unit.arguments.items():
        assert getattr(copy, name) == value
    copy.set_weights(cell.get_weights())
    x, states = inputs_and_states(unit)
    np.testing.assert_array_equal(copy(x, states)[1], cell(x, states)[1])


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_rows_are_normalised_whatever_their_offset(scale):
    values, gain = scale * draw(3, 8) + 5 * scale, draw(8, seed=1)

    result = normalize(keras.ops.convert_to_tensor(values), gain)

    expected = equations.normalized(values.astype("float64"), EPSILON) * gain
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_rows_of_zeros_have_a_finite_value_and_gradient():
    import tensorflow as tf

    values = tf.zeros((2, 8))
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = normalize(values, np.ones(8, "float32"))
        loss = tf.reduce_sum(result * draw(2, 8))
    np.testing.assert_array_equal(result, 0)
    assert np.isfinite(tape.gradient(loss, values)).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 3000.0])
def test_half_precision_normalises_in_float32(dtype, scale):
    values = keras.ops.cast(scale * draw(3, 512), dtype)  # squares overflow float16

    result = normalize(values, np.ones(512, "float32"))

    assert keras.backend.standardize_dtype(result.dtype) == dtype
    wide = np.asarray(keras.ops.cast(values, "float64"))
    expected = equations.normalized(wide, EPSILON)
    result = keras.ops.cast(result, "float64")
    np.testing.assert_allclose(result, expected, rtol=0.01, atol=1e-4)
