"""Where a training step of the tagger spends its time.

    python -m tests.benchmarks.ner_step [--quick] [--batch 16] [--steps 32] [--known N]

One batch of made-up sentences without padding. Each part is run by itself, forward and
backward where it is learned, in turn with the others and with the whole step, which is
that of `tasks.ner`: Adam, clipped, with a moving average, and two metrics. Then what
reads the characters, with the kernel and cell by cell, compilation included.
"""

import argparse
import contextlib
import functools
from collections.abc import Callable
from unittest import mock

import keras
import tensorflow as tf

from tests.benchmarks import report
from tests.benchmarks.made_up_sentences import KNOWN, MadeUpSentences
from tests.benchmarks.ner import seconds
from zoo import kernels, metrics
from zoo.layers import CRFLoss
from zoo.models import SequenceTagger

WHOLE = "whole step"
CLIPPED, AVERAGED = {"global_clipnorm": 5.0}, {"use_ema": True, "ema_momentum": 0.998}
OPTIMIZERS = {
    "Adam": {},
    "Adam, clipped": CLIPPED,
    "Adam, averaged": AVERAGED,
    "Adam, clipped and averaged": CLIPPED | AVERAGED,
}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="few rounds, few batches of characters")
    add("--batch", type=int, default=16, help="sentences (default: 16)")
    add("--steps", type=int, default=32, help="tokens in each (default: 32)")
    add("--known", type=int, default=KNOWN, help=f"words known (default: {KNOWN:,})")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 25

    print(report.load_warning(), flush=True)
    shape = arguments.batch, arguments.steps
    sentences = MadeUpSentences(arguments.batch * arguments.steps)
    tokens, tags = (
        tf.reshape(each.flat_values[: shape[0] * shape[1]], shape)
        for each in (sentences.tokens, sentences.tags)
    )
    parts = {
        WHOLE: whole_step(sentences.tagger(known=arguments.known), tokens, tags),
        **layers(sentences.tagger(known=arguments.known), tokens, tags),
        **optimizers(sentences.tagger(known=arguments.known), tokens, tags),
    }
    medians = report.interleaved(parts, rounds)
    print(f"{shape[0]} × {shape[1]} tokens, medians of {rounds} rounds\n")
    print("| part | ms | of the step |\n| --- | --- | --- |")
    for name, median in medians.items():
        print(f"| {name} | {1e3 * median:.1f} | {median / medians[WHOLE]:.0%} |")
    print_characters(4 if arguments.quick else 64, arguments.batch)
    report.print_machine()


def whole_step(model: SequenceTagger, tokens, tags) -> Callable[[], object]:
    """Returns what trains a model by a step, as `tasks.ner` does."""
    model.compile(
        keras.optimizers.Adam(**OPTIMIZERS["Adam, clipped and averaged"]),
        metrics=[metrics.TokenAccuracy(), metrics.EntityF1(model.tags, model.scheme)],
    )
    return _runs(lambda *batch: model.train_step(batch), tokens, tags)


def layers(model: SequenceTagger, tokens, tags) -> dict[str, Callable[[], object]]:
    """Returns what runs each part of the network, by name.

    Args:
        model: the tagger.
        tokens: string (batch, steps), none "".
        tags: int32 (batch, steps).
    """
    mask = tf.not_equal(tokens, "")
    look_up, characters = model.get_layer("word_ids"), model.get_layer("characters")
    embeddings = model.get_layer("words"), model.get_layer("lowercase_words")
    recurrent, emissions = model.get_layer("recurrent_1"), model.get_layer("emissions")
    x = tf.random.normal([*tokens.shape, recurrent.forward_layer.cell.kernel.shape[0]])
    a = tf.random.normal([*tokens.shape, emissions.kernel.shape[0]])
    s = emissions(a)
    loss = CRFLoss()
    watched = [metrics.TokenAccuracy(), metrics.EntityF1(model.tags, model.scheme)]

    def vectors(*ids):
        return [embed(i) for embed, i in zip(embeddings, ids, strict=True)]

    def of_sequence(emissions, mask, tags):
        return loss(tags, model.decoder(emissions, mask=mask))

    def count(emissions, mask, tags):
        best = model.decode(emissions, mask)
        return [metric.update_state(tags, best) for metric in watched]

    return {
        "words' ids": _runs(lambda tokens: look_up(tokens, training=True), tokens),
        "words' vectors": _learns(embeddings, vectors, *look_up(tokens)),
        "characters": _learns(
            [characters], functools.partial(characters, training=True), tokens
        ),
        "recurrent layer": _learns(
            [recurrent], lambda x, mask: recurrent(x, mask=mask, training=True), x, mask
        ),
        "emissions": _learns([emissions], emissions, a),
        "CRF's loss": _learns([model.decoder], of_sequence, s, mask, tags),
        "Viterbi and metrics": _runs(count, s, mask, tags),
    }


