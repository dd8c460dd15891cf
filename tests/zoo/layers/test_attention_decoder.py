"""Decoders with attention, against the papers' equations step by step in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import N_A, N_X, UNITS, draw, draw_weights
from tests.zoo.layers.attentions import N_H, attended
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import cells
from zoo.layers import (
    GRU,
    LSTM,
    RNN,
    Attention,
    AttentionDecoder,
    Bidirectional,
    DeepRNN,
    LearnedInitialState,
)

ROWS, SIZE, SOURCE = len(ALL_PATTERNS), 3, 4
SOURCE_MASK = np.arange(SOURCE) < np.arange(ROWS)[:, None] % (SOURCE + 1)

WAYS = [("after", False), ("after", True), ("before", False), ("before", True)]
every_way = pytest.mark.parametrize(("order", "input_feeding"), WAYS)
one_pass_and_loop = pytest.mark.parametrize(
    ("order", "input_feeding"), [("after", False), ("before", True)]
)

LAYERS = {
    "rnn": lambda: RNN(cells.SimpleRNNCell(N_A)),
    "gru": lambda: GRU(N_A),
    "gru, reset after": lambda: GRU(N_A, reset_after=True),
    "gru, its cell": lambda: GRU(N_A, fused=False),
    "lstm": lambda: LSTM(N_A),
    "lstm with peepholes": lambda: LSTM(N_A, peephole=True),
    "wrapped cell": lambda: RNN(cells.Leaky(cells.LSTMCell(N_A), 0.3)),
    "cells": lambda: RNN([cells.GRUCell(3), cells.LSTMCell(N_A)]),
    "stack": lambda: DeepRNN(
        [GRU(3), LSTM(N_A)], skip=("residual", "input", "output"), dropout=0.4
    ),
    "learned state": lambda: LearnedInitialState(GRU(N_A)),
}


def make(layer, score="general", **arguments):
    decoder = AttentionDecoder(layer, Attention(score), **arguments)
    decoder.build((None, None, N_X), (None, None, N_H))
    draw_weights(decoder)
    return decoder


def draw_all(rows=ROWS):
    return draw(rows, STEPS, N_X), draw(rows, SOURCE, N_H, seed=9)


def in_numpy(unit, decoder, x, h, mask):
    """Returns ã and α of a row, (steps, units) and (steps, source), from zeros."""
    weights = [np.asarray(each, "float64") for each in decoder.layer.get_weights()]
    combine = decoder.attentional.get_weights()[0].astype("float64")
    state = [np.zeros(N_A)] * unit.states
    fed, outputs, alphas = np.zeros(SIZE), [], []
    for each in x.astype("float64"):
        seen = [each]
        if decoder.order == "before":
            context, alpha = attended(decoder.attention, state[0], h, mask)
            seen.append(context)
        if decoder.input_feeding:
            seen.append(fed)
        state = unit.step(np.concatenate(seen), state, *weights)
        if decoder.order == "after":
            context, alpha = attended(decoder.attention, state[0], h, mask)
        fed = np.tanh(np.concatenate([context, state[0]]) @ combine)
        outputs.append(fed)
        alphas.append(alpha[0])
    return np.array(outputs), np.array(alphas)


@every_way
def test_beams_look_at_one_row_of_the_memory(order, input_feeding):
    decoder = make(GRU(N_A), "additive", order=order, input_feeding=input_feeding)
    x, h = draw_all(6)
    mask = SOURCE_MASK[1:3]
    states = decoder.get_initial_state(6)
    each = decoder.memory(tf.repeat(h[:2], 3, axis=0), np.repeat(mask, 3, axis=0))
    expected = decoder.step(x[:, 0], states, each)
    beams = decoder.stepper(beams=3)
    found = beams(x[:, 0], states, decoder.memory(h[:2], mask))
    for one, other in zip(
        keras.tree.flatten(found), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
    nothing = beams(x[:0, 0], [s[:0] for s in states], decoder.memory(h[:0], mask[:0]))
    assert nothing[0].shape == (0, N_A)


@pytest.mark.parametrize(
    ("unit", "order", "input_feeding"),
    [
        *((unit, *way) for unit in UNITS for way in WAYS[::3]),
        *((UNITS[-1], *way) for way in WAYS[1:3]),
    ],
)
def test_outputs_and_weights_are_the_equations(unit, order, input_feeding):
    decoder = make(
        *(unit.layer(fused=False), "additive"),
        **{"units": SIZE, "order": order, "input_feeding": input_feeding},
    )
    x, h = draw_all(5)

    outputs, weights = decoder(x, h, values_mask=SOURCE_MASK[:5])

    for row in range(5):
        expected = in_numpy(unit, decoder, x[row], h[row], SOURCE_MASK[row])
        np.testing.assert_allclose(outputs[row], expected[0], atol=1e-5)
        np.testing.assert_allclose(weights[row], expected[1], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "order", "input_feeding"),
    [
        *((name, "after", False) for name in LAYERS),
        ("rnn", "before", False),
        ("gru", "before", True),
        ("lstm with peepholes", "after", True),
        ("cells", "before", False),
        ("stack", "before", True),
        ("stack", "after", True),
        ("learned state", "after", True),
    ],
)
def test_steps_one_by_one_are_the_whole_sequence(name, order, input_feeding):
    way = {"order": order, "input_feeding": input_feeding}
    decoder = make(LAYERS[name](), return_state=True, **way)
    x, h = draw_all()
    outputs, weights, *last = decoder(x, h, mask=ALL_PATTERNS, values_mask=SOURCE_MASK)

    memory, states = decoder.memory(h, SOURCE_MASK), decoder.get_initial_state(ROWS)
    assert [state.shape[1] for state in states] == decoder.state_size
    for t in range(STEPS):
        output, new, alpha = decoder.step(x[:, t], states, memory)
        valid = ALL_PATTERNS[:, t, None]
        states = [np.where(valid, *pair) for pair in zip(new, states, strict=True)]
        np.testing.assert_allclose(outputs[:, t], np.where(valid, output, 0), atol=1e-5)
        np.testing.assert_allclose(weights[:, t], np.where(valid, alpha, 0), atol=1e-5)
    for result, state in zip(last, states, strict=True):
        np.testing.assert_allclose(result, state, atol=1e-5)


@pytest.mark.parametrize(
    ("order", "input_feeding"), [("after", False), ("after", True)]
)
def test_a_sequence_in_two_pieces_is_the_whole(order, input_feeding):
    decoder = make(LSTM(N_A), order=order, input_feeding=input_feeding)
    x, h = draw_all(2)
    memory = decoder.memory(h)
    whole, *_ = decoder.run(x, memory)
    first, _, *states = decoder.run(x[:, :2], memory)
    second, *_ = decoder.run(x[:, 2:], memory, states)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-5)


@pytest.mark.slow
@one_pass_and_loop
@pytest.mark.usefixtures("lean")
def test_gradients_reach_all_weights_in_a_graph(order, input_feeding):
    stack = DeepRNN([GRU(3), LSTM(N_A)])
    decoder = make(stack, "additive", order=order, input_feeding=input_feeding)
    x, h = map(tf.constant, draw_all())
    variables = [weight.value for weight in decoder.weights]

    @tf.function(input_signature=2 * [tf.TensorSpec([None, None, None])])
    def gradients(x, h):
        x, h = (
            tf.ensure_shape(x, [None, None, N_X]),
            tf.ensure_shape(h, (None, None, N_H)),
        )
        with tf.GradientTape() as tape:
            outputs, _ = decoder(x, h, mask=ALL_PATTERNS, values_mask=SOURCE_MASK)
            loss = tf.reduce_sum(outputs**2)
        return tape.gradient(loss, variables)

    for variable, gradient in zip(variables, gradients(x, h), strict=True):
        assert np.isfinite(gradient).all(), variable.name
        assert np.any(gradient), variable.name


def test_kernel_runs_where_no_step_needs_the_one_before():
    assert not AttentionDecoder(GRU(2), Attention()).loops
    assert AttentionDecoder(GRU(2), Attention(), order="before").loops
    assert AttentionDecoder(GRU(2), Attention(), input_feeding=True).loops


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "order", "input_feeding"),
    [
        ("cell", "after", False),
        ("cell", "after", True),
        ("state", "before", False),
        ("between", "before", True),
        ("between", "after", False),
    ],
)
def test_dropout_in_training_alone(where, order, input_feeding):
    first = GRU(
        3,
        dropout=0.5 if where == "cell" else 0,
        recurrent_dropout=0.5 if where == "state" else 0,
    )
    stack = DeepRNN([first, GRU(3)], dropout=0.5 if where == "between" else 0)
    decoder = make(stack, order=order, input_feeding=input_feeding)
    x, h = draw_all(4)
    call = tf.function(lambda training: decoder(x, h, training=training)[0])
    alone = call(False)
    np.testing.assert_array_equal(call(False), alone)
    drawn = [call(True) for _ in range(3)]
    assert np.abs(drawn[0] - alone).max() > 1e-3
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    np.testing.assert_array_equal(call(False), alone)


@every_way
def test_cells_drop_the_same_units_at_all_steps(order, input_feeding):
    """Of inputs that are all dropped but one, either all steps see it or none."""
    layer = RNN(cells.SimpleRNNCell(1, dropout=0.5))
    decoder = make(layer, order=order, input_feeding=input_feeding)
    kernel, recurrent_kernel, bias = layer.get_weights()
    kernel[0], kernel[1:] = 1, 0
    layer.set_weights([kernel, 0 * recurrent_kernel, 0 * bias])
    x, h = np.ones((40, STEPS, N_X), "float32"), draw(40, SOURCE, N_H)
    *_, a = decoder.run(x, decoder.memory(h), training=True)
    dropped = (a.numpy() == 0)[:, 0]
    assert 5 < dropped.sum() < 35
    # The attentional vector is of the context and of a: without a, all steps' are one.
    decoder.attentional.set_weights(
        [np.concatenate([np.zeros((N_H, 1)), np.ones((1, 1))])]
    )
    output, *_ = decoder.run(x, decoder.memory(h), training=True)
    assert set(np.ptp(output.numpy()[..., 0], axis=1)) == {0}
    assert len(set(output.numpy()[:, 0, 0])) == 2


@one_pass_and_loop
def test_half_precision_stays_near_single_precision(order, input_feeding):
    arguments = {"order": order, "input_feeding": input_feeding}
    single = make(LSTM(N_A), **arguments)
    half = AttentionDecoder(
        LSTM(N_A, dtype="mixed_bfloat16"),
        Attention("general", dtype="mixed_bfloat16"),
        **arguments,
    )
    half.build((None, None, N_X), (None, None, N_H))
    half.set_weights(single.get_weights())
    x, h = draw_all(4)
    output, weights = half(x, h)
    assert (output.dtype, weights.dtype) == ("bfloat16", "float32")
    expected, _ = single(x, h)
    np.testing.assert_allclose(tf.cast(output, "float32"), expected, atol=0.1)


def test_masks_that_travel_with_the_sequences_are_used():
    decoder = make(GRU(N_A))
    x, h = draw_all()
    x, h = x * ALL_PATTERNS[..., None], h * SOURCE_MASK[..., None]
    masking = keras.layers.Masking()
    output, _ = decoder(masking(x), masking(h))
    explicit, _ = decoder(x, h, mask=ALL_PATTERNS, values_mask=SOURCE_MASK)
    np.testing.assert_allclose(output, explicit, atol=1e-6)
    np.testing.assert_array_equal(output._keras_mask, ALL_PATTERNS)


@pytest.mark.slow
@one_pass_and_loop
def test_saved_model_loads_by_itself_and_gives_identical_results(
    order, input_feeding, tmp_path
):
    inputs = keras.Input((None, N_X)), keras.Input((None, N_H))
    decoder = AttentionDecoder(
        *(DeepRNN([GRU(3), LSTM(2)]), Attention("concat", units=4), 5),
        **{"order": order, "input_feeding": input_feeding, "name": "decoder"},
    )
    model = keras.Model(inputs, decoder(*inputs))
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    loaded = copy.get_layer("decoder")
    assert (loaded.order, loaded.input_feeding) == (order, input_feeding)
    for result, value in zip(copy(draw_all()), model(draw_all()), strict=True):
        np.testing.assert_array_equal(result, value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AttentionDecoder(GRU(2), "dot"), "takes a zoo.layers.Attention"),
        (lambda: AttentionDecoder(GRU(2), Attention(), order="luong"), "after, before"),
        (lambda: AttentionDecoder(Bidirectional(GRU(2)), Attention()), "go forward"),
        (lambda: AttentionDecoder(GRU(2, stateful=True), Attention()), "is stateful"),
        (lambda: AttentionDecoder(keras.layers.Dense(2), Attention()), "recurrent"),
    ],
)
def test_what_cannot_be_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_model_with_a_loop_trains_without_xla_around_it():
    x, values = keras.Input((None, 2)), keras.Input((None, 3))
    outputs, _ = AttentionDecoder(GRU(2), Attention(), order="before")(x, values)
    model = keras.Model([x, values], outputs)
    with pytest.warns(UserWarning, match="support `jit_compile=True`"):
        model.compile("sgd", "mse", jit_compile=True)
    before = model.get_weights()
    data = [np.ones((2, 4, 2)), np.ones((2, 5, 3))]
    model.fit(data, np.zeros((2, 4, 2)), verbose=0)
    assert all(
        np.abs(new - old).max() > 0
        for old, new in zip(before[:2], model.get_weights(), strict=False)
    )
