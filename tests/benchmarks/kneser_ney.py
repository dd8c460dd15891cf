"""A language model beside a Kneser-Ney 5-gram of the same words or subwords.

    python -m tests.benchmarks.kneser_ney --model PRESET [--tokens 2000000 0]

Reads the texts that the preset was trained on, splits them into its tokens, and has
KenLM (Heafield 2011; Heafield et al. 2013, modified Kneser-Ney smoothing) count them.
Both models have the same vocabulary, and are measured on every token of the same test
texts, one that neither knows counted as `<UNK>`. A text begins by `<s>`; its end is not
predicted, as in the preset.

Perplexities of different vocabularies can't be compared; bits per character can. There
an unknown word costs its spelling too (`zoo.models.language_model.spelling`), and the
characters are those of the texts as they are. (A model of words that reads lower case
alone has less to say.)

KenLM's programs `lmplz` and `query` have to be on the PATH: its source, with CMake and
Boost, makes them (https://kheafield.com/code/kenlm/).
"""

import argparse
import itertools
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data import dataset_records
from tasks.data.corpus import joined_examples
from tasks.text import batches, corpus
from tests.benchmarks import report
from zoo import presets
from zoo.models import LanguageModel
from zoo.text.vocabulary import SPECIAL

ORDER = 5
# KenLM lets a discount that can't be estimated, for lack of rare n-grams, be given.
FALLBACK = "--discount_fallback"


def main() -> None:
    """Prints a line for the preset, and one for each number of tokens."""
    arguments = parse()
    preset = presets.find(arguments.model)
    model = LanguageModel.from_preset(preset)
    metrics = presets.read_metrics(preset)
    train, test = read(metrics["training"], arguments)
    counted = batches.encode(model, train.texts).to_list()
    measured = batches.encode(model, test.texts).to_list()
    print(f"train       {train.describe()}, {total(counted):,} tokens")
    print(f"test        {test.describe()}, {total(measured):,} tokens")
    print(f"vocabulary  {len(model.vocabulary):,} {model.level}s\n")
    spelled = spelling(model, test)

    def tell(perplexity, name):
        nats = math.log(perplexity) * total(measured) + spelled
        bits = nats / math.log(2) / test.characters
        print(f"perplexity  {perplexity:.2f}  bits per character  {bits:.4f}  {name}")

    stated = metrics["evaluations"][test.source]
    tell(stated["perplexity"], arguments.model)
    for tokens in arguments.tokens:
        texts = list(first(counted, tokens or total(counted)))
        began = time.perf_counter()
        perplexity = kneser_ney(texts, measured, len(model.vocabulary))
        seconds = time.perf_counter() - began
        tell(
            perplexity,
            f"Kneser-Ney {ORDER}-gram of {total(texts):,} tokens, {seconds:.0f} s",
        )
    report.print_machine()


def parse() -> argparse.Namespace:
    """Reads the command line, and looks for KenLM."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, help="a preset of words or of subwords")
    add(
        "--train-split",
        nargs="+",
        default=["unsupervised"],
        help="what it was trained on, a split for each dataset",
    )
    add("--hold-out", type=float, default=0.01, help="the share that it was chosen on")
    add("--test-split", default="test", help="what it was measured on")
    add(
        "--tokens",
        type=int,
        nargs="+",
        default=[2_000_000, 0],
        help="how many tokens to count, the first ones; 0 for all",
    )
    missing = [name for name in ("lmplz", "query") if not shutil.which(name)]
    if missing:
        parser.error(f"{' and '.join(missing)}, of KenLM, must be on the PATH.")
    return parser.parse_args()


def read(trained: dict, arguments) -> tuple[corpus.Texts, corpus.Texts]:
    """Returns the texts that a preset was trained on, and those of its first test.

    Args:
        trained: what the preset's metrics say of its training.
        arguments: the command line.
    """
    trains = []
    datasets = dataset_records.apart(trained)
    for part, split in zip(datasets, arguments.train_split, strict=True):
        builder = data.load_builder(part["dataset"])
        train = corpus.read(builder, split, part["text_column"])
        trains.append(corpus.hold_out(train, arguments.hold_out)[0])
    first = data.load_builder(datasets[0]["dataset"])
    column = datasets[0]["text_column"]
    test = corpus.read(first, arguments.test_split, column)
    return joined_examples(trains), test


def spelling(model: LanguageModel, texts: corpus.Texts) -> float:
    """Returns what unknown words cost beside `<UNK>` in texts, in nats."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def cost(batch):
        logs, _ = model.language.spelled(*model.language.tokens_and_ids(batch))
        return -tf.reduce_sum(tf.cast(logs.values, tf.float64))

    batches = data.in_batches(np.array(texts.texts, object), 64)
    return sum(float(cost(batch)) for batch in batches)


def total(texts: Sequence[Sequence[int]]) -> int:
    """Returns how many tokens texts have."""
    return sum(map(len, texts))


def first(texts: Sequence[Sequence[int]], tokens: int) -> Iterator[Sequence[int]]:
    """Yields texts until they have so many tokens."""
    before = itertools.accumulate(map(len, texts), initial=0)
    for text, seen in zip(texts, before, strict=False):
        if seen >= tokens:
            return
        yield text


def kneser_ney(train, test, vocabulary_size: int) -> float:
    """Returns the perplexity of texts, given as ids, by n-grams of others.

    Args:
        train: the texts to count.
        test: the texts to measure.
        vocabulary_size: how many ids there are; those that aren't in `train` share
            what KenLM leaves to unknown words.
    """
    words = vocabulary_size - len(SPECIAL) + 1  # `<UNK>` is an ordinary word here
    with tempfile.TemporaryDirectory() as folder:
        model, temporary = Path(folder) / "model.arpa", Path(folder) / "sort"
        lmplz = ["lmplz", "-o", str(ORDER), "-S", "4G", "-T", str(temporary)]
        lmplz += ["--vocab_pad", str(words + 3), FALLBACK]  # and <unk>, <s>, </s>
        with model.open("w") as arpa:
            _run(lmplz, train, Path(folder) / "train", stdout=arpa)
        answer = Path(folder) / "answer"
        with answer.open("w") as file:
            query = ["query", "-v", "word", str(model)]
            _run(query, test, Path(folder) / "test", stdout=file)
        return _perplexity(answer)


def _run(command, texts, path, stdout):
    """Runs one of KenLM's programs on texts."""
    with path.open("w") as file:
        file.writelines(" ".join(map(str, text)) + "\n" for text in texts)
    with path.open() as file:
        done = subprocess.run(
            command, stdin=file, stdout=stdout, stderr=subprocess.PIPE, text=True
        )
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr}")


def _perplexity(answer):
    """Returns the perplexity of all words but `</s>`, of what `query` wrote.

    A line is `WORD=ID LENGTH LOG10⇥` for each word, and a summary after the last.
    """
    log10, words = 0.0, 0
    with answer.open() as lines:
        for line in lines:
            for field in line.split("\t"):
                word, _, found = field.partition("=")
                if word.isdigit():
                    log10 += float(found.split()[2])
                    words += 1
    return math.exp(-log10 * math.log(10) / words)


if __name__ == "__main__":
    main()