def optimizers(model: SequenceTagger, tokens, tags) -> dict[str, Callable[[], object]]:
    """Returns what applies a step's gradients, by the optimizer's name."""
    loss = CRFLoss()
    with tf.GradientTape() as tape:
        value = loss(tags, model(tokens, training=True))
    gradients = tape.gradient(value, model.trainable_weights)

    def applies(options):
        optimizer = keras.optimizers.Adam(**options)
        optimizer.build(model.trainable_weights)
        return _runs(lambda *gradients: optimizer.apply(gradients), *gradients)

    return {name: applies(options) for name, options in OPTIMIZERS.items()}


def print_characters(count: int, batch_size: int) -> None:
    """Prints how long characters are read in batches, the first time and again.

    Args:
        count: how many batches; they have several lengths, for each of which a kernel
            is compiled.
        batch_size: sentences in a batch.
    """
    sentences = MadeUpSentences(count * batch_size)
    batches = [tokens for tokens, _ in sentences.batches(batch_size).dataset()]
    runs = {}
    # The layer keeps from the kernels by `portable`.
    surroundings = {
        "kernel": lambda **_: contextlib.nullcontext(),
        "cell by cell": kernels.portable,
    }
    for name, surrounding in surroundings.items():
        layer = sentences.tagger().get_layer("characters")

        def train(tokens, layer=layer, surrounding=surrounding):
            with mock.patch.object(kernels, "portable", surrounding):
                return layer(tokens, training=True)

        read = _learning([layer], train, [tf.TensorSpec([None, None], tf.string)])
        runs[name] = lambda read=read: [read(tokens) for tokens in batches]
    first = {name: seconds(run) for name, run in runs.items()}
    medians = report.interleaved(runs, rounds=3, warm_up=0)
    print(f"\nCharacters of {len(batches)} batches, forward and backward:\n")
    print("| by | first time, s | again, s | again, ms a batch |")
    print("| --- | --- | --- | --- |")
    for name, median in medians.items():
        each = 1e3 * median / len(batches)
        print(f"| {name} | {first[name]:.1f} | {median:.2f} | {each:.1f} |")


def _runs(function, *inputs):
    """Returns what runs a function as a graph. (As arguments nothing is folded.)"""
    graph = tf.function(function)
    return lambda: graph(*inputs)


def _learns(parts, function, *inputs):
    """Returns what runs a function and its gradient: see `_learning`."""
    graph = _learning(parts, function)
    return lambda: graph(*inputs)


def _learning(parts, function, signature=None):
    """Returns a graph of a function and its gradient.

    Args:
        parts: the layers whose weights the gradient is taken of, beside the inputs'.
        function: of the inputs.
        signature: the inputs', where it is to be wider than they are.
    """

    @tf.function(input_signature=signature)
    def learn(*inputs):
        learned = [i for i in inputs if i.dtype.is_floating]
        learned += [weight for part in parts for weight in part.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch([i for i in inputs if i.dtype.is_floating])
            outputs = function(*inputs)
        return tape.gradient(outputs, learned)

    return learn


if __name__ == "__main__":
    main()
