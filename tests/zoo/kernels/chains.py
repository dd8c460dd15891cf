"""Chains to test, and all that can be computed of one."""

import numpy as np
import tensorflow as tf

from tests.zoo.layers.masks import ALL_PATTERNS
from zoo.kernels import chain

TAGS = 3
# Of the patterns the first four steps will do: enumeration takes K**T.
MASK = np.unique(ALL_PATTERNS[:, :4], axis=0)
ROWS, STEPS = MASK.shape


def draw(kind, dtype="float32", tags=TAGS, shape=MASK.shape, seed=0):
    """Returns emissions and potentials, as tensors.

    "wide" ones differ by more than an exponential can hold.
    """
    generator = np.random.default_rng(seed)
    emissions = generator.normal(size=(*shape, tags))
    transitions = generator.normal(size=(tags, tags))
    start, end = generator.normal(size=(2, tags))
    if "wide" in kind:
        emissions, transitions = 300 * emissions, 60 * transitions
    if "constrained" in kind:
        transitions[0, 1] = transitions[2, 2] = start[2] = end[1] = -np.inf
    if "impossible" in kind:
        transitions[:], end[:2] = -np.inf, -np.inf
    potentials = [tf.constant(each, dtype) for each in (transitions, start, end)]
    return tf.constant(emissions, dtype), chain.Potentials(*potentials)


def rows(emissions, mask=MASK):
    """Yields each row's number and the emissions of its valid steps."""
    for row, valid in enumerate(mask):
        yield row, emissions.numpy()[row, valid].astype("float64")


def tolerance(dtype, kind):
    scale = 300 if "wide" in kind else 1
    return scale * (5e-6 if dtype == "float32" else 1e-12)


def results(emissions, mask, potentials):
    """Returns log Z, its gradients, marginals, the best and the n best."""
    sources = [emissions, *potentials]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        value = chain.log_partition(emissions, mask, potentials)
    return [
        value,
        *tape.gradient(value, sources),
        chain.marginals(emissions, mask, potentials),
        chain.viterbi(emissions, mask, potentials),
        *chain.n_best(emissions, mask, potentials, n=3),
    ]
