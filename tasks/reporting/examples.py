"""Examples in a model's card, drawn by a rule: nobody picks them."""

from collections.abc import Iterable
from typing import NamedTuple

# So many examples are in a card, of texts with so many characters at most.
SHOWN, LONGEST = 5, 80
_RULE = f"with {LONGEST} characters at most"


class Answer(NamedTuple):
    """What a model answers to a text.

    Attributes:
        text: the text.
        shown: the text and the answer, a line.
        error: how wrong the answer is; 0 or less where it is right.
        truth: what would have been right, a line; "" where nothing is to be told.
    """

    text: str
    shown: str
    error: float
    truth: str


def is_short(text: str) -> bool:
    """Says whether a text fits into a card."""
    return 0 < len(text) <= LONGEST and text.isprintable()


def drawn(answers: Iterable[Answer]) -> dict:
    """Draws examples: the first short texts, and the worst answers to short ones.

    Args:
        answers: a test set's, in its order.

    Returns:
        `first`, up to `SHOWN` lines; `worst`, as many of the answers that are wrong,
        the worst first, each with its truth; `short`, the number of short texts.
    """
    short = [answer for answer in answers if is_short(answer.text)]
    wrong = [answer for answer in short if answer.error > 0]
    wrong.sort(key=lambda answer: -answer.error)
    return {
        "short": len(short),
        "first": [answer.shown for answer in short[:SHOWN]],
        "worst": [each.shown + _right(each.truth) for each in wrong[:SHOWN]],
    }


def _right(truth):
    return f"  (right: {truth})" if truth else ""


def describe_first(source: str, found: dict) -> str:
    """Returns the heading of a test set's first examples."""
    return f"The first {len(found['first'])} texts of {source} {_RULE}:"


def describe_worst(source: str, found: dict) -> str:
    """Returns the heading of a test set's worst answers."""
    return (
        f"Of the {found['short']:,} texts of {source} {_RULE}, the "
        f"{len(found['worst'])} that it gets most wrong:"
    )
