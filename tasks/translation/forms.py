"""Pairs in other forms, as people write them: to train on beside the pairs themselves.

A translator that has only read whole, correct sentences stumbles over `wie gehts` and
over names that it has never seen. Here some of the pairs have such a form too.
"""

import collections
import re
from collections.abc import Collection, Sequence

import numpy as np

from tasks.translation.corpus import Pairs

# A mark or several that end a sentence, and white space behind them.
_FINAL = re.compile(r"[.!?…]+\s*\Z")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"(?<![\w.,:])[1-9]\d*(?![\w:]|[.,]\w)")
# So many pairs are joined to one, at most.
_MOST_JOINED = 3
# Below it a number is a word of its own: "1 Hund", "1 dog".
_LEAST_NUMBER = 2
_LONGEST_NAME = 16
# Words so long have parts that a name is put together from.
_LEAST_OF_PARTS = 6
# A name that is the same in both languages so often has no other form in one of them.
_SAME = 0.6


def joined(pairs: Pairs, share: float, seed: int) -> Pairs:
    """Returns pairs, and some more that are two or three of them one behind the other.

    Args:
        pairs: the pairs.
        share: how many more, as a share of the pairs.
        seed: of which are joined. The same seed joins the same.
    """
    count = round(share * len(pairs))
    if not count:
        return pairs
    random = np.random.default_rng([seed, 0])
    sizes = random.integers(2, _MOST_JOINED + 1, count)
    groups = [random.integers(0, len(pairs), size) for size in sizes]
    sides = pairs.texts, pairs.translations
    return with_more(
        pairs, *([" ".join(side[group]) for group in groups] for side in sides)
    )


def with_more(pairs: Pairs, texts: Sequence[str], translations: Sequence[str]) -> Pairs:
    """Returns pairs, and more behind them: texts and their translations."""
    return Pairs(
        np.concatenate([pairs.texts, np.array(texts, object)]),
        np.concatenate([pairs.translations, np.array(translations, object)]),
        pairs.source,
        pairs.citation,
    )


class OtherForms:
    """Draws another form for each pair that is to have one.

    - `renamed`: names and numbers that are the same in the text and in the translation
      are others, in both: a third of the names are of those that there are, rare ones
      as often as common ones, a third are made up of their letters, a third of the
      parts of any two words; numbers have as many digits. What can't be known must be
      copied.
    - `unpunctuated`: the text has no `.`, `!` or `?` at its end; its translation does.
    - `lowercase`: the text is in lower case; of each second one the first letter isn't.

    Args:
        pairs: to learn names from.
        renamed: the share of the pairs that is given such a form.
        unpunctuated: likewise.
        lowercase: likewise. They are drawn independently: a pair may have all three.
        seed: of what is drawn.
    """

    def __init__(
        self,
        pairs: Pairs,
        renamed: float,
        unpunctuated: float,
        lowercase: float,
        seed: int,
    ):
        self._chances = np.array([renamed, unpunctuated, lowercase])
        self._seed = seed
        self._names = OtherNames(pairs) if renamed else None

    @property
    def share(self) -> float:
        """How many of the pairs are read in another form, in each epoch."""
        return 1 - float(np.prod(1 - self._chances))

    def __call__(self, pairs: Pairs) -> Pairs:
        """Returns the other form of each pair, the same for the same seed."""
        random = np.random.default_rng([self._seed, 1])
        made = [
            self._other(text, translation, random)
            for text, translation in zip(pairs.texts, pairs.translations, strict=True)
        ]
        texts, translations = (
            np.array(side, object) for side in zip(*made, strict=True)
        )
        return Pairs(texts, translations, pairs.source, pairs.citation)

    def _other(self, text, translation, random):
        drawn = random.random(3) < self._chances
        while not drawn.any():  # how it is read else is the pair itself
            drawn = random.random(3) < self._chances
        renamed, unpunctuated, lowercase = drawn
        if renamed:
            text, translation = self._names.exchange(text, translation, random)
        if unpunctuated:
            text = _FINAL.sub("", text) or text
        if lowercase:
            first = text[:1] if random.random() < 0.5 else text[:1].lower()
            text = first + text[1:].lower()
        return text, translation


