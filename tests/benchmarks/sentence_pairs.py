"""How often a language model finds the right one of two sentences the more probable.

    python -m tests.benchmarks.sentence_pairs --model PRESET

The pairs are in `sentence_pairs.tsv`, as long as each other and of words that reviews
of films have: agreement in number across a clause, homophones, the order of words.
"""

import argparse
import collections
import csv
from pathlib import Path
from typing import NamedTuple

from zoo.models import LanguageModel

PAIRS = Path(__file__).with_name("sentence_pairs.tsv")


class Pair(NamedTuple):
    """A sentence and one like it that is wrong.

    Attributes:
        kind: what makes it wrong.
        right: the sentence.
        wrong: the other one.
    """

    kind: str
    right: str
    wrong: str


def main() -> None:
    """Prints the share of each kind, and the pairs that were put the wrong way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a preset of words")
    model = LanguageModel.from_preset(parser.parse_args().model)
    pairs = read()
    margins = rank(model, pairs)
    right, all_ = collections.Counter(), collections.Counter()
    for pair, margin in zip(pairs, margins, strict=True):
        for kind in (pair.kind, "all"):
            all_[kind] += 1
            right[kind] += margin > 0
        if margin <= 0:
            print(f"{margin:7.2f} nats  {pair.right} / {pair.wrong}")
    for kind, count in all_.items():
        print(f"{kind:10} {right[kind]:3} of {count:3}  {right[kind] / count:.1%}")


def read() -> list[Pair]:
    """Returns the pairs."""
    with PAIRS.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Pair(**row) for row in rows]


def rank(model: LanguageModel, pairs: list[Pair]) -> list[float]:
    """Returns log P of the right sentence less that of the wrong one, in nats."""
    scores = [
        model.score([getattr(pair, which) for pair in pairs])["log_probability"]
        for which in ("right", "wrong")
    ]
    return (scores[0] - scores[1]).numpy().tolist()


if __name__ == "__main__":
    main()
