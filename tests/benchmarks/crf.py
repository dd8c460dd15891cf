"""What a CRF costs, beside the recurrent layer that it stands on.

    python -m tests.benchmarks.crf [--quick]

Milliseconds a batch of 32: the log-likelihood, forward and backward, and the Viterbi
decoding of K tags over T steps; and forward and backward of a bidirectional LSTM of
200 units over 128 inputs, at the same T. Batches are padded, and measured in turn.
"""

import argparse

import numpy as np
import tensorflow as tf

from tests.benchmarks import report
from zoo import layers

BATCH, INPUTS, UNITS = 32, 128, 200
TAGS, STEPS = (9, 50, 200), (25, 50, 100, 200)


def main() -> None:
    """Prints milliseconds for each number of tags and of steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few sizes and rounds")
    quick = parser.parse_args().quick
    tags, steps = (TAGS[:1], STEPS[:2]) if quick else (TAGS, STEPS)
    print(report.load_warning())
    print("| T | K | log-likelihood, ms | Viterbi, ms | BiLSTM, ms | share |")
    print("| --- | --- | --- | --- | --- | --- |")
    for length in steps:
        contestants = {"lstm": recurrent(length)}
        for size in tags:
            contestants |= chain(size, length)
        seconds = report.interleaved(contestants, rounds=3 if quick else 15, warm_up=2)
        lstm = seconds["lstm"]
        for size in tags:
            train, best = seconds[f"train {size}"], seconds[f"decode {size}"]
            print(
                f"| {length} | {size} | {1e3 * train:.1f} | {1e3 * best:.1f} "
                f"| {1e3 * lstm:.1f} | {train / lstm:.0%} |"
            )
    print("\nshare: the log-likelihood's time over the BiLSTM's, both with gradients.")
    report.print_machine()


def chain(size: int, length: int) -> dict:
    """Returns what to measure of a CRF, by name."""
    generator = np.random.default_rng(0)
    emissions = tf.constant(generator.normal(size=(BATCH, length, size)), tf.float32)
    targets = tf.constant(generator.integers(0, size, (BATCH, length)), tf.int32)
    mask = padding(length)
    crf = layers.CRF(size, initializer="random_normal")
    crf.build(emissions.shape)

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            likelihood = crf.log_likelihood(emissions, targets, mask)
        weights = [weight.value for weight in crf.weights]
        return tape.gradient(likelihood, [emissions, *weights])

    @tf.function
    def decode():
        return crf.decode(emissions, mask)

    return {
        f"train {size}": lambda: train()[0].numpy(),
        f"decode {size}": lambda: decode().numpy(),
    }


def recurrent(length: int):
    """Returns the bidirectional LSTM's forward and backward run."""
    generator = np.random.default_rng(0)
    inputs = tf.constant(generator.normal(size=(BATCH, length, INPUTS)), tf.float32)
    mask = padding(length)
    layer = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))
    layer.build(inputs.shape)

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, mask=mask, training=True)
        weights = [weight.value for weight in layer.weights]
        return tape.gradient(outputs, [inputs, *weights])

    return lambda: train()[0].numpy()


def padding(length: int) -> tf.Tensor:
    """Returns a mask, bool (batch, steps), of rows half the length or longer."""
    lengths = np.linspace(length // 2, length, BATCH, dtype="int32")
    return tf.sequence_mask(lengths, length)


if __name__ == "__main__":
    main()
