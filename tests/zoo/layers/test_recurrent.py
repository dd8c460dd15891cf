"""The recurrent layers against the equations: masks, direction, state."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoo.cells.equations import over_time
from tests.zoo.cells.units import N_A, N_X, draw, draw_weights, every_layer, every_unit
from tests.zoo.layers.masks import ALL_PATTERNS, MASKS, ROWS, STEPS
from zoo import cells, layers
from zoo.layers.shapes import DenseInputs


def make(unit, **arguments):
    layer = unit.layer(**arguments)
    layer.build((ROWS, None, N_X))
    draw_weights(layer)
    return layer


def deep(layer):
    return layers.DeepRNN([layer])


def check(unit, layer, mask, reverse=False):
    """Runs `layer` from a random state, and checks all that it returns.

    Against the equations over each row's valid steps alone; `reverse` is the order
    in which they are expected to be taken.
    """
    rows = ROWS if mask is None else len(mask)
    sequences = draw(rows, STEPS, N_X)
    states = [draw(rows, N_A, seed=20 + place) for place in range(unit.states)]

    outputs, *last = layer(sequences, initial_state=states, mask=mask)

    order = slice(None, None, -1 if reverse else 1)
    mask = None if mask is None else mask[:, order]
    expected, expected_last = over_time(
        unit.step, layer.get_weights(), sequences[:, order], states, mask
    )
    if not layer.return_sequences:
        expected = expected[:, -1]
    np.testing.assert_allclose(outputs, expected, atol=2e-6)
    np.testing.assert_allclose(last, expected_last, atol=2e-6)


@every_unit
@pytest.mark.parametrize(
    "mask",
    [None, MASKS["all valid"], MASKS["all rows empty"], ALL_PATTERNS],
    ids=["no mask", "all valid", "all rows empty", "all patterns"],
)
def test_masked_steps_are_skipped(unit, mask):
    check(unit, make(unit, return_sequences=True, return_state=True), mask)


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize("unroll", [False, True])
def test_last_output_is_that_of_the_last_valid_step(unit, unroll):
    check(unit, make(unit, return_state=True, unroll=unroll), ALL_PATTERNS)


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize("mask", [None, ALL_PATTERNS], ids=["no mask", "all patterns"])
@pytest.mark.parametrize("unroll", [False, True])
def test_going_backwards_starts_at_the_last_valid_step(unit, mask, unroll):
    layer = make(
        unit,
        return_sequences=True,
        return_state=True,
        go_backwards=True,
        unroll=unroll,
    )
    check(unit, layer, mask, reverse=True)


@every_layer
def test_state_is_zero_unless_given(unit):
    layer = make(unit)
    sequences, zeros = draw(ROWS, STEPS, N_X), [np.zeros((ROWS, N_A))] * unit.states

    expected = layer(sequences, initial_state=zeros)

    np.testing.assert_array_equal(layer(sequences), expected)


@pytest.mark.slow
@every_layer
def test_masked_outputs_are_zeros_on_request(unit):
    mask = MASKS["holes, padding and an empty row"]
    layer = make(unit, return_sequences=True, zero_output_for_mask=True)
    sequences = draw(ROWS, STEPS, N_X)

    outputs = layer(sequences, mask=mask)

    zeros = [np.zeros((ROWS, N_A))] * unit.states
    expected, _ = over_time(unit.step, layer.get_weights(), sequences, zeros, mask)
    np.testing.assert_allclose(outputs, expected * mask[:, :, None], atol=2e-6)


@pytest.mark.slow
@every_layer
@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    left=st.integers(0, 3),
    right=st.integers(0, 3),
    garbage=st.sampled_from([0.0, 1e3, np.nan, np.inf, -np.inf]),
    go_backwards=st.booleans(),
)
def test_padding_never_changes_the_last_state(unit, left, right, garbage, go_backwards):
    layer = make(unit, return_state=True, go_backwards=go_backwards)
    sequences = draw(ROWS, 3, N_X)
    padding = ((0, 0), (left, right))
    mask = np.pad(np.ones((ROWS, 3), bool), padding)
    padded = np.pad(sequences, (*padding, (0, 0)), constant_values=garbage)

    for result, expected in zip(
        layer(padded, mask=mask), layer(sequences), strict=True
    ):
        np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.slow
@every_unit
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_never_changes_a_gradient(unit, side):
    layer = make(unit)
    sequences = tf.constant(draw(ROWS, 3, N_X))
    padding = [0, 0], [2, 0] if side == "left" else [0, 2]
    mask = tf.pad(tf.ones((ROWS, 3), tf.bool), padding)
    padded = tf.pad(sequences, (*padding, [0, 0]), constant_values=9.0)

    def gradients(**inputs):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(**inputs) ** 2)
        return tape.gradient(loss, [weight.value for weight in layer.weights])

    with_padding = gradients(sequences=padded, mask=mask)
    for gradient, expected in zip(
        with_padding, gradients(sequences=sequences), strict=True
    ):
        np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize("pattern", ["no mask", "holes, padding and an empty row"])
def test_stateful_layer_carries_its_state_on(unit, pattern):
    mask = MASKS[pattern]
    layer = make(unit, return_state=True)
    stateful = unit.layer(return_state=True, stateful=True)
    stateful.build((ROWS, STEPS, N_X))
    draw_weights(stateful)
    sequences = draw(ROWS, STEPS, N_X)

    def in_two_halves():
        for half in (slice(0, 2), slice(2, None)):
            part = None if mask is None else mask[:, half]
            _, *states = stateful(sequences[:, half], mask=part)
        return np.array(states)

    _, *expected = layer(sequences, mask=mask)
    np.testing.assert_allclose(in_two_halves(), expected, atol=1e-6)
    assert np.abs(in_two_halves() - expected).max() > 1e-3  # it went on
    stateful.reset_state()
    np.testing.assert_allclose(in_two_halves(), expected, atol=1e-6)


@pytest.mark.slow
@every_layer
def test_state_out_and_in_again_equals_one_go(unit):
    layer = make(unit, return_sequences=True, return_state=True)
    sequences, mask = draw(ROWS, STEPS, N_X), MASKS["padded on both sides"]

    whole, *expected = layer(sequences, mask=mask)
    first, *states = layer(sequences[:, :3], mask=mask[:, :3])
    second, *states = layer(sequences[:, 3:], mask=mask[:, 3:], initial_state=states)

    np.testing.assert_allclose(states, expected, atol=1e-6)
    np.testing.assert_allclose(first, whole[:, :3], atol=1e-6)
    valid = mask[:, 3:]
    np.testing.assert_allclose(
        np.asarray(second)[valid], np.asarray(whole)[:, 3:][valid], atol=1e-6
    )


@pytest.mark.slow
@every_unit
@pytest.mark.parametrize("go_backwards", [False, True])
def test_masks_reach_the_layer_behind(unit, go_backwards):
    mask = MASKS["padded on the right"]
    sequences = draw(ROWS, STEPS, N_X) * mask[:, :, None]
    first = make(unit, return_sequences=True, go_backwards=go_backwards)
    second = unit.layer()
    second.build((ROWS, None, N_A))
    draw_weights(second, seed=7)

    implicit = second(first(keras.layers.Masking()(sequences)))

    order = slice(None, None, -1 if go_backwards else 1)
    explicit = second(first(sequences, mask=mask), mask=mask[:, order])
    np.testing.assert_array_equal(implicit, explicit)
    unmasked = second(first(sequences))
    assert np.abs(implicit - unmasked).max() > 1e-3


@pytest.mark.parametrize(
    ("backwards", "return_state"),
    [((True, False), False), ((False, True), True), ((True, True), True)],
)
def test_padding_never_changes_what_layers_that_go_backwards_give(
    backwards, return_state
):
    arguments = {"return_sequences": True, "return_state": return_state}
    inputs = keras.Input((None, N_X))
    x = keras.layers.Masking()(inputs)
    for each in backwards:
        x = layers.LSTM(N_A, go_backwards=each, **arguments)(x)
        x = x[0] if return_state else x
    model = keras.Model(inputs, layers.MeanPooling()(x))
    draw_weights(model)
    sequences = draw(ROWS, 3, N_X)
    padded = np.pad(sequences, ((0, 0), (0, 3), (0, 0)))

    np.testing.assert_allclose(model(padded), model(sequences), atol=1e-6)


@every_unit
def test_mask_that_travels_with_the_sequences_holds_with_an_initial_state(unit):
    layer = make(unit)
    mask = MASKS["padded on the right"]
    sequences = draw(ROWS, STEPS, N_X) * mask[:, :, None]
    states = [draw(ROWS, N_A, seed=20 + place) for place in range(unit.states)]

    implicit = layer(keras.layers.Masking()(sequences), initial_state=states)

    explicit = layer(sequences, initial_state=states, mask=mask)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize(
    "around",
    [lambda one: one, layers.Bidirectional, layers.LearnedInitialState, deep],
)
def test_sequences_without_steps_of_their_own_are_refused_before_weights_are_made(
    unit, around
):
    layer = around(unit.layer())
    for two_axes in (keras.Input((16,)), np.ones((2, 3), "float32")):
        with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
            layer(two_axes)
    assert layer(np.ones((2, 3, N_X), "float32")).shape[0] == 2


def test_any_cell_can_be_run_over_time():
    lstm, gru = cells.LSTMCell(N_A), cells.GRUCell(N_A)
    layer = layers.RNN([lstm, gru], return_sequences=True)
    sequences, mask = draw(ROWS, STEPS, N_X), MASKS["holes"]

    outputs = layer(sequences, mask=mask)

    one = layers.RNN(lstm, return_sequences=True)
    other = layers.RNN(gru, return_sequences=True)
    expected = other(one(sequences, mask=mask), mask=mask)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("kind", [cells.LSTMCell, cells.GRUCell])
def test_a_list_of_any_number_of_cells_runs_in_a_graph_under_a_mask(kind, depth):
    stack = [kind(N_A) for _ in range(depth)]
    layer = layers.RNN(stack, return_sequences=True, return_state=True)
    sequences, mask = draw(ROWS, STEPS, N_X), MASKS["holes"]
    layer.build((None, None, N_X))
    draw_weights(layer)

    outputs, *states = tf.function(layer)(sequences, mask=mask)

    expected, last = sequences, []
    for cell in stack:
        own = layers.RNN(cell, return_sequences=True, return_state=True)
        expected, *state = own(expected, mask=mask)
        last += state
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    states = keras.tree.flatten(states)
    np.testing.assert_allclose(states, last, atol=1e-6)
    assert len(keras.tree.flatten(layer.state_size)) == len(states)


def in_stacks(*cells):
    return keras.layers.StackedRNNCells(cells)


STACKS = {
    "list": lambda cell: [cell],
    "stack": in_stacks,
    "list of a stack": lambda cell: [in_stacks(cell)],
    "stack in a stack": lambda cell: in_stacks(in_stacks(cell)),
    "beside another": lambda cell: [in_stacks(cell), cells.Leaky(cells.GRUCell(N_A))],
}


@pytest.mark.parametrize(
    ("kind", "stack", "in_graph"),
    [
        *((cells.LSTMCell, stack, True) for stack in STACKS),
        (cells.LSTMCell, "list", False),
        (keras.layers.GRUCell, "list", True),
    ],
)
def test_a_stack_with_one_cell_runs_under_a_mask_as_that_cell_does(
    kind, stack, in_graph
):
    cell, make = kind(N_A), STACKS[stack]
    layer = layers.RNN(make(cell), return_sequences=True, return_state=True)
    layer.build((None, None, N_X))
    draw_weights(layer)
    sequences, mask = draw(ROWS, STEPS, N_X), MASKS["holes"]
    run = tf.function(layer) if in_graph else layer

    outputs, *states = run(sequences, mask=mask)

    alone = layers.RNN(cell, return_sequences=True, return_state=True, fused=False)
    expected, *last = alone(sequences, mask=mask)
    if isinstance(layer.cell.cells[-1], cells.Leaky):
        other = layers.RNN(
            layer.cell.cells[-1], return_sequences=True, return_state=True
        )
        expected, *more = other(expected, mask=mask)
        last += more
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    np.testing.assert_allclose(keras.tree.flatten(states), last, atol=1e-6)
    # And in Keras' form, that of what no mask is given to.
    namesake = keras.layers.RNN(make(cell), return_sequences=True, return_state=True)
    _, *plain = namesake(sequences)
    keras.tree.assert_same_structure(states, plain)


@pytest.mark.parametrize("make", STACKS.values(), ids=STACKS)
def test_files_of_weights_of_stacks_are_keras_own(make, tmp_path):
    def model(kind):
        inputs = keras.Input((STEPS, N_X))
        return keras.Model(inputs, kind(make(keras.layers.LSTMCell(N_A)))(inputs))

    for one, other in itertools.permutations([layers.RNN, keras.layers.RNN]):
        given, taking = model(one), model(other)
        draw_weights(given)
        given.save_weights(tmp_path / "some.weights.h5")
        taking.load_weights(tmp_path / "some.weights.h5")
        pairs = zip(given.get_weights(), taking.get_weights(), strict=True)
        for weight, expected in pairs:
            np.testing.assert_array_equal(weight, expected)


def test_a_stack_of_one_cell_comes_back_from_its_config():
    layer = layers.RNN(in_stacks(cells.LSTMCell(N_A)), return_sequences=True)
    again = layers.RNN.from_config(layer.get_config())
    sequences, mask = draw(ROWS, STEPS, N_X), MASKS["holes"]
    for each in (layer, again):
        each.build((None, None, N_X))
        draw_weights(each)
    outputs = [each(sequences, mask=mask) for each in (layer, again)]
    np.testing.assert_array_equal(*outputs)


def test_a_wrapped_stack_of_one_cell_runs_in_a_graph_under_a_mask():
    one = keras.layers.StackedRNNCells([cells.LSTMCell(N_X)])
    layer = layers.RNN(cells.Residual(one), return_sequences=True)
    layer.build((None, None, N_X))
    draw_weights(layer)
    sequences, mask = draw(ROWS, STEPS, N_X), MASKS["holes"]
    in_graph = tf.function(layer)(sequences, mask=mask)
    np.testing.assert_allclose(in_graph, layer(sequences, mask=mask), atol=1e-6)


def in_a_stack(cell, stateful):
    return layers.DeepRNN([layers.RNN(cell)], stateful=stateful)


@pytest.mark.parametrize("around", [layers.RNN, in_a_stack])
def test_stateful_stack_of_cells_starts_anew_when_it_is_reset(around):
    layer = around([cells.LSTMCell(N_A), cells.GRUCell(3)], stateful=True)
    sequences = draw(2, STEPS, N_X)

    first, second = np.asarray(layer(sequences)), np.asarray(layer(sequences))
    layer.reset_state()

    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(layer(sequences), first)
    if around is layers.RNN:
        layer.build(sequences.shape)  # which starts anew too
        np.testing.assert_array_equal(layer(sequences), first)


@pytest.mark.parametrize(
    ("layer", "before"),
    [
        (layers.LSTM, ["LSTM", "_WeightDropout", "_AnyMask"]),
        (layers.GRU, ["GRU", "_WeightDropout", "_AnyMask"]),
        (layers.SimpleRNN, ["SimpleRNN", "_WeightDropout"]),
    ],
)
def test_methods_are_looked_for_in_the_order_that_the_module_tells(layer, before):
    order = layer.__mro__
    count = len(before)
    assert [each.__name__ for each in order[:count]] == before
    namesake = getattr(keras.layers, layer.__name__)
    assert order[count : count + 5] == (
        namesake,
        layers.RNN,
        DenseInputs,
        keras.layers.RNN,
        keras.layers.Layer,
    )
    assert isinstance(layer(2).cell, layer.cell_class)
