"""Frames of notes under the output layers, in NumPy, key by key."""

import itertools

import numpy as np

from tests.zoo.cells.equations import sigmoid


def every_frame(keys):
    """Returns all frames of so many keys, float (2^keys, keys)."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=keys)))


def bernoulli(weights, h, decide):
    """Goes through the keys of a frame.

    Args:
        weights: a `BernoulliOutput`'s, in its order.
        h: (n,).
        decide: `decide(k, logit) → 0 or 1`, called for each key.

    Returns:
        The frame, (keys,), and the logits.
    """
    kernel, bias = (np.asarray(each, "float64") for each in weights)
    logits = h @ kernel + bias
    return np.array([decide(k, logit) for k, logit in enumerate(logits)]), logits


def nade(weights, h, decide, order="high_to_low"):
    """Goes through the keys of a frame: see `bernoulli`, for a `NADEOutput`."""
    from_keys, to_keys, visible_kernel, visible_bias, hidden_kernel, hidden_bias = (
        np.asarray(each, "float64") for each in weights
    )
    a = h @ hidden_kernel + hidden_bias
    logits = h @ visible_kernel + visible_bias
    frame, keys = np.zeros(len(logits)), range(len(logits))
    for k in reversed(keys) if order == "high_to_low" else keys:
        logits[k] += to_keys[:, k] @ sigmoid(a)
        frame[k] = decide(k, logits[k])
        a = a + frame[k] * from_keys[k]
    return frame, logits


def nats(keys, weights, h, frame, **how):
    """Returns -log P(frame | h) by `keys`, one of the functions above."""
    _, logits = keys(weights, h, lambda k, _: frame[k], **how)
    return np.sum(np.logaddexp(0, logits) - frame * logits)


def drawn(keys, weights, h, points, temperature=1.0, **how):
    """Returns the frame that points in [0, 1) decide, by `keys`."""

    def decide(k, logit):
        if temperature == 0:
            return logit > 0
        return points[k] < sigmoid(logit / temperature)

    return keys(weights, h, decide, **how)[0]
