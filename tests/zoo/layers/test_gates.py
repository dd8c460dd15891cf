"""The gates that a layer shows over a sequence, against the equations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.test_gates import BY_NAME, GATED
from tests.zoo.cells.units import N_A, N_X, draw, draw_weights
from tests.zoo.layers.masks import ALL_PATTERNS, MASKS, STEPS
from zoo import cells, layers

ROWS = len(ALL_PATTERNS)
KEYS = {
    "gru": ["update", "relevance", "candidate", "memory"],
    "gru_reset_after": ["update", "relevance", "candidate", "memory"],
    "gru_simplified": ["update", "candidate", "memory"],
    "lstm": ["update", "forget", "output", "candidate", "memory"],
    "lstm_peephole": ["update", "forget", "output", "candidate", "memory"],
}


def make(unit, **arguments):
    layer = unit.layer(**arguments)
    layer.build((None, None, N_X))
    draw_weights(layer)
    return layer


def draw_states(unit, directions=1):
    count = directions * unit.states
    return [draw(ROWS, N_A, seed=20 + place) for place in range(count)]


def expected_gates(name, weights, sequences, states, mask=None, reverse=False):
    """Returns each gate (batch, steps, units), each row by itself, step by step."""
    weights = [np.asarray(weight, "float64") for weight in weights]
    gates = {key: np.zeros((*sequences.shape[:2], N_A)) for key in KEYS[name]}
    for row in range(len(sequences)):
        state = [np.asarray(s[row], "float64") for s in states]
        for t in reversed(range(STEPS)) if reverse else range(STEPS):
            if mask is None or mask[row, t]:
                state, values = GATED[name](sequences[row, t], state, *weights)
                for key, value in values.items():
                    gates[key][row, t] = value
            else:
                gates["memory"][row, t] = state[-1]
    return gates


def check(gates, expected, atol=2e-6):
    assert list(gates) == list(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(gates[key], value, atol=atol, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("mask", [None, ALL_PATTERNS], ids=["no mask", "all patterns"])
@pytest.mark.parametrize("name", KEYS)
def test_gates_follow_the_equation(name, mask, go_backwards):
    unit = BY_NAME[name]
    layer = make(unit, go_backwards=go_backwards)
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(unit)

    gates = layer.gates(sequences, mask=mask, initial_state=states)

    weights = layer.get_weights()
    check(gates, expected_gates(name, weights, sequences, states, mask, go_backwards))
    assert all(gate.shape == (ROWS, STEPS, N_A) for gate in gates.values())


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_state_is_that_of_a_call_unless_given(name):
    unit = BY_NAME[name]
    sequences = draw(ROWS, STEPS, N_X)
    layer = make(unit)
    zeros = [np.zeros((ROWS, N_A))] * unit.states
    check(
        layer.gates(sequences),
        expected_gates(name, layer.get_weights(), sequences, zeros),
    )

    stateful = unit.layer(stateful=True, return_state=True)
    stateful.build((ROWS, STEPS, N_X))
    stateful.set_weights(layer.get_weights())
    _, *states = stateful(sequences)
    expected = layer.gates(sequences, initial_state=states)
    for _ in range(2):  # they are read, not moved on
        np.testing.assert_allclose(
            stateful.gates(sequences)["memory"], expected["memory"], atol=1e-6
        )


@pytest.mark.parametrize(
    "wrap",
    [
        lambda cell: cells.Leaky(cell, alpha=0.7),
        lambda cell: cells.Zoneout(cell, rate=0.2, memory_rate=0.4),
        lambda cell: cells.Residual(cells.Zoneout(cell, memory_rate=0.4)),
    ],
    ids=["leaky", "zoneout", "residual"],
)
def test_wrapped_cell_shows_its_gates_and_the_memory_that_goes_on(wrap):
    inner = cells.LSTMCell(N_X)
    layer = layers.RNN(wrap(inner), return_sequences=True)
    sequences = draw(2, STEPS, N_X)
    layer(sequences)
    draw_weights(layer)

    gates = layer.gates(sequences)

    states = layer.get_initial_state(2)
    for t in range(STEPS):
        expected = inner.gates(sequences[:, t], states)
        _, states = layer.cell(sequences[:, t], states)
        expected["memory"] = states[-1]
        check({key: gate[:, t] for key, gate in gates.items()}, expected)


def test_directions_have_a_dict_each_in_the_order_of_the_input():
    unit = BY_NAME["lstm"]
    layer = layers.Bidirectional(unit.layer())
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(unit, directions=2)

    both = layer.gates(sequences, mask=ALL_PATTERNS, initial_state=states)

    assert list(both) == ["forward", "backward"]
    weights = layer.get_weights()
    forward = expected_gates("lstm", weights[:3], sequences, states[:2], ALL_PATTERNS)
    backward = expected_gates(
        "lstm", weights[3:], sequences, states[2:], ALL_PATTERNS, reverse=True
    )
    check(both["forward"], forward)
    check(both["backward"], backward)


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
def test_mask_that_travels_with_the_sequences_holds(wrap):
    layer = wrap(layers.GRU(N_A))
    sequences = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None]
    masked = keras.layers.Masking()(sequences)

    implicit = layer.gates(masked)

    explicit = layer.gates(sequences, mask=ALL_PATTERNS)
    for one, other in zip(
        tf.nest.flatten(implicit), tf.nest.flatten(explicit), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("garbage", [1e3, np.nan])
def test_padding_never_changes_a_gate(garbage):
    layer = make(BY_NAME["lstm"])
    sequences, padding = draw(2, 3, N_X), ((0, 0), (2, 1))
    mask = np.pad(np.ones((2, 3), bool), padding)
    padded = np.pad(sequences, (*padding, (0, 0)), constant_values=garbage)

    gates = layer.gates(padded, mask=mask)

    for key, expected in layer.gates(sequences).items():
        np.testing.assert_allclose(gates[key][:, 2:-1], expected, atol=1e-6)
        assert np.isfinite(gates[key]).all()


def test_one_graph_serves_every_shape_and_has_gradients():
    layer = make(BY_NAME["gru"], dropout=0.5)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, N_X], tf.float32),
            tf.TensorSpec([None, None], tf.bool),
        ]
    )
    def run(sequences, mask):
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            gates = layer.gates(sequences, mask=mask)
        return gates, tape.gradient(gates["update"], sequences)

    for shape in [(ROWS, STEPS), (2, 3), (1, 1)]:
        sequences, mask = draw(*shape, N_X), ALL_PATTERNS[: shape[0], : shape[1]]
        gates, gradient = run(sequences, mask)
        check(gates, layer.gates(sequences, mask=mask))
        assert np.isfinite(gradient).all()


def test_gates_have_the_precision_of_the_layer():
    layer = make(BY_NAME["lstm_peephole"], dtype="mixed_bfloat16")
    gates = layer.gates(draw(2, STEPS, N_X), mask=MASKS["holes"][:2])
    assert {gate.dtype for gate in gates.values()} == {tf.bfloat16}


def test_reading_gates_leaves_the_layer_as_it_was():
    layer = layers.LSTM(N_A, name="lstm")
    layer.gates(draw(2, STEPS, N_X))
    assert list(layer._flatten_layers(include_self=False)) == [layer.cell]
    assert [weight.path for weight in layer.weights] == [
        f"lstm/lstm_cell/{name}" for name in ("kernel", "recurrent_kernel", "bias")
    ]


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (layers.SimpleRNN(N_A, name="plain"), "zoo SimpleRNNCell"),
        (layers.RNN(keras.layers.GRUCell(N_A), name="plain"), "keras GRUCell"),
        (
            layers.RNN(cells.Leaky(cells.SimpleRNNCell(N_A)), name="plain"),
            "zoo SimpleRNNCell",
        ),
        (
            layers.RNN([cells.GRUCell(N_A), cells.GRUCell(N_A)], name="plain"),
            "keras StackedRNNCells",
        ),
        (
            layers.Bidirectional(keras.layers.LSTM(N_A, name="plain")),
            "keras LSTMCell",
        ),
    ],
    ids=["rnn", "Keras' cell", "wrapped", "stack", "Keras' layer"],
)
def test_layer_without_gates_says_so(layer, found):
    message = f"plain' has no gates that can be read: its cell is a {found}"
    with pytest.raises(ValueError, match=message):
        layer.gates(draw(2, STEPS, N_X))


def test_gru_update_gate_says_overwrite():
    layer = make(BY_NAME["gru"])
    kernel, recurrent_kernel, bias = layer.get_weights()
    bias[:N_A] = 50  # of z = 1 - Γ_u, in Keras' layout
    layer.set_weights([kernel, recurrent_kernel, bias])
    gates = layer.gates(draw(2, STEPS, N_X))
    np.testing.assert_allclose(gates["update"], 0, atol=1e-6)
    np.testing.assert_allclose(gates["memory"], 0, atol=1e-6)
