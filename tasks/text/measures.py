"""What is reported of a language model."""

import math

import tensorflow as tf

from tasks.text.corpus import Texts
from zoo.models import DynamicEvaluation
from zoo.text.vocabulary import PADDING_ID, UNKNOWN_ID


def measure(
    model, batches, texts: Texts, reader: DynamicEvaluation | None = None
) -> dict:
    """Measures what every token of texts costs, given those before it.

    Args:
        model: a `zoo.models.LanguageModel`.
        batches: the texts as `tasks.text.batches.batches` gives them, without a seed,
            or, for a reader, `in_order`.
        texts: the texts.
        reader: lets the model learn from what it reads, from the first text to the
            last.

    Returns:
        `texts`, `characters` and `tokens`, their numbers; `nats`, the mean of -log P of
        a token; `perplexity`, its exponential; `bits_per_character`, -log2 P of all
        divided by the characters; `unknown`, the share of the tokens that the model
        doesn't know, which are all one to it.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def sums(targets, nats):
        valid = targets != PADDING_ID
        unknown = targets == UNKNOWN_ID
        # In float64, where millions of tokens still have their share.
        nats = tf.reduce_sum(tf.where(valid, tf.cast(nats, tf.float64), 0.0))
        return nats, tf.math.count_nonzero(valid), tf.math.count_nonzero(unknown)

    read = _learning(model, reader) if reader else _read(model)
    totals = [0.0, 0, 0]
    for inputs, targets in batches.dataset():
        nats = read(inputs, targets)
        found = (each.numpy() for each in sums(targets, nats))
        totals = [total + each for total, each in zip(totals, found, strict=True)]
    nats, tokens, unknown = totals
    mean = float(nats) / int(tokens)
    return {
        "texts": len(texts),
        "characters": texts.characters,
        "tokens": int(tokens),
        "nats": mean,
        "perplexity": _exponential(mean),
        "bits_per_character": float(nats) / math.log(2) / texts.characters,
        "unknown": int(unknown) / int(tokens),
    }


def _exponential(nats):
    """Returns e to the power of it, which may be more than a float holds."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


def _read(model):
    """Returns what gives each token's cost, by the model as it is."""

    @tf.function(reduce_retracing=True, autograph=False)
    def read(inputs, targets):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, model(inputs))

    return read


def _learning(model, reader):
    """Returns what gives each token's cost, and has the model learn from it."""
    state = model.initial_state(1)

    def read(inputs, targets):
        nonlocal state
        ids, begins = inputs
        if begins[0]:
            state = model.initial_state(1)
        nats, state = reader.nats(ids, targets, state)
        return nats

    return read


def describe(figures: dict) -> str:
    """Returns what `measure` found, a line each."""
    return "\n".join(
        [
            f"loss        {figures['nats']:.4f} nats per token, "
            f"{figures['tokens']:,} tokens",
            f"perplexity  {figures['perplexity']:.4f}",
            f"bits        {figures['bits_per_character']:.4f} per character",
            f"unknown     {figures['unknown']:.2%} of the tokens",
        ]
    )
