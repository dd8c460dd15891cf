"""SPEC.md's recurrent units in NumPy, float64: what the zoo is checked against.

A step takes x<t>, the states of t-1 and weights in Keras' layout, and returns the
states of t, the first of which is the output. Its code is SPEC.md §1, line by line;
the only thing taken from Keras is the order of the columns.
"""

import numpy as np


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def simple_rnn(x, states, w_ax, w_aa, b_a=0.0):
    """`a<t> = tanh(W_aa a<t-1> + W_ax x<t> + b_a)`."""
    (a,) = states
    return [np.tanh(a @ w_aa + x @ w_ax + b_a)]


def gru_simplified(x, states, kernel, recurrent_kernel, bias=None):
    """Columns z, c̃, where z = 1 - Γ_u."""
    (c,) = states
    w_zx, w_cx = columns(kernel, 2)
    w_zc, w_cc = columns(recurrent_kernel, 2)
    b_z, b_c = columns(bias, 2)
    update = sigmoid(-(x @ w_zx + c @ w_zc + b_z))
    candidate = np.tanh(x @ w_cx + c @ w_cc + b_c)
    return [update * candidate + (1 - update) * c]


def gru_full(x, states, kernel, recurrent_kernel, bias=None):
    """Columns z, r, c̃; the relevance gate acts before the matrix product."""
    (c,) = states
    w_zx, w_rx, w_cx = columns(kernel, 3)
    w_zc, w_rc, w_cc = columns(recurrent_kernel, 3)
    b_z, b_r, b_c = columns(bias, 3)
    update = sigmoid(-(x @ w_zx + c @ w_zc + b_z))
    relevance = sigmoid(x @ w_rx + c @ w_rc + b_r)
    candidate = np.tanh(x @ w_cx + (relevance * c) @ w_cc + b_c)
    return [update * candidate + (1 - update) * c]


def gru_reset_after(x, states, kernel, recurrent_kernel, bias=None):
    """Columns z, r, c̃; the relevance gate acts after the product; bias (2, 3 n_a)."""
    (c,) = states
    w_zx, w_rx, w_cx = columns(kernel, 3)
    w_zc, w_rc, w_cc = columns(recurrent_kernel, 3)
    bias = (None, None) if bias is None else bias
    b_z, b_r, b_c = columns(bias[0], 3)
    d_z, d_r, d_c = columns(bias[1], 3)
    update = sigmoid(-(x @ w_zx + b_z + c @ w_zc + d_z))
    relevance = sigmoid(x @ w_rx + b_r + c @ w_rc + d_r)
    candidate = np.tanh(x @ w_cx + b_c + relevance * (c @ w_cc + d_c))
    return [update * candidate + (1 - update) * c]


def lstm(x, states, kernel, recurrent_kernel, bias=None):
    """Columns Γ_u, Γ_f, c̃, Γ_o."""
    a, c = states
    w_ux, w_fx, w_cx, w_ox = columns(kernel, 4)
    w_ua, w_fa, w_ca, w_oa = columns(recurrent_kernel, 4)
    b_u, b_f, b_c, b_o = columns(bias, 4)
    update = sigmoid(x @ w_ux + a @ w_ua + b_u)
    forget = sigmoid(x @ w_fx + a @ w_fa + b_f)
    output = sigmoid(x @ w_ox + a @ w_oa + b_o)
    candidate = np.tanh(x @ w_cx + a @ w_ca + b_c)
    c = update * candidate + forget * c
    return [output * np.tanh(c), c]


def columns(weights, count):
    """Splits `weights` into its gates; no weights are zeros."""
    if weights is None:
        return [0.0] * count
    return np.split(weights, count, axis=-1)


def over_time(step, weights, sequences, states, mask=None):
    """Unrolls `step`, each row by itself over its valid steps alone.

    A masked step's output is that of the step before; zeros before the first.

    Args:
        step: one of this module's units.
        weights: its weights.
        sequences: (batch, steps, n_x).
        states: the initial states, a list of (batch, n_a).
        mask: (batch, steps), bool.

    Returns:
        The outputs (batch, steps, n_a) and the last states.
    """
    weights = [np.asarray(weight, "float64") for weight in weights]
    sequences, states = np.asarray(sequences, "float64"), np.array(states, "float64")
    if mask is None:
        mask = np.ones(sequences.shape[:2], bool)
    outputs = np.zeros((*sequences.shape[:2], states.shape[-1]))
    for row, steps in enumerate(mask):
        for t in np.flatnonzero(steps):
            states[:, row] = step(sequences[row, t], states[:, row], *weights)
            outputs[row, t:] = states[0, row]
    return outputs, list(states)
