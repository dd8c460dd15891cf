"""Prediction latency of the sentiment SavedModel, beside Keras' layers.

    python -m tests.benchmarks.sentiment_latency [--model PRESET] [--quick]

The first answer from a cold start, each in a process of its own: the preset's
SavedModel in plain TensorFlow, and the same architecture of `keras.layers` loaded
from a `.keras` file and asked by `predict`. Then milliseconds a text at batch 1 and
64, for texts of 230 words, warm, in turn.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.benchmarks import keras_peer, report
from zoo import presets

WORDS_A_TEXT = 230
_SERVED = """
import sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
model.signatures["serving_default"](text=tf.constant([sys.argv[2]]))
"""
_PEER = """
import sys
import keras
import tests.benchmarks.keras_peer
model = keras.models.load_model(
    sys.argv[1], custom_objects={"MaskedMax": tests.benchmarks.keras_peer.MaskedMax}
)
model.predict(keras.ops.ones((1, 230), "int32"), verbose=0)
"""


def main() -> None:
    """Prints seconds to the first answer, and milliseconds a text after it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="sentiment_imdb", metavar="PRESET")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 20

    preset = presets.find(arguments.model)
    model = presets.load(preset)
    words = some_words(model.vocabulary.ordinary_tokens)
    text = " ".join(words)
    peer = keras_peer.classifier(len(model.vocabulary), len(model.class_names))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "peer.keras")
        peer.save(path)
        served_path = str(preset / presets.SAVED_MODEL)
        cold = {
            "zoo SavedModel": cold_start(_SERVED, served_path, text),
            "keras.layers, predict": cold_start(_PEER, str(path), text),
        }

    served = tf.saved_model.load(served_path).signatures["serving_default"]
    traced = tf.function(peer)
    print("| model | first answer, s | batch 1, ms a text | batch 64, ms a text |")
    print("| --- | --- | --- | --- |")
    milliseconds = {1: {}, 64: {}}
    for batch, medians in milliseconds.items():
        texts = tf.constant([text] * batch)
        ids = np.ones((batch, WORDS_A_TEXT), np.int32)
        measured = report.interleaved(
            {
                "zoo SavedModel": lambda texts=texts: served(text=texts),
                "keras.layers, predict": lambda ids=ids: peer.predict(ids, verbose=0),
                "keras.layers, tf.function": lambda ids=ids: traced(
                    tf.constant(ids)
                ).numpy(),
            },
            rounds,
        )
        medians |= {name: 1e3 * value / batch for name, value in measured.items()}
    for name in milliseconds[1]:
        first = f"{cold[name]:.1f}" if name in cold else "–"
        one, many = milliseconds[1][name], milliseconds[64][name]
        print(f"| {name} | {first} | {one:.1f} | {many:.2f} |")
    print(
        f"\nTexts of {WORDS_A_TEXT} words; ours takes strings, the peers take ids. The "
        "peers have the same vocabulary, one bidirectional LSTM of 128 and max pooling."
    )
    report.print_machine()


def some_words(tokens: list[str]) -> list[str]:
    """Returns words of the vocabulary, the same at every run."""
    generator = np.random.default_rng(0)
    return list(generator.choice([t for t in tokens if t.isalpha()], WORDS_A_TEXT))


def cold_start(program: str, path: str, text: str) -> float:
    """Returns the median seconds from a process' start to its first answer's end."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", program, path, text], check=True, capture_output=True
        )
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
