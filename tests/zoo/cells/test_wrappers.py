"""Wrappers around any cell: leaky, zoneout and residual."""

import keras
import numpy as np
import pytest

from tests.zoo.cells import equations
from tests.zoo.cells.units import (
    N_A,
    N_X,
    draw,
    draw_weights,
    every_elementwise,
    every_wrapped,
)
from zoo.cells import GRUCell, Leaky, LSTMCell, Residual, SimpleRNNCell, Zoneout

WRAPPERS = [Leaky, Zoneout, Residual]


def build(cell, inputs=N_X):
    cell.build((None, inputs))
    draw_weights(cell)
    return cell


def inputs_and_states(states, rows=2, inputs=N_X):
    return draw(rows, inputs), [draw(rows, N_A, seed=8 + n) for n in range(states)]


@every_wrapped
def test_step_follows_the_equation(unit):
    cell = build(unit.cell())
    x, states = inputs_and_states(unit.states)

    output, new = cell(x, states)

    expected = unit.step(x, states, *cell.get_weights())
    np.testing.assert_allclose(new, expected, atol=1e-6)
    np.testing.assert_array_equal(output, new[0])


def test_residual_adds_the_input_and_leaves_the_state():
    inner = LSTMCell(N_A)
    cell = build(Residual(inner), N_A)
    x, states = inputs_and_states(2, inputs=N_A)

    output, new = cell(x, states)

    a, expected = inner(x, states)
    np.testing.assert_array_equal(output, a + x)
    np.testing.assert_array_equal(new, expected)


@pytest.mark.parametrize("change", [Leaky, Zoneout])
def test_residual_may_be_inside_or_outside(change):
    cell = LSTMCell(N_A)
    inside, outside = change(Residual(cell)), Residual(change(cell))
    build(inside, N_A)
    outside.build((None, N_A))
    x, states = inputs_and_states(2, inputs=N_A)

    output, new = inside(x, states)

    expected_output, expected = outside(x, states)
    np.testing.assert_array_equal(output, expected_output)
    np.testing.assert_array_equal(new, expected)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(
    "make",
    [
        lambda: GRUCell(N_A),
        lambda: keras.layers.SimpleRNNCell(N_A),
        lambda: keras.layers.GRUCell(N_A),
        lambda: keras.layers.LSTMCell(N_A),
        lambda: Zoneout(LSTMCell(N_A), rate=0.2, memory_rate=0.2),
        lambda: Residual(Leaky(keras.layers.LSTMCell(N_A))),
    ],
    ids=["gru", "Keras' rnn", "Keras' gru", "Keras' lstm", "zoneout", "residual"],
)
def test_any_cell_can_be_wrapped(wrapper, make):
    cell = wrapper(make())
    build(cell, N_A)
    initial = cell.get_initial_state(batch_size=2)
    x = draw(2, N_A)

    output, states = cell(x, initial, training=True)

    assert cell.state_size == cell.cell.state_size
    assert cell.output_size == N_A
    assert [state.shape for state in states] == [state.shape for state in initial]
    assert output.shape == (2, N_A)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_state_comes_back_in_the_form_it_was_given(wrapper):
    cell = build(wrapper(SimpleRNNCell(N_A)), N_A)
    x, [a] = inputs_and_states(1, inputs=N_A)

    _, [in_list] = cell(x, [a])
    _, alone = cell(x, a)

    assert alone.shape == (2, N_A)
    np.testing.assert_array_equal(alone, in_list)


@pytest.mark.parametrize(
    "cell",
    [
        Leaky(LSTMCell(N_A, peephole=True), alpha=0.9, learned=True, name="slow"),
        Zoneout(keras.layers.LSTMCell(N_A), rate=0.1, memory_rate=0.5, seed=7),
        Residual(Zoneout(Leaky(GRUCell(N_A), alpha=0.25), rate=0.5)),
    ],
    ids=["leaky", "zoneout", "nested"],
)
def test_config_makes_the_same_cell(cell):
    build(cell, N_A)
    config = keras.saving.serialize_keras_object(cell)
    assert config["registered_name"] == f"zoo>{type(cell).__name__}"

    copy = keras.saving.deserialize_keras_object(config)

    assert type(copy) is type(cell)
    assert copy.get_config() == cell.get_config()
    copy.set_weights(cell.get_weights())
    x, states = inputs_and_states(len(cell.get_initial_state(2)), inputs=N_A)
    np.testing.assert_array_equal(copy(x, states)[1], cell(x, states)[1])


def test_learned_leak_starts_at_alpha_in_every_unit():
    cell = Leaky(SimpleRNNCell(N_A), alpha=0.9, learned=True)
    cell.build((None, N_X))
    leak, *_ = cell.get_weights()
    assert cell.trainable_variables[0].name == "leak"
    np.testing.assert_allclose(equations.sigmoid(leak), np.full(N_A, 0.9), atol=1e-6)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapper_takes_the_precision_of_its_cell(wrapper):
    cell = wrapper(GRUCell(N_A, dtype="mixed_bfloat16"))
    build(cell, N_A)
    assert cell.compute_dtype == "bfloat16"
    output, [state] = cell(draw(2, N_A), cell.get_initial_state(2), training=True)
    dtypes = {keras.backend.standardize_dtype(t.dtype) for t in (output, state)}
    assert dtypes == {"bfloat16"}


