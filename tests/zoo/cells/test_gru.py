"""The gated recurrent unit in its three forms."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.units import N_A, N_X, UNITS, draw, draw_weights
from zoo.cells import GRUCell

FORMS = [unit for unit in UNITS if unit.kind == "GRU"]
every_form = pytest.mark.parametrize("unit", FORMS, ids=lambda unit: unit.name)


def build(cell):
    cell.build((None, N_X))
    draw_weights(cell)
    return cell


def set_bias(cell, block, value):
    """Saturates a gate: sets the `block`-th n_a columns of the bias to `value`."""
    kernel, recurrent_kernel, bias = cell.get_weights()
    bias[..., block * N_A : (block + 1) * N_A] = value
    cell.set_weights([kernel, recurrent_kernel, bias])


@every_form
@pytest.mark.parametrize("use_bias", [True, False])
def test_step_follows_the_equation(unit, use_bias):
    cell = build(unit.cell(use_bias=use_bias))
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    output, [state] = cell(x, [c])

    weights = cell.get_weights()
    assert len(weights) == 2 + use_bias
    [expected] = unit.step(x, [c], *weights)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    np.testing.assert_array_equal(state, output)


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize("use_bias", [True, False])
def test_step_equals_that_of_keras(reset_after, implementation, use_bias):
    arguments = {"reset_after": reset_after, "use_bias": use_bias}
    cell = build(GRUCell(N_A, **arguments))
    namesake = build(
        keras.layers.GRUCell(N_A, implementation=implementation, **arguments)
    )
    namesake.set_weights(cell.get_weights())
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    np.testing.assert_allclose(cell(x, [c])[0], namesake(x, [c])[0], atol=1e-6)


def test_textbook_form_is_the_default():
    cell = build(GRUCell(N_A))
    assert not cell.reset_after
    assert cell.relevance_gate
    assert cell.bias.shape == (3 * N_A,)


@pytest.mark.parametrize("reset_after", [True, False])
def test_simplified_form_is_keras_unit_whose_relevance_gate_is_open(reset_after):
    namesake = build(keras.layers.GRUCell(N_A, reset_after=reset_after))
    kernel, recurrent_kernel, bias = namesake.get_weights()
    bias[..., N_A : 2 * N_A] = 50
    namesake.set_weights([kernel, recurrent_kernel, bias])
    cell = build(GRUCell(N_A, relevance_gate=False))
    bias = bias.sum(axis=0) if reset_after else bias
    without_r = np.r_[:N_A, 2 * N_A : 3 * N_A]
    cell.set_weights([w[..., without_r] for w in (kernel, recurrent_kernel, bias)])
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    np.testing.assert_allclose(cell(x, [c])[0], namesake(x, [c])[0], atol=1e-6)


@every_form
def test_update_gate_near_zero_keeps_the_past(unit):
    cell = build(unit.cell())
    set_bias(cell, block=0, value=50)  # of z = 1 - Γ_u
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    np.testing.assert_array_equal(cell(x, [c])[0], c)


@every_form
def test_update_gate_near_one_overwrites_the_past(unit):
    cell = build(unit.cell())
    set_bias(cell, block=0, value=-50)
    set_bias(cell, block=-1 % len(unit.gates), value=50)
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    np.testing.assert_allclose(cell(x, [c])[0], 1)  # c̃ = tanh(50)


@pytest.mark.parametrize("unit", FORMS[:2], ids=lambda unit: unit.name)
def test_closed_relevance_gate_hides_the_past_from_the_candidate(unit):
    cell = build(unit.cell())
    set_bias(cell, block=0, value=-50)
    set_bias(cell, block=1, value=-50)
    x = draw(2, N_X)

    one, _ = cell(x, [draw(2, N_A, seed=8)])
    other, _ = cell(x, [draw(2, N_A, seed=9)])

    np.testing.assert_allclose(one, other, atol=1e-6)


def test_reset_after_without_a_relevance_gate_is_refused():
    with pytest.raises(ValueError, match="`relevance_gate=False` leaves it out"):
        GRUCell(N_A, reset_after=True, relevance_gate=False)


@every_form
def test_state_comes_back_in_the_form_it_was_given(unit):
    cell = build(unit.cell())
    x, c = draw(2, N_X), draw(2, N_A, seed=9)

    _, [in_list] = cell(x, [c])
    _, alone = cell(x, c)

    assert alone.shape == (2, N_A)
    np.testing.assert_array_equal(alone, in_list)


@every_form
def test_config_makes_the_same_cell(unit):
    cell = build(unit.cell(recurrent_activation="hard_sigmoid", dropout=0.1))
    config = keras.saving.serialize_keras_object(cell)

    copy = keras.saving.deserialize_keras_object(config)

    assert type(copy) is GRUCell
    assert copy.get_config() == cell.get_config()
    assert copy.relevance_gate == cell.relevance_gate
    copy.set_weights(cell.get_weights())
    x, c = draw(2, N_X), draw(2, N_A, seed=9)
    np.testing.assert_array_equal(copy(x, [c])[0], cell(x, [c])[0])


def test_positional_arguments_are_those_of_keras():
    arguments = (N_A, "relu", "hard_sigmoid", False, "ones")
    config = GRUCell(*arguments, name="cell").get_config()
    assert config.pop("relevance_gate")
    assert not config.pop("layer_normalization")
    assert config.pop("recurrent_weight_dropout") == 0
    namesake = keras.layers.GRUCell(*arguments, reset_after=False, name="cell")
    assert config == namesake.get_config()
    assert config["recurrent_activation"] == "hard_sigmoid"


@every_form
@pytest.mark.parametrize("role", ["kernel", "recurrent", "bias"])
def test_each_weight_has_its_own_initializer_regularizer_and_constraint(unit, role):
    cell = unit.cell(
        **{
            f"{role}_initializer": keras.initializers.Constant(3.0),
            f"{role}_regularizer": keras.regularizers.L1(0.5),
            f"{role}_constraint": keras.constraints.MaxNorm(1.0),
        }
    )
    cell.build((None, N_X))
    place = ["kernel", "recurrent", "bias"].index(role)
    weight = cell.trainable_variables[place]

    np.testing.assert_array_equal(weight, 3.0)
    assert isinstance(weight.constraint, keras.constraints.MaxNorm)
    [loss] = cell.losses
    np.testing.assert_allclose(loss, 0.5 * 3.0 * np.size(weight))


@every_form
def test_recurrent_dropout_leaves_the_memory_that_is_kept(unit):
    cell = build(unit.cell(recurrent_dropout=0.9))
    set_bias(cell, block=0, value=50)
    x, c = draw(8, N_X), draw(8, N_A, seed=9)

    kept, _ = cell(x, [c], training=True)

    np.testing.assert_array_equal(kept, c)
