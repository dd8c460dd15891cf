"""Opinions on the aspects of a movie, as English clauses that `not` can turn round.

The one rule by which a clause is read: it holds one adjective out of `PRAISING` or
`BLAMING`, and means the opposite if the same clause also says "not", wherever it
says it: "the plot is not really dull" and "I would not say that the plot of this
film is dull" both praise the plot.
"""

import dataclasses
import random
from collections.abc import Iterable

PRAISING = (
    "amusing", "believable", "brilliant", "charming", "clever", "convincing",
    "engaging", "enjoyable", "exciting", "fresh", "funny", "good", "great",
    "gripping", "impressive", "inspired", "interesting", "memorable", "moving",
    "original", "powerful", "strong", "subtle", "thrilling",
)  # fmt: skip
BLAMING = (
    "annoying", "awful", "awkward", "bad", "bland", "boring", "clumsy", "confusing",
    "disappointing", "dreadful", "dull", "flat", "forced", "forgettable", "hollow",
    "lifeless", "messy", "pointless", "poor", "predictable", "shallow", "silly",
    "tedious", "weak",
)  # fmt: skip
ASPECTS = (
    "acting", "camera work", "cast", "chase", "dialogue", "direction", "editing",
    "ending", "finale", "humour", "lead actor", "love story", "lighting", "music",
    "opening", "pacing", "plot", "premise", "romance", "script", "second half",
    "soundtrack", "story", "villain",
)  # fmt: skip
MODIFIERS = (
    "of this film",
    "of this movie",
    "in the version that I saw",
    "that the trailer promises",
    "that the critics keep talking about",
    "that we had all been waiting for",
    "that my brother told me about last week",
)
DEGREES = ("especially", "particularly", "really", "so", "truly", "very")
TAILS = (
    "to my mind",
    "by any measure",
    "from start to finish",
    "even after a second viewing",
    "for a film of this size",
)
# "not" goes between the two halves: far from the adjective that it negates.
OPENINGS = (
    ("I would", "say that"),
    ("I do", "think that"),
    ("I could", "claim that"),
    ("it is", "true that"),
    ("it is", "fair to say that"),
    ("you will", "hear me say that"),
)
ASIDES = (
    "I saw it on a Friday.",
    "My sister chose the film.",
    "I did not read the book.",
    "We watched it at home last weekend.",
    "It runs for about two hours.",
    "The whole row behind us talked.",
    "I had not planned to see it at all.",
    "It was filmed in a village by the sea.",
    "The director is not from here.",
    "We had seats near the front, next to the door.",
    "My neighbour, who never goes out, came with us.",
    "They showed it in the old theatre on the market square.",
)


@dataclasses.dataclass(frozen=True)
class Opinion:
    """What a clause says about one aspect.

    Attributes:
        aspect: of `ASPECTS`.
        adjective: of `PRAISING` or `BLAMING`.
        negated: whether the clause says "not".
        opening: of `OPENINGS`, or `("", "")` for a clause that starts "the …".
        modifier: of `MODIFIERS`, or "".
        degree: of `DEGREES`, or "".
        tail: of `TAILS`, or "".
    """

    aspect: str
    adjective: str
    negated: bool
    opening: tuple[str, str] = ("", "")
    modifier: str = ""
    degree: str = ""
    tail: str = ""

    @property
    def praises(self) -> bool:
        """Whether the clause, with its negation, is in favour of the aspect."""
        return (self.adjective in PRAISING) != self.negated

    def turned(self) -> "Opinion":
        """Returns the opposite opinion: one "not" more or one less."""
        return dataclasses.replace(self, negated=not self.negated)

    def clause(self) -> str:
        """Returns the clause, in lower case and without punctuation."""
        start, rest = self.opening
        far = "not" if self.negated and start else ""
        near = "not" if self.negated and not start else ""
        subject = ("the", self.aspect, self.modifier)
        predicate = ("is", near, self.degree, self.adjective, self.tail)
        return " ".join(filter(None, (start, far, rest, *subject, *predicate)))


def draw(
    rng: random.Random, aspect: str, praising: bool, negated: bool, bare: bool = False
) -> Opinion:
    """Draws an opinion on `aspect`.

    Args:
        rng: the source of randomness.
        aspect: of `ASPECTS`.
        praising: whether the adjective comes from `PRAISING` or from `BLAMING`.
        negated: whether the clause says "not".
        bare: whether the clause has to start with "the".
    """
    return Opinion(
        aspect=aspect,
        adjective=rng.choice(PRAISING if praising else BLAMING),
        negated=negated,
        opening=("", "") if bare or rng.random() < 0.7 else rng.choice(OPENINGS),
        modifier=rng.choice(MODIFIERS) if rng.random() < 0.3 else "",
        degree=rng.choice(DEGREES) if rng.random() < 0.4 else "",
        tail=rng.choice(TAILS) if rng.random() < 0.2 else "",
    )


def sentence(clauses: str) -> str:
    """Capitalises the first letter and sets a full stop."""
    return f"{clauses[0].upper()}{clauses[1:]}."


def scatter(rng: random.Random, count: int, sentences: int) -> list[tuple[int, str]]:
    """Draws asides and where to put them.

    Args:
        rng: the source of randomness.
        count: how many asides, at most `len(ASIDES)`.
        sentences: how many sentences of opinion they go between.

    Returns:
        Pairs (number of the sentence that the aside precedes, aside).
    """
    return [(rng.randint(0, sentences), aside) for aside in rng.sample(ASIDES, count)]


def review(sentences: list[str], asides: Iterable[tuple[int, str]]) -> str:
    """Joins sentences of opinion and the asides between them."""
    parts = []
    for position in range(len(sentences) + 1):
        parts.extend(aside for place, aside in asides if place == position)
        parts.extend(sentences[position : position + 1])
    return " ".join(parts)
