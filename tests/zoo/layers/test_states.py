"""Initial states that a layer doesn't have."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import (
    GRU,
    LSTM,
    RNN,
    Attention,
    AttentionDecoder,
    Bidirectional,
    DeepRNN,
    LearnedInitialState,
    MinGRU,
    OutputRecurrence,
)

X = np.zeros((5, 4, 2), "float32")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "sizes"),
    [
        (LSTM(3), [3, 3]),
        (GRU(3, fused=False), [3]),
        (RNN(keras.layers.LSTMCell(3)), [3, 3]),
        (RNN([keras.layers.LSTMCell(3), keras.layers.GRUCell(2)]), [3, 3, 2]),
        (Bidirectional(LSTM(3)), [3, 3, 3, 3]),
        (DeepRNN([LSTM(3), GRU(2)]), [3, 3, 2]),
        (LearnedInitialState(GRU(3)), [3]),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_initial_states_that_a_layer_has_not_are_refused(layer, sizes):
    states = [np.zeros((5, size), "float32") for size in sizes]
    wrong = {
        f"has {len(sizes)} states, found {len(sizes) - 1}": states[:-1],
        f"has {len(sizes)} states, found {len(sizes) + 1}": [*states, states[0]],
        r"must have the shape \(batch, .*found \(5, 7\)": [
            *states[:-1],
            np.zeros((5, 7), "float32"),
        ],
        r"must have the shape \(batch, .*found \(3,\)": [np.zeros(3), *states[1:]],
    }
    for problem, given in wrong.items():
        with pytest.raises(ValueError, match=problem):
            layer(X, initial_state=given)
    few = [state[:2] for state in states]
    with pytest.raises(ValueError, match="2 rows, but the sequences have 5"):
        layer(X, initial_state=few)
    assert layer(X, initial_state=states).shape[0] == 5


@pytest.mark.parametrize("layer", [LSTM(3), Bidirectional(GRU(3)), DeepRNN([LSTM(3)])])
def test_wrong_states_are_refused_where_a_model_is_built(layer):
    with pytest.raises(ValueError, match="has 2 states, found 1"):
        layer(keras.Input((None, 2)), initial_state=[keras.Input((3,))])


def attending(layer):
    """Returns a decoder's call on sequences and states, with some values to see."""
    decoder = AttentionDecoder(layer, Attention(), order="before")
    values = tf.ones((5, 2, 3))
    return lambda x, initial_state: decoder(x, values, initial_state=initial_state)


def forced(layer):
    """Returns a layer's call on sequences and states, with its outputs given."""
    recurrence = OutputRecurrence(layer)

    def call(x, initial_state):
        targets = tf.ones((5, tf.shape(x)[1], 3))
        return recurrence(x, targets, initial_state=initial_state)

    call.name = "outputs"
    return call


@pytest.mark.parametrize(
    "layer",
    [
        LSTM(3, fused=False, name="cell"),
        MinGRU(3, fused=False, name="elementwise"),
        GRU(3, name="kernel"),
        Bidirectional(MinGRU(3), name="both"),
        attending(MinGRU(3)),
        forced(GRU(3)),
    ],
    ids=lambda layer: getattr(layer, "name", "decoder"),
)
def test_a_graph_refuses_states_as_soon_as_it_knows_the_shapes(layer):
    count = {"cell": 2, "both": 2, "outputs": 2}.get(getattr(layer, "name", ""), 1)
    random = np.random.default_rng(1)
    x = random.normal(size=(5, 4, 2)).astype("float32")
    state = random.normal(size=(5, 3)).astype("float32")

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, 2)), tf.TensorSpec((None, None))]
    )
    def run(x, state):
        return layer(x, initial_state=count * [state])

    expected = tf.nest.flatten(layer(x, initial_state=count * [state]))
    for ours, theirs in zip(tf.nest.flatten(run(x, state)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for wrong in (state[:, :1], state[:, :2], state[:4], state[:1]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            run(x, wrong)


@pytest.mark.parametrize(("rows", "states"), [(5, None), (None, 1), (None, None)])
def test_a_graph_takes_no_row_of_states_for_all(rows, states):
    layer = GRU(3)

    @tf.function(
        input_signature=[tf.TensorSpec((rows, None, 2)), tf.TensorSpec((states, 3))]
    )
    def run(x, state):
        return layer(x, initial_state=state)

    with pytest.raises(tf.errors.InvalidArgumentError):
        run(X, np.ones((1, 3), "float32"))


@pytest.mark.parametrize("cell", [LSTM(3), [GRU(3)], []])
def test_what_is_no_cell_is_refused(cell):
    with pytest.raises(ValueError, match="RNN takes a cell"):
        RNN(cell)


def test_sequences_without_steps_or_features_are_refused():
    with pytest.raises(ValueError, match="expected min_ndim=3, found ndim=2"):
        RNN(keras.layers.GRUCell(3))(X[0])
