"""Sequences in pieces: the same as in one go; and windows that gradients stay in."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoo.cells.units import ELEMENTWISE, N_A, N_X, UNITS, draw, draw_weights
from zoo import cells
from zoo.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Conditioned,
    DeepRNN,
    LearnedInitialState,
    OutputRecurrence,
    stream,
    windows,
)

ROWS, STEPS, N_V = 4, 7, 2
WHOLE = {"return_sequences": True, "return_state": True}


def deep_cell():
    return cells.DeepTransitionCell(
        cells.LSTMCell(N_A), input_units=[3], transition_units=[3], output_units=[2]
    )


LAYERS = {
    **{
        unit.name: lambda unit=unit: unit.layer(**WHOLE) for unit in UNITS + ELEMENTWISE
    },
    "deep transition": lambda: RNN(deep_cell(), **WHOLE),
    "stacked cells": lambda: RNN([cells.LSTMCell(3), cells.GRUCell(2)], **WHOLE),
    "deep": lambda: DeepRNN([u.layer() for u in UNITS], **WHOLE),
    "deep with skips": lambda: DeepRNN(
        [LSTM(3), GRU(2)], skip=("residual", "input", "output"), **WHOLE
    ),
    "learned initial state": lambda: LearnedInitialState(
        DeepRNN.stack("lstm", N_A, 2, **WHOLE)
    ),
    "conditioned": lambda: Conditioned(LSTM(N_A, **WHOLE)),
    "output recurrence": lambda: OutputRecurrence(GRU(N_A), return_state=True),
    "output recurrence alone": lambda: OutputRecurrence(
        keras.layers.Dense(N_A), return_state=True
    ),
}


def make(name):
    """Returns a layer, and what makes its arguments of a piece of x."""
    layer = LAYERS[name]()
    sequences_shape = (ROWS, None, N_X)
    if isinstance(layer, Conditioned):
        vector = tf.constant(draw(ROWS, N_V, seed=5))
        layer.build(sequences_shape, vector.shape)
    elif isinstance(layer, OutputRecurrence):
        layer.build(sequences_shape, sequences_shape)
    else:
        layer.build(sequences_shape)
    draw_weights(layer)

    def arguments(x):
        if isinstance(layer, Conditioned):
            return x, vector
        return (x, x[:, :, ::-1]) if isinstance(layer, OutputRecurrence) else x

    return layer, arguments


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    cuts=st.sets(st.integers(1, STEPS - 1)),
    mask=st.none() | st.lists(st.booleans(), min_size=28, max_size=28),
)
def test_pieces_give_the_same_as_one_go(name, cuts, mask):
    layer, arguments = make(name)
    sequences = draw(ROWS, STEPS, N_X)
    valid = np.ones((ROWS, STEPS), bool)
    if mask is not None:
        valid = np.reshape(mask, (ROWS, STEPS))
    limits = [0, *sorted(cuts), STEPS]
    places = [slice(*pair) for pair in itertools.pairwise(limits)]

    pieces = stream(
        layer,
        [arguments(sequences[:, place]) for place in places],
        masks=None if mask is None else [valid[:, place] for place in places],
    )
    outputs = []
    for output, states in pieces:  # noqa: B007, the last states are wanted
        outputs.append(output)

    ((expected, expected_states),) = stream(
        layer, [arguments(sequences)], masks=None if mask is None else [valid]
    )
    outputs = np.concatenate(outputs, axis=1)
    np.testing.assert_allclose(outputs[valid], np.asarray(expected)[valid], atol=2e-6)
    for state, value in zip(
        keras.tree.flatten(states), keras.tree.flatten(expected_states), strict=True
    ):
        np.testing.assert_allclose(state, value, atol=2e-6)


def test_pieces_are_asked_for_one_by_one():
    def endless():
        while True:
            asked.append(1)
            yield draw(ROWS, 1, N_X)

    asked, (layer, _) = [], make("gru")
    outputs = stream(layer, endless())
    next(outputs), next(outputs)
    assert len(asked) == 2


def test_too_few_masks_are_told_where_they_end():
    layer, _ = make("gru")
    pieces = stream(layer, [draw(ROWS, 2, N_X)] * 2, masks=[np.ones((ROWS, 2), bool)])
    next(pieces)
    with pytest.raises(ValueError, match="`masks` has 1, but there are more pieces"):
        next(pieces)


def gradients_of_the_last_window(layer, truncate):
    """Returns the gradients that a loss on the last window has to each window."""
    pieces = [tf.constant(piece) for piece in windows(draw(ROWS, STEPS, N_X), 3)]
    with tf.GradientTape() as tape:
        tape.watch(pieces)
        *_, (outputs, states) = stream(layer, pieces, truncate=truncate)
        loss = tf.reduce_sum(outputs**2)
    gradients = tape.gradient(loss, pieces, unconnected_gradients="zero")
    return [np.abs(gradient).max() for gradient in gradients], states


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnn", "lstm", "stacked cells", "deep with skips"])
def test_truncated_gradients_stay_in_their_window_and_states_go_on(name):
    layer, _ = make(name)

    *earlier, last = gradients_of_the_last_window(layer, truncate=True)[0]
    assert earlier == [0, 0]
    assert last > 1e-3
    through = gradients_of_the_last_window(layer, truncate=False)[0]
    assert min(through) > 0
    np.testing.assert_allclose(through[-1], last, rtol=1e-5)

    states = gradients_of_the_last_window(layer, truncate=True)[1]
    _, *whole = layer(draw(ROWS, STEPS, N_X))
    for state, value in zip(
        keras.tree.flatten(states), keras.tree.flatten(whole), strict=True
    ):
        np.testing.assert_allclose(state, value, atol=2e-6)


@pytest.mark.slow
def test_gradients_of_a_window_are_those_from_its_first_state_as_a_constant():
    layer, _ = make("deep")
    first, second = windows(tf.constant(draw(ROWS, 6, N_X)), 3)
    variables = [weight.value for weight in layer.trainable_weights]

    def gradients(run):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(run() ** 2)
        return tape.gradient(loss, variables)

    truncated = gradients(
        lambda: [*stream(layer, [first, second], truncate=True)][1][0]
    )

    ((_, states),) = stream(layer, [first])
    constants = [tf.constant(state.numpy()) for state in states]
    expected = gradients(lambda: layer(second, initial_state=constants)[0])
    for gradient, value in zip(truncated, expected, strict=True):
        np.testing.assert_allclose(gradient, value, atol=1e-5)


@pytest.mark.slow
def test_stateful_stack_trains_by_truncated_back_propagation():
    plain = DeepRNN.stack("gru", N_A, 2, **WHOLE)
    stateful = DeepRNN.stack("gru", N_A, 2, stateful=True, **WHOLE)
    for layer in (plain, stateful):
        layer.build((ROWS, 3, N_X))
        draw_weights(layer)
    first, second = windows(tf.constant(draw(ROWS, 6, N_X)), 3)

    with tf.GradientTape() as tape:
        stateful(first)
        loss = tf.reduce_sum(stateful(second)[0] ** 2)
    weights = [weight.value for weight in stateful.trainable_weights]
    gradients = tape.gradient(loss, weights)

    with tf.GradientTape() as tape:
        *_, (outputs, _) = stream(plain, [first, second], truncate=True)
        loss = tf.reduce_sum(outputs**2)
    weights = [weight.value for weight in plain.trainable_weights]
    for gradient, value in zip(gradients, tape.gradient(loss, weights), strict=True):
        np.testing.assert_allclose(gradient, value, atol=1e-5)


@pytest.mark.parametrize(
    ("length", "steps", "expected"), [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 9, [2])]
)
def test_windows_hold_every_step_once_in_order(length, steps, expected):
    sequences = np.arange(2 * length).reshape(2, length)
    cut = list(windows(sequences, steps))
    assert [window.shape[1] for window in cut] == expected
    np.testing.assert_array_equal(np.concatenate(cut, axis=1), sequences)


@pytest.mark.parametrize("name", ["lstm", "stacked cells", "deep", "conditioned"])
@pytest.mark.parametrize(
    "in_graph", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_windows_carry_on_the_mask_of_their_sequences(name, in_graph, request):
    if in_graph:  # which is as large again with kernels
        request.getfixturevalue("by_cells")
    layer, arguments = make(name)
    mask = np.array([[True] * n + [False] * (STEPS - n) for n in (7, 5, 1, 4)])
    masking = keras.layers.Masking()
    sequences = draw(ROWS, STEPS, N_X) * mask[..., None]

    def last_states(steps):
        pieces = map(arguments, windows(masking(sequences), steps))
        return [states for _, states in stream(layer, pieces)][-1]

    if in_graph:
        last_states = tf.function(last_states, autograph=False)
    found = keras.tree.flatten(last_states(3))
    whole = arguments(masking(sequences))
    _, *expected = layer(*whole) if isinstance(whole, tuple) else layer(whole)
    for state, value in zip(found, keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(state, value, atol=2e-6)


BY_CELLS = {"fused": False}  # for no piece to wait for a kernel to be compiled
DROPPING = {
    "inputs": lambda rate: LSTM(N_A, dropout=rate, **BY_CELLS, **WHOLE),
    "weights": lambda rate: GRU(
        N_A, recurrent_weight_dropout=rate, **BY_CELLS, **WHOLE
    ),
    "between": lambda rate: DeepRNN(
        [LSTM(3, **BY_CELLS), GRU(2, **BY_CELLS)], dropout=rate, **WHOLE
    ),
    "zoneout": lambda rate: RNN(cells.Zoneout(cells.GRUCell(3), rate=rate), **WHOLE),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DROPPING)
def test_pieces_drop_in_training_alone(name):
    sequences = draw(ROWS, STEPS, N_X)

    def last_output(layer, **arguments):
        pieces = stream(layer, windows(sequences, 3), truncate=True, **arguments)
        return [outputs for outputs, _ in pieces][-1].numpy()

    layer, plain = DROPPING[name](0.5), DROPPING[name](0.0)
    for each in (layer, plain):
        each.build((ROWS, None, N_X))
        draw_weights(each)
    first, second = (last_output(layer, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    without = last_output(layer)
    np.testing.assert_array_equal(last_output(layer, training=False), without)
    np.testing.assert_allclose(
        last_output(plain, training=True), last_output(plain), atol=1e-6
    )


def test_windows_without_steps_are_refused():
    with pytest.raises(ValueError, match="at least 1, found 0"):
        windows(draw(2, 3), 0)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Bidirectional(GRU(2, **WHOLE), name="b"), r"'b' \(Bidirectional\) goes"),
        (
            DeepRNN([Bidirectional(GRU(2), name="b")], **WHOLE),
            r"'b' \(Bidirectional\) goes",
        ),
        (
            LearnedInitialState(Bidirectional(GRU(2, **WHOLE), name="b")),
            r"'b' \(Bidirectional\) goes",
        ),
        (
            keras.layers.Bidirectional(keras.layers.GRU(2, **WHOLE), name="b"),
            r"'b' \(Bidirectional\) goes",
        ),
        (GRU(2, go_backwards=True, return_state=True, name="b"), r"'b' \(GRU\) goes"),
        (GRU(2, stateful=True, return_state=True), "carries its states on by itself"),
        (GRU(2, return_sequences=True), "Make it with `return_state=True`"),
    ],
)
def test_what_cannot_be_streamed_is_refused_at_once(layer, message):
    with pytest.raises(ValueError, match=message):
        stream(layer, [])
