"""Every sequence of tags in turn, in NumPy: what a chain must agree with."""

import itertools

import numpy as np


def sequences(emissions, potentials):
    """Returns every sequence of tags and its score, by the definition.

    Args:
        emissions: (steps, K) of the valid steps of one row.
        potentials: a `Potentials` of arrays.

    Returns:
        Sequences, int (K**steps, steps), and scores, float64 (K**steps,).
    """
    steps, tags = emissions.shape
    found = np.array(list(itertools.product(range(tags), repeat=steps)), int)
    found = found.reshape(tags**steps, steps)  # of no steps there is one
    return found, np.array([score(emissions, y, potentials) for y in found])


def score(emissions, y, potentials):
    """Returns the score of one sequence."""
    if not len(y):
        return 0.0
    transitions, start, end = (np.asarray(each, "float64") for each in potentials)
    return (
        start[y[0]]
        + sum(float(step[tag]) for step, tag in zip(emissions, y, strict=True))
        + sum(transitions[pair] for pair in itertools.pairwise(y))
        + end[y[-1]]
    )


def log_sum(scores):
    """Returns log Σ exp of scores, -inf where nothing is allowed."""
    peak = scores.max()
    if peak == -np.inf:
        return peak
    return peak + np.log(np.exp(scores - peak).sum())


def probabilities(emissions, potentials):
    """Returns every sequence and its probability."""
    found, scores = sequences(emissions, potentials)
    return found, np.exp(scores - log_sum(scores))


def marginals(emissions, potentials):
    """Returns P(y<t>) (steps, K), and Σ_t P(y<t-1>, y<t>) (K, K)."""
    steps, tags = emissions.shape
    single, pairs = np.zeros((steps, tags)), np.zeros((tags, tags))
    for y, p in zip(*probabilities(emissions, potentials), strict=True):
        for t, tag in enumerate(y):
            single[t, tag] += p
        for pair in itertools.pairwise(y):
            pairs[pair] += p
    return single, pairs
