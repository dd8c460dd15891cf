"""The recurrent units' equations in NumPy, float64: what the zoo is checked against.

A step takes x<t>, the states of t-1 and weights in Keras' layout, and returns the
states of t, the first of which is the output. Its code is the equation, line by line;
the only thing taken from Keras is the order of the columns.
"""

import numpy as np


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def simple_rnn(x, states, w_ax, w_aa, b_a=0.0):
    """`a<t> = tanh(W_aa a<t-1> + W_ax x<t> + b_a)`."""
    (a,) = states
    return [np.tanh(a @ w_aa + x @ w_ax + b_a)]


def gru_simplified_with_gates(x, states, kernel, recurrent_kernel, bias=None):
    """Columns z, c̃, where z = 1 - Γ_u."""
    (c,) = states
    w_zx, w_cx = columns(kernel, 2)
    w_zc, w_cc = columns(recurrent_kernel, 2)
    b_z, b_c = columns(bias, 2)
    update = sigmoid(-(x @ w_zx + c @ w_zc + b_z))
    candidate = np.tanh(x @ w_cx + c @ w_cc + b_c)
    c = update * candidate + (1 - update) * c
    return [c], {"update": update, "candidate": candidate, "memory": c}


def gru_full_with_gates(x, states, kernel, recurrent_kernel, bias=None):
    """Columns z, r, c̃; the relevance gate acts before the matrix product."""
    (c,) = states
    w_zx, w_rx, w_cx = columns(kernel, 3)
    w_zc, w_rc, w_cc = columns(recurrent_kernel, 3)
    b_z, b_r, b_c = columns(bias, 3)
    update = sigmoid(-(x @ w_zx + c @ w_zc + b_z))
    relevance = sigmoid(x @ w_rx + c @ w_rc + b_r)
    candidate = np.tanh(x @ w_cx + (relevance * c) @ w_cc + b_c)
    c = update * candidate + (1 - update) * c
    return [c], gru_gates(update, relevance, candidate, c)


def gru_reset_after_with_gates(x, states, kernel, recurrent_kernel, bias=None):
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
    c = update * candidate + (1 - update) * c
    return [c], gru_gates(update, relevance, candidate, c)


def gru_gates(update, relevance, candidate, memory):
    gates = {"update": update, "relevance": relevance}
    return {**gates, "candidate": candidate, "memory": memory}


def gru_full_normalized(x, states, kernel, recurrent_kernel, bias, g_x, g_c):
    """As `gru_full`; z and r are normalised together, c̃ by itself."""
    (c,) = states
    n = c.shape[-1]
    zr, cc = slice(None, 2 * n), slice(2 * n, None)
    gates = normalized(c @ recurrent_kernel[:, zr]) * g_c[zr]
    gates = gates + normalized(x @ kernel[:, zr]) * g_x[zr] + bias[zr]
    update, relevance = sigmoid(-gates[..., :n]), sigmoid(gates[..., n:])
    candidate = normalized((relevance * c) @ recurrent_kernel[:, cc]) * g_c[cc]
    candidate = candidate + normalized(x @ kernel[:, cc]) * g_x[cc] + bias[cc]
    return [update * np.tanh(candidate) + (1 - update) * c]


def gru_reset_after_normalized(x, states, kernel, recurrent_kernel, bias, g_x, g_c):
    """As `gru_reset_after`, normalised as in Ba et al. 2016."""
    (c,) = states
    n = c.shape[-1]
    zr, cc = slice(None, 2 * n), slice(2 * n, None)
    b, d = bias
    gates = normalized(c @ recurrent_kernel[:, zr]) * g_c[zr] + d[zr]
    gates = gates + normalized(x @ kernel[:, zr]) * g_x[zr] + b[zr]
    update, relevance = sigmoid(-gates[..., :n]), sigmoid(gates[..., n:])
    candidate = normalized(c @ recurrent_kernel[:, cc]) * g_c[cc] + d[cc]
    candidate = normalized(x @ kernel[:, cc]) * g_x[cc] + b[cc] + relevance * candidate
    return [update * np.tanh(candidate) + (1 - update) * c]


