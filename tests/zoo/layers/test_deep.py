"""Stacks of recurrent layers, against Keras' stacks and the equations."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.equations import over_time
from tests.zoo.cells.units import N_A, N_X, UNITS, draw, draw_weights
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import cells, layers
from zoo.layers import GRU, LSTM, RNN, Bidirectional, DeepRNN, SimpleRNN

ROWS = len(ALL_PATTERNS)
WHOLE = {"return_sequences": True, "return_state": True}
MIXED = [UNITS[0], UNITS[1], UNITS[4]]  # an RNN, a GRU and an LSTM


def make(blocks, rows=None, **arguments):
    stack = DeepRNN(blocks, **arguments)
    stack.build((rows, None, N_X))
    draw_weights(stack)
    return stack


def make_mixed(**arguments):
    return make([unit.layer(units=N_A) for unit in MIXED], **arguments)


def draw_states(stack, rows=ROWS):
    sizes = stack.state_size
    return [draw(rows, size, seed=20 + place) for place, size in enumerate(sizes)]


def by_equation(stack, sequences, states, mask, skip=()):
    """Runs the equations in NumPy; returns each layer's h, and all last states."""
    valid = mask[..., None]
    x = h = np.where(valid, sequences, 0).astype("float64")
    outputs, last, place = [], [], 0
    for number, (unit, layer) in enumerate(zip(MIXED, stack.layers, strict=True)):
        inputs = np.concatenate([h, x], -1) if number and "input" in skip else h
        own = states[place : place + unit.states]
        a, new = over_time(unit.step, layer.get_weights(), inputs, own, mask)
        place += unit.states
        if "residual" in skip:
            dense = stack.shortcuts[number]
            a = a + (h @ dense.get_weights()[0] if dense else h)
        h = a
        outputs.append(a)
        last += new
    return outputs, last


@pytest.mark.parametrize(
    "skip",
    [None, "residual", "input", "output", ("residual", "input", "output")],
    ids=str,
)
def test_stack_follows_the_equation_under_every_mask(skip):
    stack = make_mixed(skip=skip, **WHOLE)
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(stack)

    outputs, *last = stack(sequences, initial_state=states, mask=ALL_PATTERNS)

    levels, expected_last = by_equation(
        stack, sequences, states, ALL_PATTERNS, stack.skip
    )
    expected = np.concatenate(levels, -1) if "output" in stack.skip else levels[-1]
    outputs = np.asarray(outputs)
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(outputs[ALL_PATTERNS], expected[ALL_PATTERNS], atol=5e-6)
    np.testing.assert_allclose(last, expected_last, atol=5e-6)

    stack.return_sequences = False
    output, *_ = stack(sequences, initial_state=states, mask=ALL_PATTERNS)
    for row, mask in enumerate(ALL_PATTERNS):
        steps = np.flatnonzero(mask)
        if len(steps):
            np.testing.assert_allclose(output[row], outputs[row, steps[-1]], atol=1e-6)
        else:
            np.testing.assert_array_equal(output[row], 0)


