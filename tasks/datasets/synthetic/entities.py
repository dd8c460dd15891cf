"""`synthetic/entities`: names of people, places and organisations, tagged in IOB2.

Sentences come in blocks of five: a pair that asks for the words to the right, and
three that ask for the letters.

**A pair** is two readings of one beginning: "Jordan , it seems , played well
against …" (PER) and "Jordan , it seems , signed the treaty with …" (LOC); "Teddy was a
great president of …" (PER) and "Teddy bears are on sale in …" (O). A word of `WORDS`
or `THINGS`, or a made-up first name (PER or ORG) or place (LOC or ORG), can be read in
two ways; each of `SAID` fits one of them. The word is the same in both, and so is
all before it. "Jordan Brelsson" and "Jordan Motors" go on with the name.

**Three** are one sentence about a person, a place and an organisation, whose made-up
names differ only in their endings (see `names`), in a frame where each could stand:
"Nobody had heard of Brelsson before .", "… of Brelville …", "… of Breltech …".

**Optimum.** F1 1.0, reading in both directions, and the letters of words. Else:

- A tagger that reads from left to right gets at most half of the ambiguous words
  right, one of each pair, as all up to that word is the same in both. So at most four
  of five sentences are wholly right, and F1 is below 0.91. A CRF chooses the tags of a
  sentence together, and so can still tell words that a second word of the name follows.
- A tagger that knows the words of `train`, but not their letters, gets at most a third
  of the names right in which sentences of three differ, in `validation` and `test`:
  their made-up words are all new to it.

All other tags follow from a word's ending and the words before it.
"""

import random
from collections.abc import Iterator

from tasks.datasets.synthetic.names import ENDINGS, FIRST_NAME, PLACE, Names, stems

SIZES = {"train": 4000, "validation": 500, "test": 500}  # whole blocks
KINDS = ("PER", "ORG", "LOC")
TAGS = ("O", *(f"{prefix}-{kind}" for kind in KINDS for prefix in "BI"))

Tagged = list[tuple[str, str]]
"""A sentence: its tokens, each with its tag."""

WORDS = {
    **dict.fromkeys(("Austin", "Chelsea", "Florence", "Jordan"), ("PER", "LOC")),
    **dict.fromkeys(("Lincoln", "Sydney", "Victoria", "Washington"), ("PER", "LOC")),
    **dict.fromkeys(("Bosch", "Disney", "Ford", "Hilton"), ("PER", "ORG")),
    **dict.fromkeys(("Amazon", "Nokia", "Santander", "Zurich"), ("LOC", "ORG")),
}
"""The two readings of words that are names in both."""
THINGS = {
    "Daisy": ("PER", "chains"),
    "Rose": ("PER", "bushes"),
    "Teddy": ("PER", "bears"),
    "Bath": ("LOC", "towels"),
    "Java": ("LOC", "beans"),
    "Turkey": ("LOC", "sandwiches"),
    "Apple": ("ORG", "pies"),
    "Orange": ("ORG", "trees"),
    "Shell": ("ORG", "necklaces"),
}
"""Words that are names, or else begin a sentence about things."""

# What fits one reading and no other. Each holds a made-up name, and so belongs to
# one split. The first words often decide nothing: "has two children", "has two ports".
SAID = {
    "PER": (
        "played well against {PER}",
        "was a great president of {ORG}",
        "was born near {LOC}",
        "has two children with {PER}",
        "lost her keys in {LOC}",
        "left her job at {ORG}",
    ),
    "LOC": (
        "signed the treaty with {LOC}",
        "was flooded by the river {LOC}",
        "was a fishing village like {LOC}",
        "has two ports north of {LOC}",
        "lost its forests to {ORG}",
        "lies on the road to {LOC}",
    ),
    "ORG": (
        "raised its prices in {LOC}",
        "was bought by {ORG}",
        "was a small supplier of {ORG}",
        "has two factories in {LOC}",
        "lost its customers to {ORG}",
        "hired a thousand engineers from {ORG}",
    ),
    "O": (
        "are on sale in {LOC}",
        "are what {PER} likes best",
        "were all over the kitchen of {PER}",
        "sell well , says {ORG}",
    ),
}
LEADS = ("", "Yesterday", "On Monday", "In the end", "As the paper wrote ,")
ASIDES = ("", "", ", it seems ,", ", to my surprise ,", ", as everybody knows by now ,")
# None begins as a pair's sentence does. {ANY} is a name of any kind.
FRAMES = (
    "I dreamt of {NAME} and {ANY} again .",
    "It is hard to forget {NAME} .",
    "My neighbour told me about {NAME} on Sunday .",
    "Nobody had heard of {NAME} before .",
    "She had read all about {NAME} , and nothing about {ANY} .",
    "The report is about {ANY} and {NAME} .",
    "There was a film about {NAME} last night .",
    "They mentioned {ANY} , {ANY} and {NAME} .",
    "We talked about {NAME} for an hour .",
    "What do you think of {NAME} ?",
)