def gru_simplified_normalized(x, states, kernel, recurrent_kernel, bias, g_x, g_c):
    """As `gru_simplified`; z and c̃ are normalised by themselves."""
    (c,) = states
    z, candidate = (
        normalized(x @ w_x) * g_x + normalized(c @ w_c) * g_c + b
        for w_x, w_c, g_x, g_c, b in zip(
            *(columns(w, 2) for w in (kernel, recurrent_kernel, g_x, g_c, bias)),
            strict=True,
        )
    )
    update = sigmoid(-z)
    return [update * np.tanh(candidate) + (1 - update) * c]


def lstm_with_gates(x, states, kernel, recurrent_kernel, bias=None):
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
    return [output * np.tanh(c), c], lstm_gates(update, forget, output, candidate, c)


def lstm_peephole_with_gates(x, states, kernel, recurrent_kernel, bias, p):
    """As `lstm`; p has the rows p_u, p_f, p_o, and Γ_o sees c<t>."""
    a, c = states
    w_ux, w_fx, w_cx, w_ox = columns(kernel, 4)
    w_ua, w_fa, w_ca, w_oa = columns(recurrent_kernel, 4)
    b_u, b_f, b_c, b_o = columns(bias, 4)
    p_u, p_f, p_o = p
    update = sigmoid(x @ w_ux + a @ w_ua + p_u * c + b_u)
    forget = sigmoid(x @ w_fx + a @ w_fa + p_f * c + b_f)
    candidate = np.tanh(x @ w_cx + a @ w_ca + b_c)
    c = update * candidate + forget * c
    output = sigmoid(x @ w_ox + a @ w_oa + p_o * c + b_o)
    return [output * np.tanh(c), c], lstm_gates(update, forget, output, candidate, c)


def lstm_gates(update, forget, output, candidate, memory):
    gates = {"update": update, "forget": forget, "output": output}
    return {**gates, "candidate": candidate, "memory": memory}


def min_gru_with_gates(x, states, kernel, bias=None, candidate_of=lambda v: v):
    """§7. Columns Γ_u, c̃."""
    (c,) = states
    w_u, w_c = columns(kernel, 2)
    b_u, b_c = columns(bias, 2)
    update = sigmoid(x @ w_u + b_u)
    candidate = candidate_of(x @ w_c + b_c)
    c = update * candidate + (1 - update) * c
    return [c], {"update": update, "candidate": candidate, "memory": c}


def min_gru_positive_with_gates(x, states, kernel, bias=None):
    """As `min_gru`, with the candidate in g."""
    return min_gru_with_gates(x, states, kernel, bias, positive)


def min_lstm_with_gates(x, states, kernel, bias=None, candidate_of=lambda v: v):
    """§7. Columns Γ_u, Γ_f, c̃."""
    (c,) = states
    w_u, w_f, w_c = columns(kernel, 3)
    b_u, b_f, b_c = columns(bias, 3)
    update, forget = sigmoid(x @ w_u + b_u), sigmoid(x @ w_f + b_f)
    update, forget = update / (forget + update), forget / (forget + update)
    candidate = candidate_of(x @ w_c + b_c)
    c = forget * c + update * candidate
    gates = {"update": update, "forget": forget}
    return [c], {**gates, "candidate": candidate, "memory": c}


def min_lstm_positive_with_gates(x, states, kernel, bias=None):
    """As `min_lstm`, with the candidate in g."""
    return min_lstm_with_gates(x, states, kernel, bias, positive)


