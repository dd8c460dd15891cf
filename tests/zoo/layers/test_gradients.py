"""Back-propagation through time, by its equations in NumPy, against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.equations import (
    columns,
    gru_full_with_gates,
    lstm_peephole_with_gates,
)
from tests.zoo.cells.units import N_A, N_X, draw, draw_weights
from zoo import layers

pytestmark = pytest.mark.slow

ROWS, STEPS = 3, 7


def forward(step, weights, sequences, states):
    """Returns each step's states before it, states after it and gates."""
    trace = []
    for t in range(STEPS):
        before = states
        states, gates = step(sequences[:, t], before, *weights)
        trace.append((before, states, gates))
    return trace


def lstm_backward(weights, sequences, trace, d_outputs, d_a, d_c):
    """§5's LSTM backward, with peepholes; those of the plain unit are zeros.

    Args:
        weights: kernel, recurrent kernel, bias and p.
        sequences: (batch, steps, n_x).
        trace: of `forward`.
        d_outputs: the loss' gradient with respect to each a<t>.
        d_a: to the last state a<T>.
        d_c: to the last state c<T>.

    Returns:
        The gradients of sequences, a<0>, c<0>, and the four weights.
    """
    kernel, recurrent_kernel, _, p = weights
    p_u, p_f, p_o = p
    w_x = np.stack(columns(kernel, 4))  # Γ_u, Γ_f, c̃, Γ_o
    w_a = np.stack(columns(recurrent_kernel, 4))
    d_x, d_wx, d_wa = np.zeros_like(sequences), np.zeros_like(w_x), np.zeros_like(w_a)
    d_b, d_p = np.zeros((4, N_A)), np.zeros_like(p)
    for t in reversed(range(STEPS)):
        (a_before, c_before), (_, c), gates = trace[t]
        update, forget = gates["update"], gates["forget"]
        output, candidate = gates["output"], gates["candidate"]
        d_a = d_a + d_outputs[:, t]

        d_output = d_a * np.tanh(c) * output * (1 - output)
        d_c = d_c + d_a * output * (1 - np.tanh(c) ** 2) + p_o * d_output
        d_update = d_c * candidate * update * (1 - update)
        d_forget = d_c * c_before * forget * (1 - forget)
        d_candidate = d_c * update * (1 - candidate**2)
        d_c = d_c * forget + p_u * d_update + p_f * d_forget

        d_gates = np.stack([d_update, d_forget, d_candidate, d_output])
        d_a = np.einsum("kbj,kij->bi", d_gates, w_a)
        d_x[:, t] = np.einsum("kbj,kij->bi", d_gates, w_x)
        d_wa += np.einsum("bi,kbj->kij", a_before, d_gates)
        d_wx += np.einsum("bi,kbj->kij", sequences[:, t], d_gates)
        d_b += d_gates.sum(axis=1)
        d_p += np.stack(
            [
                (d_update * c_before).sum(axis=0),
                (d_forget * c_before).sum(axis=0),
                (d_output * c).sum(axis=0),
            ]
        )
    blocks = (np.concatenate(list(block), axis=-1) for block in (d_wx, d_wa, d_b))
    return [d_x, d_a, d_c, *blocks, d_p]


