"""How often a language model finds the right one of two sentences the more probable.

    python -m tests.benchmarks.sentence_pairs --model PRESET [--pairs spelling]

The pairs `reviews`, in `sentence_pairs.tsv`, are as long as each other and of words
that reviews of films have: agreement in number across a clause, homophones, the order
of words. The pairs `spelling`, in `spelling_pairs.tsv`, are everyday sentences, and the
same with a word misspelt, as people often do, or in a form that doesn't fit.
"""

import argparse
import collections
import csv
from pathlib import Path
from typing import NamedTuple

from zoo.models import LanguageModel

PAIRS = {
    "reviews": Path(__file__).with_name("sentence_pairs.tsv"),
    "spelling": Path(__file__).with_name("spelling_pairs.tsv"),
}


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
    parser.add_argument("--model", required=True, help="a preset of the template text")
    parser.add_argument("--pairs", default="reviews", choices=PAIRS, help="which pairs")
    arguments = parser.parse_args()
    model = LanguageModel.from_preset(arguments.model)
    pairs = read(arguments.pairs)
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


def read(name: str = "reviews") -> list[Pair]:
    """Returns the pairs of this name."""
    with PAIRS[name].open(newline="") as file:
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