def sru_with_gates(x, states, kernel, bias, vectors, scale=1):
    """§7. Columns Γ_f, Γ_r, c̃, and a projection where there are four."""
    _, c = states
    w_f, w_r, w, *projection = columns(kernel, kernel.shape[1] // c.shape[-1])
    b_f, b_r = columns(bias, 2)
    v_f, v_r = vectors
    forget = sigmoid(x @ w_f + v_f * c + b_f)
    relevance = sigmoid(x @ w_r + v_r * c + b_r)
    candidate = x @ w
    c = forget * c + (1 - forget) * candidate
    past = scale * (x @ projection[0] if projection else x)
    gates = {"forget": forget, "relevance": relevance}
    gates = {**gates, "candidate": candidate, "memory": c}
    return [relevance * c + (1 - relevance) * past, c], gates


def sru_scaled_with_gates(x, states, kernel, bias, vectors):
    """As `sru`, with α = 1.7."""
    return sru_with_gates(x, states, kernel, bias, vectors, 1.7)


def rg_lru_with_gates(x, states, kernel, bias, retention):
    """§7. Columns Γ_r, Γ_i, and a projection where there are three."""
    (h,) = states
    w_r, w_i, *projection = columns(kernel, kernel.shape[1] // h.shape[-1])
    b_r, b_i = columns(bias, 2)
    relevance, entering = sigmoid(x @ w_r + b_r), sigmoid(x @ w_i + b_i)
    kept = np.exp(-8 * np.log(1 + np.exp(retention)) * relevance)
    x = x @ projection[0] if projection else x
    h = kept * h + np.sqrt(1 - kept**2) * (entering * x)
    gates = {"forget": kept, "relevance": relevance}
    return [h], {**gates, "input": entering, "memory": h}


def positive(v):
    """`g(v) = v + 0.5 for v ≥ 0, σ(v) below`."""
    return np.where(v >= 0, v + 0.5, sigmoid(v))


def lstm_normalized(
    x, states, kernel, recurrent_kernel, bias, g_x, g_a, g_m, b_m, p=(0, 0, 0)
):
    """As `lstm_peephole`; both products are normalised over all columns, and c<t>."""
    a, c = states
    p_u, p_f, p_o = p
    z = normalized(x @ kernel) * g_x + normalized(a @ recurrent_kernel) * g_a + bias
    z_u, z_f, z_c, z_o = columns(z, 4)
    c_new = sigmoid(z_u + p_u * c) * np.tanh(z_c) + sigmoid(z_f + p_f * c) * c
    output = sigmoid(z_o + p_o * c_new)
    return [output * np.tanh(normalized(c_new) * g_m + b_m), c_new]


def lstm_peephole_normalized(x, states, kernel, recurrent_kernel, bias, p, *gains):
    return lstm_normalized(x, states, kernel, recurrent_kernel, bias, *gains, p)


def normalized(v, epsilon=1e-5):
    """`(v - mean) / sqrt(variance + ε)` of each row."""
    v = v - v.mean(axis=-1, keepdims=True)
    return v / np.sqrt((v**2).mean(axis=-1, keepdims=True) + epsilon)


def leaky(step, alpha):
    """`a<t> = α * a<t-1> + (1-α) * cell(a<t-1>, x<t>)`; a memory c is not leaked."""

    def wrapped(x, states, *weights):
        a, *memory = step(x, states, *weights)
        return [alpha * states[0] + (1 - alpha) * a, *memory]

    return wrapped


def leaky_learned(step):
    """As `leaky`, with α = σ(w) of each unit; w is the first weight."""

    def wrapped(x, states, w, *weights):
        return leaky(step, sigmoid(w))(x, states, *weights)

    return wrapped


def zoneout(step, *rates):
    """At inference: `z*s<t-1> + (1-z)*s<t>` of each state."""

    def wrapped(x, states, *weights):
        new = step(x, states, *weights)
        pairs = zip(rates, states, new, strict=True)
        return [z * before + (1 - z) * after for z, before, after in pairs]

    return wrapped


def states_alone(step_with_gates):
    def step(*arguments):
        return step_with_gates(*arguments)[0]

    return step


gru_simplified = states_alone(gru_simplified_with_gates)
gru_full = states_alone(gru_full_with_gates)
gru_reset_after = states_alone(gru_reset_after_with_gates)
lstm = states_alone(lstm_with_gates)
lstm_peephole = states_alone(lstm_peephole_with_gates)
min_gru = states_alone(min_gru_with_gates)
min_gru_positive = states_alone(min_gru_positive_with_gates)
min_lstm = states_alone(min_lstm_with_gates)
min_lstm_positive = states_alone(min_lstm_positive_with_gates)
sru = states_alone(sru_with_gates)
sru_scaled = states_alone(sru_scaled_with_gates)
rg_lru = states_alone(rg_lru_with_gates)


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