@every_elementwise
@pytest.mark.parametrize("wrapper", [Leaky, Zoneout])
def test_wrapper_tells_outputs_from_states_in_half_precision_too(wrapper, unit):
    shown = []
    for dtype in ("float32", "mixed_bfloat16"):
        cell = wrapper(unit.cell(dtype=dtype))
        cell.build((None, N_X))
        try:
            cell(draw(2, N_X), cell.get_initial_state(2))
        except ValueError as error:
            shown.append(str(error))
        else:
            shown.append(None)
    assert shown[0] == shown[1]


def test_zoneout_keeps_units_at_their_rates_and_independently():
    inner = LSTMCell(50, unit_forget_bias=False)
    cell = Zoneout(inner, rate=0.3, memory_rate=0.6, seed=1)
    cell.build((None, 2))
    x, old = np.zeros((400, 2), "float32"), [np.ones((400, 50), "float32")] * 2

    _, new = cell(x, old, training=True)

    stepped = inner(x, old)[1]
    kept = []
    for state, before, after in zip(new, old, stepped, strict=True):
        state, after = np.asarray(state), np.asarray(after)
        np.testing.assert_array_equal(state, np.where(state == before, before, after))
        kept.append(state == before)
    # 20 000 draws: a standard deviation of 0.0035
    assert np.mean(kept[0]) == pytest.approx(0.3, abs=0.02)
    assert np.mean(kept[1]) == pytest.approx(0.6, abs=0.02)
    assert np.mean(kept[0] & kept[1]) == pytest.approx(0.18, abs=0.02)
    assert len(np.unique(kept[0], axis=0)) == 400  # every row has its own


def test_each_step_of_zoneout_draws_anew_and_a_seed_repeats_the_draws():
    first, second = (build(Zoneout(GRUCell(N_A), rate=0.5, seed=5)) for _ in range(2))
    x, states = inputs_and_states(1, rows=50)

    draws = [np.asarray(first(x, states, training=True)[0]) for _ in range(3)]

    assert np.abs(draws[0] - draws[1]).max() > 1e-3
    assert np.abs(draws[1] - draws[2]).max() > 1e-3
    for drawn in draws:
        np.testing.assert_array_equal(second(x, states, training=True)[0], drawn)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("rate", "kept"), [(0.0, False), (1.0, True)])
def test_extreme_rates_keep_nothing_or_all(rate, kept, training):
    inner = LSTMCell(N_A)
    cell = build(Zoneout(inner, rate=rate, memory_rate=rate))
    x, states = inputs_and_states(2)
    new = cell(x, states, training=training)[1]
    np.testing.assert_array_equal(new, states if kept else inner(x, states)[1])


class Projected(keras.layers.LSTMCell):
    """A cell whose output is made of its state."""

    def call(self, inputs, states, training=False):
        output, states = super().call(inputs, states, training)
        return 2 * output, states


@pytest.mark.parametrize("between", [lambda cell: cell, Residual])
def test_output_that_is_not_the_state_is_refused(between):
    cell = build(Zoneout(between(Projected(N_A))), N_A)
    with pytest.raises(ValueError, match="whose output is its first state; that of"):
        cell(*inputs_and_states(2, inputs=N_A))
    build(Residual(Projected(N_A)), N_A)(*inputs_and_states(2, inputs=N_A))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Leaky(GRUCell(N_A), alpha=1.0), r"in \[0, 1\)\. Found: 1\.0"),
        (lambda: Leaky(GRUCell(N_A), alpha=0.0, learned=True), r"in \(0, 1\) to be"),
        (lambda: Zoneout(GRUCell(N_A), rate=-0.1), r"`rate` must be in \[0, 1\]"),
        (lambda: Zoneout(LSTMCell(N_A), memory_rate=2), r"`memory_rate` must be in"),
        (lambda: Zoneout(GRUCell(N_A), memory_rate=0.1), "no memory beside it"),
        (lambda: Residual(4), "wraps a recurrent cell, such as .* Found: 4"),
        (lambda: Leaky(keras.layers.Dense(4)), "wraps a recurrent cell"),
        (
            lambda: Zoneout(keras.layers.StackedRNNCells([GRUCell(N_A)])),
            "Wrap the cells in it",
        ),
        (
            lambda: Leaky(Residual(keras.layers.StackedRNNCells([GRUCell(N_A)]))),
            "Wrap the cells in it",
        ),
        (
            lambda: Residual(GRUCell(N_A)).build((None, N_X)),
            f"Found: {N_X} inputs and {N_A} outputs",
        ),
    ],
)
def test_what_cannot_be_wrapped_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