class OtherNames:
    """Exchanges the names and numbers of pairs for others.

    A name is a capitalized word that is in both languages and in lower case in neither
    of all texts. Of those that are put in its place, one that there is must be the same
    in both languages nearly always, as Tom is, and Maria isn't, who is Mary.

    Args:
        pairs: to learn the letters of names from.
    """

    def __init__(self, pairs: Pairs):
        words, shared = collections.Counter(), collections.Counter()
        for sides in zip(pairs.texts, pairs.translations, strict=True):
            one, other = (set(_WORD.findall(side)) for side in sides)
            words.update(one | other)
            shared.update(w for w in one & other if len(w) > 2 and w.istitle())
        self._names = {name for name in shared if name.lower() not in words}
        self._same = sorted(n for n in self._names if shared[n] >= _SAME * words[n])
        followers = collections.defaultdict(list)
        for name in sorted(self._names):
            spelled = f"^^{name}$"
            for place in range(2, len(spelled)):
                followers[spelled[place - 2 : place]].append(spelled[place])
        self._followers = followers
        self._words = sorted(word for word in words if len(word) >= _LEAST_OF_PARTS)

    def exchange(
        self, text: str, translation: str, random: np.random.Generator
    ) -> tuple[str, str]:
        """Returns a text and its translation with other names and numbers."""
        one, other = map(_stems, (text, translation))
        others = {name: self.draw(random) for name in sorted(one & other & self._names)}
        if others:
            found = re.compile(rf"\b({'|'.join(map(re.escape, others))})(?=s?\b)")
            text, translation = (
                found.sub(lambda match: others[match[1]], side)
                for side in (text, translation)
            )
        return with_other_numbers(text, translation, random)

    def draw(self, random: np.random.Generator) -> str:
        """Returns a name that there is, or one that is made up.

        This one by a Markov chain of their letters; or of the parts of two words, for
        there are names whose letters are like no other's.
        """
        kind = random.integers(3)
        if kind == 0 and self._same:
            return self._same[random.integers(len(self._same))]
        if kind == 1 and self._words:
            first, last = (
                self._words[random.integers(len(self._words))] for _ in range(2)
            )
            begin, end = random.integers(2, _LEAST_OF_PARTS, 2)
            return (first[:begin] + last[-end:]).capitalize()
        name = "^^"
        while not name.endswith("$") and len(name) < _LONGEST_NAME:
            following = self._followers[name[-2:]]
            name += following[random.integers(len(following))]
        return name.strip("^$")


def shared_numbers(text: str, translation: str) -> list[str]:
    """Returns the numbers in digits that a text and its translation have, sorted.

    From two on, and whole ones: of `1.000`, `12,5`, `10:30` and `A4` none.
    """
    one, other = (set(_NUMBER.findall(side)) for side in (text, translation))
    return sorted(number for number in one & other if int(number) >= _LEAST_NUMBER)


def with_other_numbers(
    text: str,
    translation: str,
    random: np.random.Generator,
    kept: Collection[str] = (),
) -> tuple[str, str]:
    """Returns both with others for the numbers that they share, of as many digits.

    Args:
        text: a text.
        translation: its translation.
        random: draws the other numbers.
        kept: numbers that stay.
    """
    others = {}
    for number in shared_numbers(text, translation):
        if number in kept:
            continue
        lowest = max(_LEAST_NUMBER, 10 ** (len(number) - 1))
        drawn = random.integers(lowest, min(10 ** len(number), 2**62))
        others[number] = str(drawn)
    text, translation = (
        _NUMBER.sub(lambda match: others.get(match[0], match[0]), side)
        for side in (text, translation)
    )
    return text, translation


def _stems(text):
    """Returns the words of a text, and those that German has an s of its own behind."""
    words = _WORD.findall(text)
    return {*words, *(word.removesuffix("s") for word in words)}
