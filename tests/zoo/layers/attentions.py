"""Attention by the papers' equations, in NumPy, one query and one row at a time."""

import numpy as np

N_Q, N_H, UNITS = 4, 6, 8


def scores(attention, q, h):
    """Returns each head's score of each h<s>, float64 (heads, source)."""
    weights = {w.name: w.numpy().astype("float64") for w in attention.weights}
    heads = attention.heads
    if attention.score in ("additive", "concat"):
        if attention.score == "additive":
            sums = [
                weights["query_kernel"].T @ q + weights["key_kernel"].T @ each
                for each in h
            ]
        else:
            sums = [weights["kernel"].T @ np.concatenate([q, each]) for each in h]
        parts = [np.split(np.tanh(each), heads) for each in sums]
        return np.array([[v @ p[k] for p in parts] for k, v in enumerate(weights["v"])])
    keys = h
    if attention.score == "general":
        keys = [weights["key_kernel"].T @ each for each in h]
    parts = [np.split(np.asarray(key), heads) for key in keys]
    return np.array(
        [[part @ p[k] for p in parts] for k, part in enumerate(np.split(q, heads))]
    )


def attended(attention, q, h, mask):
    """Returns a row's context, (n_h,), and its heads' α, (heads, source).

    Args:
        attention: a built `Attention`.
        q: (n_q,).
        h: (source, n_h).
        mask: bool (source,).
    """
    q, h = np.asarray(q, "float64"), np.asarray(h, "float64")
    alpha, values = np.zeros((attention.heads, len(h))), h
    if attention.heads > 1:
        values = h @ attention.value_kernel.numpy()
    if not mask.any():
        return np.zeros(h.shape[1]), alpha
    exponentials = np.exp(scores(attention, q, h[mask]))
    alpha[:, mask] = exponentials / exponentials.sum(axis=1, keepdims=True)
    shares = zip(alpha, np.split(values, attention.heads, axis=1), strict=True)
    return np.concatenate([share[mask] @ part[mask] for share, part in shares]), alpha