@pytest.mark.parametrize("mask", [None, ALL_PATTERNS], ids=["no mask", "all patterns"])
def test_stack_of_one_kind_equals_the_stacked_cells_of_keras(mask):
    stack = DeepRNN.stack("lstm", N_A, depth=3, **WHOLE)
    stack.build((None, None, N_X))
    draw_weights(stack)
    peers = [keras.layers.LSTMCell(N_A) for _ in range(3)]
    peer = keras.layers.RNN(peers, **WHOLE)
    peer.build((None, None, N_X))
    peer.set_weights(stack.get_weights())
    sequences = draw(ROWS, STEPS, N_X)

    outputs, *last = stack(sequences, mask=mask)

    expected, *expected_last = peer(sequences, mask=mask)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    np.testing.assert_allclose(last, keras.tree.flatten(expected_last), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "mask"),
    [*zip(MIXED, [ALL_PATTERNS, None, ALL_PATTERNS], strict=True)],
    ids=["rnn", "gru", "lstm"],
)
def test_stack_equals_its_layers_one_after_another(unit, mask):
    stack = make([Bidirectional(unit.layer(3)), Bidirectional(unit.layer(2))])
    one = Bidirectional(unit.layer(3, return_sequences=True))
    other = Bidirectional(unit.layer(2))
    chain = keras.Sequential([keras.Input((STEPS, N_X)), one, other])
    chain.set_weights(stack.get_weights())  # weights move as they are
    sequences = draw(ROWS, STEPS, N_X)

    result = stack(sequences, mask=mask)

    expected = other(one(sequences, mask=mask), mask=mask)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_blocks_may_be_deep_in_themselves_and_nested():
    deep = cells.DeepTransitionCell(cells.GRUCell(4), transition_units=[5], skip=True)
    pair = [cells.LSTMCell(3), cells.GRUCell(2)]
    inner = DeepRNN([LSTM(3), GRU(2)], skip="residual")
    stack = make([RNN(deep), RNN(pair), inner], skip="residual", **WHOLE)
    sequences = draw(2, STEPS, N_X)

    outputs, *states = stack(sequences)
    again, *_ = stack(sequences, initial_state=states)

    assert stack.state_size == [4, 3, 3, 2, 3, 3, 2]
    assert [state.shape[-1] for state in states] == stack.state_size
    shape, *state_shapes = stack.compute_output_shape(sequences.shape)
    assert shape == outputs.shape
    assert state_shapes == [state.shape for state in states]
    assert np.abs(again - outputs).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("skip", "garbage", "fused"),
    [
        (None, 1e3, False),
        (None, np.nan, False),
        (("residual", "input", "output"), 1e3, False),
        (("residual", "input", "output"), np.nan, "auto"),
    ],
    ids=str,
)
def test_padding_never_changes_a_result_or_a_gradient(skip, garbage, fused):
    blocks = [unit.layer(units=N_A, fused=fused) for unit in MIXED]
    stack = make(blocks, skip=skip, return_state=True)
    sequences = draw(2, 3, N_X)
    padding = ((0, 0), (2, 1))
    mask = np.pad(np.ones((2, 3), bool), padding)
    padded = np.pad(sequences, (*padding, (0, 0)), constant_values=garbage)

    def run(**inputs):
        with tf.GradientTape() as tape:
            results = stack(**inputs)
            loss = tf.reduce_sum(results[0] ** 2)
        weights = [weight.value for weight in stack.trainable_weights]
        return results, tape.gradient(loss, weights)

    results, gradients = run(sequences=padded, mask=mask)
    expected, expected_gradients = run(sequences=sequences)

    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)
    if np.isnan(garbage) and not skip:
        return  # NaN times a gradient of 0: a plain layer's is NaN as well
    for gradient, value in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, value, atol=1e-5)


def test_mask_that_travels_with_the_sequences_holds_with_an_initial_state():
    stack = make_mixed(return_sequences=True)
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(stack)
    sequences *= ALL_PATTERNS[:, :, None]

    implicit = stack(keras.layers.Masking()(sequences), initial_state=states)

    explicit = stack(sequences, initial_state=states, mask=ALL_PATTERNS)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)
    np.testing.assert_array_equal(implicit._keras_mask, ALL_PATTERNS)


def test_dropout_acts_between_layers_and_in_training_alone():
    def linear():
        layer = SimpleRNN(2, activation="linear", use_bias=False)
        layer.build((None, None, 2))
        layer.set_weights([np.eye(2), np.zeros((2, 2))])
        return layer

    stack = DeepRNN([linear() for _ in range(3)], dropout=[0.5, 0.0], seed=3, **WHOLE)
    ones = np.ones((50, STEPS, 2), "float32")

    outputs, first, *_ = stack(ones, training=True)

    assert set(np.unique(outputs)) == {0.0, 2.0}  # dropped in one place alone
    np.testing.assert_array_equal(first, 1)  # not before the first layer
    np.testing.assert_array_equal(stack(ones)[0], ones)
    again = DeepRNN([linear() for _ in range(3)], dropout=[0.5, 0.0], seed=3, **WHOLE)
    np.testing.assert_array_equal(again(ones, training=True)[0], outputs)


