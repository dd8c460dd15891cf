"""Speed of the tagger: training, tagging and the first answer, beside Keras' layers.

    python -m tests.benchmarks.ner [--quick] [--model PRESET]

Made-up sentences (`made_up_sentences`) in the buckets that `tasks.ner` trains on; one
epoch of each model in turn. Both have the same sizes and weights: their emissions are
compared first. What a step's parts take: `tests.benchmarks.ner_step`.
"""

import argparse
import shlex
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.benchmarks import first_answers, keras_peer, report
from tests.benchmarks.made_up_sentences import MadeUpSentences
from zoo.layers import CRFLoss
from zoo.models import SequenceTagger

BATCH_SIZES = 16, 32
ZOO, PEER = "zoo", "keras.layers"
SENTENCE = "Teddy Roosevelt was born in New York on 27 October 1858 ."
NOTES = """
Peer: keras.layers.LSTM for words and characters, the zoo's CRF (Keras has none), the
characters read once a token; ids got ready outside, while the zoo's takes strings.
Tagging is the likeliest tags and their probabilities, in a tf.function.
"""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few sentences and rounds")
    parser.add_argument(
        "--model", metavar="PRESET", help="for the first answer; default: an untrained"
    )
    arguments = parser.parse_args()
    count, rounds = (128, 1) if arguments.quick else (512, 3)
    print(report.load_warning(), flush=True)
    sentences = MadeUpSentences(count)
    zoo = sentences.tagger()
    peer = keras_peer.tagger(zoo)
    compare(zoo, peer, sentences)
    for model in (zoo, peer):
        model.compile(keras.optimizers.Adam(), CRFLoss())
    print(f"{count} sentences, medians of {rounds} rounds")
    print_speeds(zoo, peer, sentences, rounds)
    print(NOTES)
    print_latency(zoo, peer, 20 * rounds)
    print_first_answers(zoo, arguments.model, 1 if arguments.quick else 3)
    report.print_machine()


def compare(zoo: SequenceTagger, peer: keras.Model, sentences: MadeUpSentences) -> None:
    """Raises an AssertionError if the models don't say the same of a batch."""
    tokens, _ = next(iter(sentences.batches(16).dataset()))
    valid = (tokens != "").numpy()
    found = [
        emissions.numpy()[valid]
        for emissions in (zoo(tokens), peer(peer_inputs(zoo, tokens)))
    ]
    np.testing.assert_allclose(*found, atol=1e-5)


def peer_inputs(zoo: SequenceTagger, tokens: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Returns the ids that the peer takes.

    Args:
        zoo: the tagger that the peer was made of.
        tokens: string (batch, steps).
    """
    words, lowercase_words = zoo.get_layer("word_ids")(tokens)
    letters = tf.strings.unicode_split(tokens, "UTF-8")
    to_ids = zoo.vocabularies["characters"].ids
    characters = tf.ragged.map_flat_values(to_ids, letters)
    return words, lowercase_words, characters.to_tensor(0)


def print_speeds(zoo, peer, sentences, rounds: int) -> None:
    """Prints sentences/s in training and in tagging."""
    count = int(sentences.tokens.nrows())
    print(
        "\n| batch | distinct words | padding | mode | model | first epoch, s "
        "| sentences/s | × keras.layers |\n| --- | --- | --- | --- | --- | --- "
        "| --- | --- |"
    )
    for batch_size in BATCH_SIZES:
        # Held in memory: neither is to wait for its data.
        ours = sentences.batches(batch_size).dataset().cache()
        theirs = ours.map(lambda x, y: (peer_inputs(zoo, x), y)).cache()
        for _ in theirs:  # fills both caches
            pass
        distinct, padding = shares(ours)
        for mode, run in {"training": train, "tagging": tag}.items():
            runs = {ZOO: run(zoo, ours), PEER: run(peer, theirs)}
            first = {name: seconds(epoch) for name, epoch in runs.items()}
            medians = report.interleaved(runs, rounds, warm_up=0)
            batch = f"{batch_size} | {distinct:.0%} | {padding:.0%}"
            for name, median in medians.items():
                print(
                    f"| {batch} | {mode} | {name} | {first[name]:.1f} "
                    f"| {count / median:,.0f} | {medians[PEER] / median:.2f} |",
                    flush=True,
                )


def seconds(run: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def shares(batches: Iterable) -> tuple[float, float]:
    """Returns the share of tokens that are distinct in their batch, and of padding."""
    counts = np.zeros(3)
    for tokens, _ in batches:
        valid = [token for token in tokens.numpy().ravel() if token]
        counts += len(set(valid)), len(valid), tf.size(tokens).numpy()
    distinct, valid, steps = counts
    return distinct / valid, 1 - valid / steps


def train(model: keras.Model, batches: tf.data.Dataset) -> Callable[[], object]:
    """Returns what trains a compiled model for an epoch."""
    return lambda: model.fit(batches, shuffle=False, verbose=0)


def tag(model: keras.Model, batches: tf.data.Dataset) -> Callable[[], object]:
    """Returns what tags all batches."""
    function = tagging(model)
    return lambda: [function(inputs)["scores"].numpy() for inputs, _ in batches]


def tagging(model: keras.Model) -> Callable:
    """Returns a function from a model's inputs to `tags` and `scores`."""
    if isinstance(model, SequenceTagger):
        return tf.function(model.tag_tokens, input_signature=model.tokens_signature)
    crf = model.get_layer("crf")

    @tf.function(reduce_retracing=True)
    def tag_ids(inputs):
        mask = tf.not_equal(inputs[0], 0)
        emissions = model(inputs, training=False)
        best = crf.decode(emissions, mask)
        scores = tf.gather(crf.marginals(emissions, mask), best, batch_dims=2)
        return {"tags": tf.gather(tf.constant(crf.tags), best), "scores": scores}

    return tag_ids


def print_latency(zoo, peer, rounds: int) -> None:
    """Prints milliseconds to tag a sentence, the first time and once warm."""
    text = tf.constant([SENTENCE])
    whole = tf.function(zoo.tag, input_signature=zoo.text_signature)
    ids = peer_inputs(zoo, tf.constant([SENTENCE.split()]))
    tag_ids = tagging(peer)
    runs = {
        ZOO: lambda: whole(text)["scores"].numpy(),
        PEER: lambda: tag_ids(ids)["scores"].numpy(),
    }
    first = {name: seconds(run) for name, run in runs.items()}
    medians = report.interleaved(runs, rounds)
    print(f"A sentence of {len(SENTENCE.split())} tokens, in a tf.function:\n")
    print("| model | first call, s | warm, ms |\n| --- | --- | --- |")
    for name, median in medians.items():
        print(f"| {name} | {first[name]:.1f} | {1e3 * median:.1f} |")


def print_first_answers(zoo, preset: str | None, rounds: int) -> None:
    """Prints seconds from a process' start to its first answer."""
    with tempfile.TemporaryDirectory() as folder:
        if preset is None:
            preset = str(Path(folder, "preset"))
            zoo.save_to_preset(preset)
        predict = f"-m tasks.ner predict --model {shlex.quote(preset)}"
        first_answers.print_table(
            {
                "python -m tasks.ner predict": f"{predict} {shlex.quote(SENTENCE)}",
                "python -c 'import keras'": "-c 'import keras'",
            },
            rounds,
        )


if __name__ == "__main__":
    main()
