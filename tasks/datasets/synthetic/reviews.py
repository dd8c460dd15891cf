"""`synthetic/reviews`: movie reviews whose label only word order tells.

**Label.** A review takes one side. Each of its clauses (what stands between full
stops and commas) that holds an adjective of `opinions.PRAISING` or `.BLAMING` is in
favour or against, as `opinions` reads it: the adjective's own side, or the opposite
if the clause says "not". A clause that is only conceded doesn't count: one that
starts with "although", and one that a clause starting with "but" follows. All the
others agree, and are the label. Sentences without such an adjective say nothing.

**Optimum.** Accuracy 1.0: the rule above decides every review. A bag of words has
exactly 0.5 on each split: reviews come in pairs with opposite labels that are
permutations of each other, in words, punctuation and capitals, and no other review
has the same words. That holds for tokenizers that drop punctuation or set it apart;
"dull," and "dull." as words of their own would give some of the order away.
"""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from tasks.datasets.synthetic import opinions, partition

SIZES = {"train": 4000, "validation": 500, "test": 500}
LABELS = ("neg", "pos")
LONGEST = 60  # words


class Pair(NamedTuple):
    """The same words, arranged in favour and against: one sentence or two each."""

    pos: list[str]
    neg: list[str]


def turning(rng: random.Random, aspects: Iterator[str]) -> Pair:
    """The "not" moves: good and not bad, or not good and bad."""
    praising = rng.random() < 0.5
    first = opinions.draw(rng, next(aspects), praising, negated=not praising)
    second = opinions.draw(rng, next(aspects), not praising, negated=praising)
    pos = [first.clause(), second.clause()]
    neg = [first.turned().clause(), second.turned().clause()]
    if rng.random() < 0.5:
        pos, neg = [", and ".join(pos)], [", and ".join(neg)]
    return Pair(list(map(opinions.sentence, pos)), list(map(opinions.sentence, neg)))


def conceding(rng: random.Random, aspects: Iterator[str]) -> Pair:
    """The clauses change places: one is conceded, the other counts."""
    frame = rng.choice(("although {0}, {1}", "{1}, although {0}", "{0}, but {1}"))
    # A clause that may start the sentence starts with "the", so that both
    # arrangements capitalise the same word.
    bare = not frame.startswith("although")
    clauses = []
    for praises in (True, False):
        praising = rng.random() < 0.5
        opinion = opinions.draw(
            rng, next(aspects), praising, negated=praising != praises, bare=bare
        )
        clauses.append(opinion.clause())
    praise, blame = clauses
    return Pair(
        [opinions.sentence(frame.format(blame, praise))],
        [opinions.sentence(frame.format(praise, blame))],
    )


def contrasting(rng: random.Random, aspects: Iterator[str]) -> Pair:
    """The adjectives change places: "clever, not dull" or "dull, not clever"."""
    praise = opinions.draw(rng, next(aspects), praising=True, negated=False)
    blame = rng.choice(opinions.BLAMING)
    frame = praise.clause().replace(praise.adjective, "{0}, not {1}")
    return Pair(
        [opinions.sentence(frame.format(praise.adjective, blame))],
        [opinions.sentence(frame.format(blame, praise.adjective))],
    )


def draw_pair(rng: random.Random) -> tuple[str, str]:
    """Draws two reviews, in favour and against, that are permutations."""
    aspects = iter(rng.sample(opinions.ASPECTS, 8))
    count = rng.choices((1, 2, 3, 4), (5, 4, 2, 1))[0]
    pairs = [
        rng.choice((turning, conceding, contrasting))(rng, aspects)
        for _ in range(count)
    ]
    pos = [sentence for pair in pairs for sentence in pair.pos]
    neg = [sentence for pair in pairs for sentence in pair.neg]
    asides = opinions.scatter(rng, rng.choice((0, 0, 1, 2, 3)), len(pos))
    return opinions.review(pos, asides), opinions.review(neg, asides)


def bag(text: str) -> str:
    """Returns the words of `text` without their order, case and punctuation."""
    return " ".join(sorted(re.findall(r"\w+", text.lower())))


def generate(split: str) -> Iterator[dict[str, str]]:
    """Yields the examples of `split`, each pair's two one after the other."""
    rng = random.Random(f"synthetic/reviews/{split}")
    seen = set()
    while 2 * len(seen) < SIZES[split]:
        pos, neg = draw_pair(rng)
        words = bag(pos)
        too_long = len(words.split()) > LONGEST
        if too_long or words in seen or partition.owner(words, SIZES) != split:
            continue
        seen.add(words)
        yield {"text": pos, "label": "pos"}
        yield {"text": neg, "label": "neg"}