def ambiguous(tokens: list[str]) -> int | None:
    """Returns the place of a sentence's ambiguous word, None if it has none."""
    leads = [lead.split() for lead in LEADS]
    place = max(len(lead) for lead in leads if tokens[: len(lead)] == lead)
    word = tokens[place]
    known = word in WORDS or word in THINGS
    return place if known or word.endswith((*FIRST_NAME, *PLACE)) else None


def draw_pair(rng: random.Random, names: Names) -> list[Tagged]:
    """Draws two sentences that are the same up to an ambiguous word."""
    word, kinds = _draw_word(rng, names)
    # The lead is for names: things would not be capitalised behind it.
    lead, aside = ("", "") if "O" in kinds else map(rng.choice, (LEADS, ASIDES))
    pair = []
    for kind in kinds:
        said = _fill(rng.choice(SAID[kind]), rng, names)
        if kind == "O":
            subject = _outside(f"{word} {THINGS[word][1]}")
        else:
            subject = _tagged([word, *names.rest(kind)], kind) + _outside(aside)
        pair.append(_outside(lead) + subject + said + _outside("."))
    return pair


def draw_three(rng: random.Random, names: Names) -> list[Tagged]:
    """Draws three sentences that differ in the ending of one name."""
    before, after = rng.choice(FRAMES).split("{NAME}")
    left, right = _fill(before, rng, names), _fill(after, rng, names)
    stem = names.stem()
    return [
        left + _tagged([stem + rng.choice(ENDINGS[kind])], kind) + right
        for kind in KINDS
    ]


def _draw_word(rng, names):
    """Draws an ambiguous word and its two readings."""
    source = rng.choice(("words", "things", "made up"))
    if source == "words":
        return rng.choice(list(WORDS.items()))
    if source == "things":
        word = rng.choice(list(THINGS))
        return word, (THINGS[word][0], "O")
    endings, kind = rng.choice(((FIRST_NAME, "PER"), (PLACE, "LOC")))
    return names.word(endings), (kind, "ORG")


def _fill(phrase, rng, names):
    """Puts names into the slots of a phrase."""
    filled = []
    for word in phrase.split():
        if word.startswith("{"):
            kind = rng.choice(KINDS) if word == "{ANY}" else word.strip("{}")
            filled += _tagged(names.name(kind), kind)
        else:
            filled.append((word, "O"))
    return filled


def _tagged(words, kind):
    tags = [f"B-{kind}"] + [f"I-{kind}"] * (len(words) - 1)
    return list(zip(words, tags, strict=True))


def _outside(text):
    return [(word, "O") for word in text.split()]


def generate(split: str) -> Iterator[dict[str, list[str]]]:
    """Yields the examples of `split`: in each five a pair, then three."""
    rng = random.Random(f"synthetic/entities/{split}")
    names = Names(rng, stems(split, SIZES))
    seen = set()
    while len(seen) < SIZES[split]:
        for draw in (draw_pair, draw_three):
            sentences = _new(draw, seen, rng, names)
            for sentence in sentences:
                tokens, tags = map(list, zip(*sentence, strict=True))
                yield {"tokens": tokens, "tags": tags}


def _new(draw, seen, rng, names):
    """Draws sentences until none of them is among those already seen."""
    while True:
        sentences = draw(rng, names)
        texts = {" ".join(token for token, _ in sentence) for sentence in sentences}
        if not texts & seen:
            seen |= texts
            return sentences