def test_stateful_stack_carries_all_states_on_until_they_are_reset():
    stack = make_mixed(rows=2, stateful=True, skip="residual", **WHOLE)
    plain = make_mixed(skip="residual", **WHOLE)
    sequences = draw(2, STEPS, N_X)
    whole, *expected = plain(sequences)

    for _ in range(2):
        first, *_ = stack(sequences[:, :2])
        second, *last = stack(sequences[:, 2:])
        outputs = np.concatenate([first, second], axis=1)
        np.testing.assert_allclose(outputs, whole, atol=1e-6)
        np.testing.assert_allclose(last, expected, atol=1e-6)
        assert len(stack.states) == len(last)
        stack.reset_state()


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_nested_stack_carries_its_states_on_in_fit():
    stack = DeepRNN([GRU(3), DeepRNN([LSTM(2), GRU(2)])], stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(2, 3, N_X)), stack])
    draw_weights(model)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    sequences = draw(2, 6, N_X)
    batches = np.concatenate([sequences[:, :3], sequences[:, 3:]])

    model.fit(batches, draw(4, 2), batch_size=2, shuffle=False, verbose=0)

    plain = DeepRNN([GRU(3), DeepRNN([LSTM(2), GRU(2)])], return_state=True)
    plain.build(sequences.shape)
    plain.set_weights(stack.get_weights())
    _, *expected = plain(sequences)
    for state, value in zip(stack.states, expected, strict=True):
        np.testing.assert_allclose(state, value, atol=1e-6)
    stack.reset_state()
    assert not any(np.any(state) for state in stack.states)


@pytest.mark.slow
@pytest.mark.parametrize("skip", [None, ("input", "residual")], ids=str)
def test_saved_model_loads_by_itself_and_gives_identical_outputs(skip, tmp_path):
    inputs = keras.Input((None, N_X))
    blocks = [Bidirectional(LSTM(4)), GRU(8, reset_after=True), RNN(cells.GRUCell(3))]
    stack = DeepRNN(blocks, skip=skip, dropout=0.2, seed=1, return_sequences=True)
    model = keras.Model(inputs, stack(keras.layers.Masking()(inputs)))
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    loaded = copy.layers[-1]
    assert type(loaded) is DeepRNN
    # Shapes in it are tuples before, and lists after they were in a file.
    assert json.dumps(loaded.get_config()) == json.dumps(stack.get_config())
    sequences = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None]
    np.testing.assert_array_equal(copy(sequences), model(sequences))


