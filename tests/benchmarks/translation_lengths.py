"""How long translations get, and how often real ones repeat themselves.

    python -m tests.benchmarks.translation_lengths --model PRESET \
        --files SOURCE TARGET [--files SOURCE TARGET ...]

For each model and each two files of pairs, in the model's own tokens: the most tokens
that a reference has for so many of its source; how many references are longer than
`zoo.models.translator.search` lets a translation be; and, for each period, the longest
run of tokens that repeats itself, beside what `zoo.decoding.Cycles` takes for going in
circles. Files may be `.gz`.
"""

import argparse
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.decoding import Cycles
from zoo.models import Translator
from zoo.models.translator import search
from zoo.text.vocabulary import PADDING_ID

BATCH = 2000
# Source tokens up to these are one line of the table each.
EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, action="append", help="a preset")
    parser.add_argument("--files", required=True, action="append", nargs=2, type=Path)
    arguments = parser.parse_args()
    for name in arguments.model:
        model = Translator.from_preset(name)
        for files in arguments.files:
            print(f"\n{name}: {' → '.join(map(str, files))}")
            print_tables(*measure(model, *map(lines, files)))


def lines(path: Path) -> list[bytes]:
    """Returns the lines of a file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return content.split(b"\n")[:-1]


def measure(
    model: Translator, sources: list[bytes], targets: list[bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Counts tokens.

    Args:
        model: whose tokens to count.
        sources: texts.
        targets: their translations.

    Returns:
        int64 (pairs, 2), the tokens of sources and of targets, `<EOS>` not counted;
        and int64 (periods,), the longest runs with periods from 1 on.
    """
    counts, longest = [], np.zeros(Cycles().period, int)
    for ids, known in zip(
        batches(model.source, sources), batches(model.target, targets), strict=True
    ):
        counts.append(np.stack([(ids > 0).sum(1), (known > 0).sum(1)], axis=1))
        longest = np.maximum(longest, longest_runs(known, len(longest)))
    return np.concatenate(counts), longest


def batches(language, texts: list[bytes]) -> Iterator[np.ndarray]:
    """Yields ids, (texts, tokens), of so many texts at a time."""
    encode = tf.function(
        lambda texts: language.encode(texts).to_tensor(PADDING_ID),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    for start in range(0, len(texts), BATCH):
        yield encode(tf.constant(texts[start : start + BATCH])).numpy()


def longest_runs(ids: np.ndarray, periods: int) -> np.ndarray:
    """Returns how long the longest run is that repeats itself after p tokens.

    Args:
        ids: (texts, tokens), 0 at the padding.
        periods: the largest p.

    Returns:
        int64 (periods,), of p = 1, 2, …: the tokens of a run y<i..j> in which every
        y<t> is y<t-p>, its first p tokens included; 0 where there is none.
    """
    found = []
    for p in range(1, periods + 1):
        same = (ids[:, p:] == ids[:, :-p]) & (ids[:, p:] > 0)
        run, most = np.zeros(len(ids), int), 0
        for column in same.T:
            run = np.where(column, run + 1, 0)
            most = max(most, run.max(initial=0))
        found.append(most + p if most else 0)
    return np.array(found)


def print_tables(counts: np.ndarray, runs: np.ndarray) -> None:
    """Prints what was measured of a model and a pair of files."""
    source, target = counts.T
    limits = search.default_limit(tf.constant(source, tf.int32)).numpy()
    print(f"{len(counts):,} pairs, the longest {source.max()} → {target.max()} tokens")
    print("source tokens     pairs  most target tokens   limit  most / limit")
    for low, high in zip((0, *EDGES), EDGES, strict=False):
        here = (source > low) & (source <= high)
        if here.any():
            place = np.argmax(np.where(here, target / limits, 0))
            print(
                f"{low + 1:5}–{high:<5} {here.sum():11,} {target[here].max():19} "
                f"{limits[place]:7} {target[place] / limits[place]:13.2f}"
            )
    print(f"longer than the limit: {(target + 1 > limits).sum()} of {len(counts):,}")
    cycles = Cycles()
    shares = runs / np.maximum(
        cycles.copies * np.arange(1, len(runs) + 1), cycles.tokens
    )
    print(f"runs by period: {' '.join(map(str, runs))}")
    print(f"the longest, of what is taken for a circle: {shares.max():.2f}")


if __name__ == "__main__":
    main()
