"""Sequences without a single step: nothing happens to the states."""

import numpy as np
import pytest
import tensorflow as tf

from zoo import kernels, layers
from zoo.cells import LSTMCell, Zoneout

X = np.zeros((2, 0, 3), "float32")
STATE = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")

UNITS = {
    "kernel": lambda **how: layers.GRU(4, **how),
    "cell": lambda **how: layers.GRU(4, fused=False, **how),
    "unrolled": lambda **how: layers.GRU(4, unroll=True, **how),
    "backwards": lambda **how: layers.GRU(4, fused=False, go_backwards=True, **how),
    "activation": lambda **how: layers.SimpleRNN(4, activation="relu", **how),
    "dropout": lambda **how: layers.GRU(4, dropout=0.5, recurrent_dropout=0.5, **how),
    "stateful": lambda **how: layers.GRU(4, stateful=True, **how),
}


@pytest.mark.parametrize(
    ("unit", "training"),
    [*((unit, True) for unit in UNITS), ("kernel", False), ("cell", False)],
)
def test_states_stay_and_there_are_no_outputs(unit, training):
    layer = UNITS[unit](return_sequences=True, return_state=True)
    outputs, state = layer(X, initial_state=STATE, training=training)
    assert outputs.shape == (2, 0, 4)
    np.testing.assert_allclose(state, STATE)


@pytest.mark.parametrize(
    ("unit", "mask"),
    [
        *((unit, None) for unit in UNITS),
        *((unit, np.zeros((2, 0), bool)) for unit in ("kernel", "cell", "unrolled")),
    ],
)
def test_the_last_output_is_zeros(unit, mask):
    np.testing.assert_array_equal(UNITS[unit]()(X, mask=mask), np.zeros((2, 4)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.RNN(Zoneout(LSTMCell(4), 0.1), return_sequences=True),
        lambda: layers.RNN([LSTMCell(3), LSTMCell(4)], return_sequences=True),
        lambda: layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
        lambda: layers.DeepRNN(
            [layers.LSTM(4), layers.SimpleRNN(4, activation="relu")],
            return_sequences=True,
        ),
    ],
    ids=["wrapped", "stacked cells", "bidirectional", "deep"],
)
def test_layers_made_of_others_have_no_outputs(make):
    assert make()(X).shape == (2, 0, 4)


def test_no_rows_either():
    assert layers.LSTM(4, return_sequences=True)(X[:0]).shape == (0, 0, 4)


def when_it_runs(layer, masked):
    """Returns a graph that only then knows that there are no steps.

    It gives the outputs, and the gradient of their sum and the states' in the first
    states and the weights.
    """

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 3]),
            tf.TensorSpec([None, None], tf.bool),
            tf.TensorSpec([None, 4]),
        ],
        autograph=False,
    )
    def run(x, mask, state):
        with tf.GradientTape() as tape:
            tape.watch(state)
            how = {"mask": mask} if masked else {}
            found = layer(x, initial_state=state, training=True, **how)
            loss = tf.add_n([tf.reduce_sum(each) for each in found])
        sources = [state, *layer.trainable_variables]
        zeros = tf.UnconnectedGradients.ZERO
        return found, tape.gradient(loss, sources, unconnected_gradients=zeros)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "masked"),
    [
        ("cell", False),
        ("cell", True),
        ("backwards", False),
        ("dropout", False),
        ("stateful", True),
    ],
)
def test_a_graph_may_learn_when_it_runs_that_there_are_none(unit, masked):
    layer = UNITS[unit](return_sequences=True, return_state=True)
    layer.build((2, None, 3))
    run = when_it_runs(layer, masked)
    steps = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("float32")
    (outputs, state), (d_state, *d_weights) = run(X, np.zeros((2, 0), bool), STATE)
    assert outputs.shape == (2, 0, 4)
    np.testing.assert_allclose(state, STATE)
    np.testing.assert_allclose(d_state, np.ones((2, 4)))
    assert all(not np.any(each) for each in d_weights)
    # The same graph, of some.
    (outputs, state), _ = run(steps, np.ones((2, 5), bool), STATE)
    np.testing.assert_allclose(outputs[:, -1], state)


@pytest.mark.parametrize("fused", [False, "auto"])
def test_exported_layers_may_learn_it_too(fused):
    layer = layers.Bidirectional(layers.LSTM(2, fused=fused))
    layer.build((None, None, 3))
    spec = tf.TensorSpec([None, None, 3])
    with kernels.portable():
        run = tf.function(layer, input_signature=[spec]).get_concrete_function()
    np.testing.assert_array_equal(run(tf.constant(X)), np.zeros((2, 4)))


@pytest.mark.parametrize(
    "make",
    [
        layers.MaxPooling,
        layers.MeanPooling,
        lambda: layers.AttentionPooling(2),
        lambda: layers.DeepRNN([layers.LSTM(3)], skip="residual"),
    ],
)
def test_no_steps_are_pooled_to_zeros(make):
    layer = make()
    run = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 3])])
    for found in (layer(X), run(X)):
        np.testing.assert_array_equal(found, np.zeros((2, 3)))


def called(layer, *tensors):
    """Yields what a layer gives eagerly, and in a graph that only knows the ranks."""
    tensors = [tf.constant(each) for each in tensors]
    layer(*tensors)
    yield layer(*tensors)
    specs = [
        tf.TensorSpec([None] * (len(each.shape) - 1) + [each.shape[-1]], each.dtype)
        for each in tensors
    ]
    yield tf.function(layer, input_signature=specs, autograph=False)(*tensors)


@pytest.mark.parametrize(
    ("backwards", "mask"), [(False, None), (True, np.zeros((2, 0), bool))]
)
def test_no_steps_have_no_gates(backwards, mask):
    layer = layers.GRU(4, go_backwards=backwards)
    layer.build((None, None, 3))
    spec = tf.TensorSpec([None, None, 3])
    run = tf.function(lambda x: layer.gates(x, mask), input_signature=[spec])
    for gates in (layer.gates(X, mask), run(X)):
        assert {name: gate.shape for name, gate in gates.items()} == dict.fromkeys(
            layer.cell.gate_names, (2, 0, 4)
        )


@pytest.mark.parametrize(("order", "feeding"), [("before", False), ("after", True)])
def test_attention_over_no_steps_leaves_the_states(order, feeding):
    decoder = layers.AttentionDecoder(
        layers.GRU(4),
        layers.Attention("dot"),
        order=order,
        input_feeding=feeding,
        return_state=True,
    )
    values = np.ones((2, 5, 4), "float32")
    start = [STATE + number for number in range(1 + feeding)]

    class Started(tf.Module):
        def __call__(self, x, values):
            return decoder(x, values, initial_state=start)

    for output, weights, *states in called(Started(), X, values):
        assert output.shape == (2, 0, 4)
        assert weights.shape == (2, 0, 5)
        np.testing.assert_allclose(states, start)


@pytest.mark.slow
def test_outputs_fed_back_over_no_steps_are_the_first():
    layer = layers.OutputRecurrence(layers.GRU(4), return_state=True)
    y = np.ones((2, 0, 5), "float32")
    start = [np.full((2, 5), 7, "float32"), STATE]

    class Masked(tf.Module):
        def __call__(self, x, y):
            mask = tf.ones(tf.shape(x)[:2], bool)
            return layer(x, y, initial_state=start, mask=mask)

    for outputs, last, state in called(Masked(), X, y):
        assert outputs.shape == (2, 0, 4)
        np.testing.assert_allclose(last, start[0])
        np.testing.assert_allclose(state, STATE)
