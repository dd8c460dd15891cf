"""How many everyday remarks a sentiment model gets right.

    python -m tests.benchmarks.remarks --model PRESET

The 40 remarks in `remarks.tsv` are made up, half of them positive: what people say of
products, services, meals and rooms. They were written before any model was asked.
"""

import argparse
from pathlib import Path

from zoo.models import SequenceClassifier

_REMARKS = Path(__file__).with_suffix(".tsv")


def main() -> None:
    """Prints the number, and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a preset of sentiment")
    rows = read()
    model = SequenceClassifier.from_preset(parser.parse_args().model)
    found = wrong(model, rows)
    print(f"{len(rows) - len(found)} of {len(rows)} remarks are right; wrong:")
    for sentiment, remark in found:
        print(f"  {sentiment}  {remark}")


def read() -> list[tuple[str, str]]:
    """Returns each remark's sentiment, "positive" or "negative", and its text."""
    lines = _REMARKS.read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines]


def wrong(model: SequenceClassifier, rows) -> list[tuple[str, str]]:
    """Returns the rows that a model gives another sentiment.

    Args:
        model: of two classes, whose names begin with "pos" and "neg".
        rows: (sentiment, text) pairs.
    """
    labels = model.classify([text for _, text in rows])["label"].numpy()
    return [
        row
        for row, label in zip(rows, labels, strict=True)
        if label.decode()[:3] != row[0][:3]
    ]


if __name__ == "__main__":
    main()
