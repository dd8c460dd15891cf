"""Training throughput of the sentiment classifier, beside Keras' layers.

    python -m tests.benchmarks.sentiment_training [--quick]

Random token ids with lengths as IMDB has them (log-normal, mean about 230, cut at
400), in the buckets that `tasks.sentiment` trains on; one epoch of each in turn.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from tasks.data.bucketing import BucketedBatches
from tests.benchmarks import keras_peer, report
from zoo.models import SequenceClassifier

WORDS = 20_000


def main() -> None:
    """Prints examples/s and tokens/s of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer texts and rounds")
    parser.add_argument("--cell", choices=("lstm", "gru"), default="lstm")
    arguments = parser.parse_args()
    examples, rounds = (512, 1) if arguments.quick else (2048, 3)

    generator = np.random.default_rng(0)
    lengths = np.clip(generator.lognormal(5.2, 0.6, examples), 10, 400).astype(int)
    ids = generator.integers(1, WORDS, lengths.sum(), np.int32)
    sequences = tf.RaggedTensor.from_row_lengths(ids, lengths)
    labels = tf.constant(generator.integers(0, 2, examples), tf.int32)
    batches = BucketedBatches(sequences, labels, batch_size=64, seed=0)

    zoo = SequenceClassifier(
        [f"word{number}" for number in range(WORDS - 4)],
        ["neg", "pos"],
        cell=arguments.cell,
    )
    peer = keras_peer.classifier(WORDS, 2, cell=arguments.cell)
    for model in (zoo, peer):
        model.compile(
            keras.optimizers.Adam(),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    medians = report.interleaved(
        {
            "zoo": lambda: zoo.fit(batches.dataset(), shuffle=False, verbose=0),
            "keras.layers": lambda: peer.fit(
                batches.dataset(), shuffle=False, verbose=0
            ),
        },
        rounds,
    )
    print("| model | examples/s | tokens/s | × keras.layers |")
    print("| --- | --- | --- | --- |")
    for name, seconds in medians.items():
        print(
            f"| {name} | {examples / seconds:,.0f} | {lengths.sum() / seconds:,.0f} "
            f"| {medians['keras.layers'] / seconds:.2f} |"
        )
    report.print_machine()


if __name__ == "__main__":
    main()
