"""How fast `Subwords` cut sentences in the graph, and put them together again.

    python -m tests.benchmarks.subwords FILE ... [--size 8000]

The files have a sentence a line, and may be gzipped. Subwords are learned from all of
them; then the first 10 000 lines are cut in batches, and 1 000 of them one by one.
"""

import argparse
import gzip
import time
from pathlib import Path

import tensorflow as tf

from zoo.text import Subwords

SENTENCES, ROUNDS = {256: 10_000, 1: 1_000}, 5


def main() -> None:
    """Prints sentences/s, the best of some rounds, by batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--size", type=int, default=8000)
    arguments = parser.parse_args()
    texts = [line for file in arguments.files for line in read(file)]
    begin = time.perf_counter()
    subwords = Subwords.fit(texts, arguments.size)
    seconds = time.perf_counter() - begin
    print(f"{len(subwords):,} learned from {len(texts):,} sentences in {seconds:.1f} s")
    signature = [tf.TensorSpec([None], tf.string)]
    encode = tf.function(subwords.encode, input_signature=signature)
    drop = tf.function(
        lambda rows: subwords.encode(rows, 0.1, seed=[0, 0]), input_signature=signature
    )
    decode = tf.function(subwords.decode, reduce_retracing=True)
    print("batch  encode  with dropout  decode  (sentences/s)")
    for batch, count in SENTENCES.items():
        rows = list(tf.data.Dataset.from_tensor_slices(texts[:count]).batch(batch))
        ids = [encode(row) for row in rows]
        speeds = [
            count / seconds_of(function, inputs)
            for function, inputs in ((encode, rows), (drop, rows), (decode, ids))
        ]
        print("{:5}  {:6,.0f}  {:12,.0f}  {:6,.0f}".format(batch, *speeds))


def read(file: Path) -> list[str]:
    """Returns a file's lines."""
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = gzip.decompress(content)
    return content.decode("utf-8").splitlines()


def seconds_of(function, inputs: list) -> float:
    """Returns the least time that a function takes for all inputs."""
    function(inputs[0])
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for item in inputs:
            function(item)
        times.append(time.perf_counter() - begin)
    return min(times)


if __name__ == "__main__":
    main()