@pytest.mark.slow
def test_model_of_any_length_trains_and_exports(tmp_path):
    stack = DeepRNN.stack("gru", N_A, depth=2, skip="residual", dropout=0.1)
    model = keras.Sequential([keras.Input((None, N_X)), stack, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(draw(4, STEPS, N_X), draw(4, 1), epochs=1, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() > 0
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "saved"))
    for steps in (1, 2 * STEPS):
        sequences = draw(3, steps, N_X)
        np.testing.assert_allclose(served.serve(sequences), model(sequences), atol=1e-6)


def test_half_precision_reaches_every_layer():
    arguments = {"skip": "residual", "dropout": 0.1, "return_sequences": True}
    half = DeepRNN.stack("lstm", N_A, 2, dtype="mixed_bfloat16", **arguments)
    single = DeepRNN.stack("lstm", N_A, 2, **arguments)
    sequences = draw(ROWS, STEPS, N_X)
    result = half(sequences, mask=ALL_PATTERNS)
    single.build(sequences.shape)
    single.set_weights(half.get_weights())
    assert result.dtype == tf.bfloat16
    expected = single(sequences, mask=ALL_PATTERNS)
    np.testing.assert_allclose(tf.cast(result, "float32"), expected, atol=0.05)


class Readable(GRU):
    """A layer whose `gates` return what they were asked about."""

    def gates(self, sequences, mask=None, initial_state=None):
        return {"inputs": sequences, "mask": mask, "initial_state": initial_state}


@pytest.mark.slow
def test_gates_are_asked_of_each_layer_about_what_it_sees():
    stack = make([Readable(3), Readable(2)], rows=ROWS, stateful=True)
    sequences = draw(ROWS, STEPS, N_X)
    stack(sequences)
    states = [np.asarray(state) for state in stack.states]

    first, second = stack.gates(sequences, mask=ALL_PATTERNS)

    np.testing.assert_array_equal(first["inputs"], sequences)
    np.testing.assert_array_equal(first["initial_state"][0], states[0])
    one = GRU(3, return_sequences=True)
    one.build(sequences.shape)
    one.set_weights(stack.layers[0].get_weights())
    expected = one(sequences, initial_state=states[:1], mask=ALL_PATTERNS)
    np.testing.assert_allclose(second["inputs"], expected, atol=1e-6)
    np.testing.assert_array_equal(second["mask"], ALL_PATTERNS)
    for state, value in zip(stack.states, states, strict=True):
        np.testing.assert_array_equal(state, value)  # they stay what they were


def test_wrappers_ask_for_gates_from_the_states_that_they_set():
    sequences, vector = draw(2, STEPS, N_X), draw(2, 2, seed=5)
    masked = keras.layers.Masking()(sequences)

    learned = layers.LearnedInitialState(Readable(N_A), initializer="ones")
    asked = learned.gates(sequences)
    np.testing.assert_array_equal(asked["initial_state"], np.ones((1, 2, N_A)))

    conditioned = layers.Conditioned(Readable(N_A))
    asked = conditioned.gates(masked, vector)
    assert asked["inputs"].shape == (2, STEPS, N_X + 2)
    np.testing.assert_array_equal(asked["mask"], np.ones((2, STEPS), bool))
    expected = conditioned.initial_state(vector)
    np.testing.assert_array_equal(asked["initial_state"], expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": []}, "needs one layer at least"),
        ({"layers": [keras.layers.Dense(2)]}, "DeepRNN takes recurrent layers"),
        ({"layers": [GRU(2, go_backwards=True)]}, "goes backwards"),
        ({"layers": [Bidirectional(GRU(2), merge_mode=None)]}, "two outputs"),
        ({"layers": [GRU(2)], "skip": "residue"}, "found residue"),
        ({"layers": [GRU(2), GRU(2)], "dropout": [0.1, 0.2]}, "has 2 rates"),
        ({"layers": [GRU(2, stateful=True)]}, "the stack is not"),
        (
            {"layers": [Bidirectional(GRU(2), name="both")], "stateful": True},
            "'both' can't be stateful: Bidirectional needs the whole",
        ),
        (
            {"layers": [layers.LearnedInitialState(GRU(2))], "stateful": True},
            "sets the initial states itself",
        ),
        ({"layers": [Bidirectional(GRU(2))], "skip": "input"}, "and pool over time"),
    ],
)
def test_what_cannot_be_stacked_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeepRNN(**arguments)


def test_a_layer_that_stands_twice_shares_its_weights_where_it_can():
    first, last = GRU(N_A), GRU(N_A)
    stack = DeepRNN([first, first, last])
    assert stack(draw(2, STEPS, N_A)).shape == (2, N_A)
    for arguments in ({}, {"return_sequences": True, "stateful": True}):
        with pytest.raises(ValueError, match=f"'{first.name}' stands twice in a stack"):
            DeepRNN([first, first], **arguments)


def test_what_is_made_of_a_stacks_config_shares_weights_as_the_stack_does():
    first, last = GRU(N_A), GRU(N_A)
    stack, x = DeepRNN([first, first, last]), draw(2, STEPS, N_A)
    expected = stack(x)
    copy = DeepRNN.from_config(stack.get_config())
    copy.build(x.shape)
    copy.set_weights(stack.get_weights())
    np.testing.assert_allclose(copy(x), expected, rtol=1e-6)
    assert copy.layers[0] is copy.layers[1] is not copy.layers[2]


def test_wrong_number_of_states_is_refused():
    stack = make_mixed()
    with pytest.raises(ValueError, match="has 4 states, found 1"):
        stack(draw(2, STEPS, N_X), initial_state=[draw(2, N_A)])


def test_unknown_cell_is_refused():
    with pytest.raises(ValueError, match=r"rnn, gru, lstm, .*rglru, found 'LSTM'"):
        DeepRNN.stack("LSTM", 2, 2)


def test_bidirectional_says_how_to_turn_a_stack_round():
    with pytest.raises(ValueError, match="around each layer inside"):
        Bidirectional(DeepRNN([GRU(2)]))


def test_a_layer_that_is_no_list_is_refused():
    with pytest.raises(ValueError, match=r"takes a list of layers.*Give \[gru\]"):
        DeepRNN(GRU(3, name="gru"))