def gru_backward(weights, sequences, trace, d_outputs, d_c):
    """§5's backward of the full GRU.

    Keras' columns are those of z = 1 - Γ_u, whose weights are those of Γ_u with the
    opposite sign, and so are their gradients.

    Returns:
        The gradients of sequences, c<0>, and the three weights.
    """
    kernel, recurrent_kernel, _ = weights
    signs = np.array([-1, 1, 1])[:, None, None]  # from z, r, c̃ to Γ_u, Γ_r, c̃
    w_x = signs * np.stack(columns(kernel, 3))
    w_c = signs * np.stack(columns(recurrent_kernel, 3))
    w_update, w_relevance, w_candidate = w_c
    d_x, d_wx, d_wc = np.zeros_like(sequences), np.zeros_like(w_x), np.zeros_like(w_c)
    d_b = np.zeros((3, N_A))
    for t in reversed(range(STEPS)):
        (c_before,), _, gates = trace[t]
        update, relevance = gates["update"], gates["relevance"]
        candidate = gates["candidate"]
        d_c = d_c + d_outputs[:, t]

        d_candidate = d_c * update * (1 - candidate**2)
        g = d_candidate @ w_candidate.T
        d_update = d_c * (candidate - c_before) * update * (1 - update)
        d_relevance = g * c_before * relevance * (1 - relevance)
        d_c = d_c * (1 - update) + g * relevance
        d_c = d_c + d_update @ w_update.T + d_relevance @ w_relevance.T

        d_gates = np.stack([d_update, d_relevance, d_candidate])
        d_x[:, t] = np.einsum("kbj,kij->bi", d_gates, w_x)
        d_wx += np.einsum("bi,kbj->kij", sequences[:, t], d_gates)
        seen = np.stack([c_before, c_before, relevance * c_before])
        d_wc += np.einsum("kbi,kbj->kij", seen, d_gates)
        d_b += d_gates.sum(axis=1)
    d_wx, d_wc, d_b = signs * d_wx, signs * d_wc, signs[:, 0] * d_b
    blocks = (np.concatenate(list(block), axis=-1) for block in (d_wx, d_wc, d_b))
    return [d_x, d_c, *blocks]


def gradients_of_tensorflow(layer, sequences, states, d_outputs, d_states):
    sequences, states = tf.constant(sequences), [tf.constant(s) for s in states]
    sources = [sequences, *states, *(weight.value for weight in layer.weights)]
    with tf.GradientTape() as tape:
        tape.watch([sequences, *states])
        outputs, *last = layer(sequences, initial_state=states, training=True)
        loss = tf.reduce_sum(outputs * d_outputs)
        for state, weighting in zip(last, d_states, strict=True):
            loss += tf.reduce_sum(state * weighting)
    return tape.gradient(loss, sources)


def make(layer_class, dtype, **arguments):
    layer = layer_class(
        N_A, return_sequences=True, return_state=True, dtype=dtype, **arguments
    )
    layer.build((None, None, N_X))
    draw_weights(layer)
    return layer


def draw_problem(dtype, states):
    shapes = [(ROWS, STEPS, N_X), (ROWS, STEPS, N_A)] + [(ROWS, N_A)] * 2 * states
    sequences, d_outputs, *rest = (
        draw(*shape, seed=40 + place).astype(dtype)
        for place, shape in enumerate(shapes)
    )
    return sequences, rest[:states], d_outputs, rest[states:]


def check(gradients, expected, dtype):
    for gradient, value in zip(gradients, expected, strict=True):
        value = np.asarray(value)
        scale = np.abs(value).max()
        assert scale > 1e-3
        error = np.abs(np.asarray(gradient, "float64") - value).max() / scale
        assert error < (1e-6 if dtype == "float64" else 1e-4)


every_precision = pytest.mark.parametrize("dtype", ["float64", "float32"])


@every_precision
@pytest.mark.parametrize("peephole", [False, True])
def test_lstm_gradients_are_those_of_the_equations(peephole, dtype):
    layer = make(layers.LSTM, dtype, peephole=peephole)
    sequences, states, d_outputs, d_states = draw_problem(dtype, states=2)

    gradients = gradients_of_tensorflow(layer, sequences, states, d_outputs, d_states)

    weights = [weight.astype("float64") for weight in layer.get_weights()]
    weights = weights if peephole else [*weights, np.zeros((3, N_A))]
    trace = forward(lstm_peephole_with_gates, weights, sequences, states)
    expected = lstm_backward(weights, sequences, trace, d_outputs, *d_states)
    check(gradients, expected if peephole else expected[:-1], dtype)


@every_precision
def test_gru_gradients_are_those_of_the_equations(dtype):
    layer = make(layers.GRU, dtype)
    sequences, states, d_outputs, d_states = draw_problem(dtype, states=1)

    gradients = gradients_of_tensorflow(layer, sequences, states, d_outputs, d_states)

    weights = [weight.astype("float64") for weight in layer.get_weights()]
    trace = forward(gru_full_with_gates, weights, sequences, states)
    expected = gru_backward(weights, sequences, trace, d_outputs, *d_states)
    check(gradients, expected, dtype)
