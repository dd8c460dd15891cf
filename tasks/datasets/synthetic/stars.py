"""`synthetic/stars`: reviews with one to five stars, which their opinions add up to.

**Rating.** Each clause (what stands between full stops and commas) that holds an
adjective of `opinions.PRAISING` or `.BLAMING` praises or blames one aspect, as
`opinions` reads it: the adjective's own side, or the opposite if the clause says
"not". The rating is 3 + praised aspects - blamed aspects, and nothing else: asides
say nothing, and no clause is conceded. One fifth of a split has each rating.

**Optimum.** Accuracy 1.0: the rule above decides every review. Counting adjectives
doesn't reach it, as a third of the clauses are negated.

Nested and without supervised keys, as TFDS has `amazon_us_reviews`, and with no
validation split: a task must find the columns and cut the split itself.
"""

import random
from collections.abc import Iterator

from tasks.datasets.synthetic import opinions, partition

SIZES = {"train": 4000, "test": 500}
RATINGS = (1, 2, 3, 4, 5)


def draw_review(rng: random.Random, rating: int) -> str:
    """Draws a review with `rating` stars: one to four aspects, up to two asides."""
    surplus = rating - 3
    balanced = rng.choice((0, 1)) if surplus else rng.choice((1, 2))
    sides = [surplus > 0] * abs(surplus) + [True, False] * balanced
    rng.shuffle(sides)
    clauses = []
    for praises, aspect in zip(
        sides, rng.sample(opinions.ASPECTS, len(sides)), strict=True
    ):
        negated = rng.random() < 1 / 3
        opinion = opinions.draw(rng, aspect, praises != negated, negated)
        clauses.append(opinion.clause())
    sentences = []
    while clauses:
        clause = clauses.pop()
        if clauses and rng.random() < 0.4:
            clause += rng.choice((", and ", ", while ")) + clauses.pop()
        sentences.append(opinions.sentence(clause))
    asides = opinions.scatter(rng, rng.choice((0, 1, 2)), len(sentences))
    return opinions.review(sentences, asides)


def generate(split: str) -> Iterator[dict[str, dict[str, str | int]]]:
    """Yields the examples of `split`."""
    rng = random.Random(f"synthetic/stars/{split}")
    seen = set()
    while len(seen) < SIZES[split]:
        rating = RATINGS[len(seen) % len(RATINGS)]
        text = draw_review(rng, rating)
        if text in seen or partition.owner(text, SIZES) != split:
            continue
        seen.add(text)
        yield {"data": {"review_body": text, "star_rating": rating}}
