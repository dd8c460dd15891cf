"""Output recurrence, against its equation step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import N_A, N_X, draw, draw_weights
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import kernels
from zoo.layers import (
    GRU,
    LSTM,
    Bidirectional,
    DeepRNN,
    LearnedInitialState,
    OutputRecurrence,
    SimpleRNN,
)

ROWS, N_Y = len(ALL_PATTERNS), 2

LAYERS = {
    "alone": lambda: keras.layers.Dense(N_A, activation="tanh"),
    "beside an RNN": lambda: SimpleRNN(N_A),
    "beside a GRU": lambda: GRU(N_A),
    "beside a deep RNN": lambda: DeepRNN([LSTM(3), GRU(N_A)], skip="residual"),
}
every_layer = pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS.keys())


def make(layer, **arguments):
    recurrence = OutputRecurrence(layer, **arguments)
    recurrence.build((None, None, N_X), (None, None, N_Y))
    draw_weights(recurrence)
    return recurrence


@pytest.mark.parametrize("hidden", [False, True])
def test_layer_follows_the_equation_over_the_valid_steps(hidden):
    layer = make(
        SimpleRNN(N_A) if hidden else keras.layers.Dense(N_A, "tanh"),
        return_state=True,
    )
    x, y = draw(ROWS, STEPS, N_X), draw(ROWS, STEPS, N_Y, seed=4)
    states = [draw(ROWS, N_Y, seed=5), draw(ROWS, N_A, seed=6)][: 1 + hidden]

    a, *last = layer(x, y, initial_state=states, mask=ALL_PATTERNS)

    kernel, *w_aa, b_a = (w.astype("float64") for w in layer.get_weights())
    w_ax, w_ay = kernel[:N_X], kernel[N_X:]
    for row, mask in enumerate(ALL_PATTERNS):
        before = [state[row] for state in states]
        for t in np.flatnonzero(mask):
            z = before[0] @ w_ay + x[row, t] @ w_ax + b_a
            if hidden:
                z += before[1] @ w_aa[0]
            expected = np.tanh(z)
            np.testing.assert_allclose(a[row, t], expected, atol=1e-6)
            before = [y[row, t], expected][: 1 + hidden]
        for state, value in zip(last, before, strict=True):
            np.testing.assert_allclose(state[row], value, atol=1e-6)


@every_layer
def test_generating_step_by_step_is_what_training_computed(build):
    layer = make(build())
    x, y = draw(2, STEPS, N_X), draw(2, STEPS, N_Y, seed=4)
    expected = layer(x, y)

    states, output = None, np.zeros((2, N_Y), "float32")
    for t in range(STEPS):
        a, states = layer.step(x[:, t], output, states)
        np.testing.assert_allclose(a, expected[:, t], atol=1e-6)
        output = y[:, t]  # as if it had been drawn


@every_layer
def test_pieces_from_the_returned_state_equal_one_go(build):
    layer = make(build(), return_state=True)
    x, y = draw(ROWS, STEPS, N_X), draw(ROWS, STEPS, N_Y, seed=4)
    mask = ALL_PATTERNS
    whole, *expected = layer(x, y, mask=mask)

    first, *states = layer(x[:, :2], y[:, :2], mask=mask[:, :2])
    second, *states = layer(x[:, 2:], y[:, 2:], initial_state=states, mask=mask[:, 2:])

    outputs = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(outputs[mask], np.asarray(whole)[mask], atol=1e-6)
    for state, value in zip(states, expected, strict=True):
        np.testing.assert_allclose(state, value, atol=1e-6)


def loops(layer):
    """Returns whether a graph of the layer, of any length, holds a loop."""
    specs = [tf.TensorSpec([None, None, size], tf.float32) for size in (N_X, N_Y)]
    with kernels.portable():  # a kernel would hide its loop in a function
        call = tf.function(lambda x, y: layer(x, y)).get_concrete_function(*specs)
    return any("While" in operation.type for operation in call.graph.get_operations())


def test_without_the_hidden_recurrence_there_is_no_loop():
    assert not loops(make(LAYERS["alone"]()))
    assert loops(make(LAYERS["beside an RNN"]()))


@every_layer
@pytest.mark.parametrize("last", [0, STEPS - 1])
def test_target_never_reaches_its_own_step(build, last):
    layer = make(build())
    x, y = draw(2, STEPS, N_X), draw(2, STEPS, N_Y, seed=4)
    changed = y.copy()
    changed[:, last] += 1
    difference = np.abs(layer(x, changed) - layer(x, y)).max(axis=(0, 2))
    assert (difference[: last + 1] == 0).all()
    assert (difference[last + 1 : last + 2] > 1e-3).all()


@pytest.mark.slow
@every_layer
def test_saved_model_loads_by_itself_and_gives_identical_outputs(build, tmp_path):
    inputs, targets = keras.Input((None, N_X)), keras.Input((None, N_Y))
    layer = OutputRecurrence(build())
    masked = keras.layers.Masking()(inputs)
    model = keras.Model([inputs, targets], layer(masked, targets))
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    x, y = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None], draw(ROWS, STEPS, N_Y)
    np.testing.assert_array_equal(copy([x, y]), model([x, y]))
    explicit = layer(x, y, mask=ALL_PATTERNS)
    np.testing.assert_allclose(model([x, y]), explicit, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        Bidirectional(GRU(2), name="layer"),
        DeepRNN([Bidirectional(GRU(2), name="layer")]),
        LearnedInitialState(GRU(2, go_backwards=True, name="layer")),
    ],
    ids=["bidirectional", "deep", "backwards"],
)
def test_layer_that_sees_the_future_is_refused(layer):
    with pytest.raises(ValueError, match="'layer' goes backwards: it would see"):
        OutputRecurrence(layer)


def test_what_is_no_layer_is_refused():
    with pytest.raises(ValueError, match="stands around a layer"):
        OutputRecurrence(64)


def test_a_stateful_layer_is_refused():
    with pytest.raises(ValueError, match=r"'layer' is stateful. Leave `stateful` out"):
        OutputRecurrence(GRU(2, stateful=True, name="layer"))
