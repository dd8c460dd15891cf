"""Pairs with other weekdays, months, days of months and numbers.

Unlike names, most of these are other words in each language, and most of them are rare.
German and English are known.
"""

import re

import numpy as np

from tasks.errors import UserError
from tasks.translation import forms
from tasks.translation.corpus import Pairs

# A word and its translation stand at the same place of two lines, German and English.
_LINES = (
    (
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    ),
    (
        "Januar Februar März April Mai Juni Juli August September Oktober November "
        "Dezember",
        "January February March April May June July August September October "
        "November December",
    ),
    # From two on: "ein" and "one" are articles and pronouns, too.
    (
        "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
        "fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig "
        "sechzig siebzig achtzig neunzig",
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty "
        "seventy eighty ninety",
    ),
)
_KINDS = [[line.split() for line in lines] for lines in _LINES]
_WORD = re.compile(r"[^\W\d_]+")
_MONTH = f"(?:{'|'.join(sorted({*_KINDS[1][0], *_KINDS[1][1]}))})"
# The day of a month: `3. März`, `March 3`, `March 3rd`, `3rd of March`, `3 March`.
_DAY = re.compile(
    rf"(?<![\w.,:])(?P<before>[1-9]\d?)(?P<ends>\.|st|nd|rd|th)?(?=(?: of)? {_MONTH}\b)"
    rf"|(?<=\b)(?P<month>{_MONTH} )(?P<behind>[1-9]\d?)(?P<ending>st|nd|rd|th)?"
    r"(?![\w:]|\.\d)"
)
_LAST_DAY = 28  # that every month has
# The form of a number in English, by its last digit; of 11 to 13 it is "th".
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def added(pairs: Pairs, share: float, seed: int) -> Pairs:
    """Returns pairs, and some more: pairs of theirs that name another time or number.

    A weekday, a month or a number, in words or in digits, that both sides have is
    exchanged for another, the day of a month for another day. Weekdays, months, numbers
    in words and those in digits are drawn equally often, however rare pairs are that
    have them.

    Args:
        pairs: the pairs, of German and English or the other way round.
        share: how many more, as a share of the pairs.
        seed: of what is drawn. The same seed draws the same.

    Raises:
        UserError: no pair has such words in German and in English.
    """
    count = round(share * len(pairs))
    if not count:
        return pairs
    german = _german_side(pairs)
    all_sides = list(zip(pairs.texts, pairs.translations, strict=True))
    with_kind = [
        [
            number
            for number, sides in enumerate(all_sides)
            if _shared(kind, sides, german)
        ]
        for kind in _KINDS
    ]
    with_kind.append(
        [number for number, sides in enumerate(all_sides) if _numbers(sides)]
    )
    with_kind = [numbers for numbers in with_kind if numbers]
    random = np.random.default_rng([seed, 2])
    made = []
    for _ in range(count):
        numbers = with_kind[random.integers(len(with_kind))]
        number = numbers[random.integers(len(numbers))]
        sides = pairs.texts[number], pairs.translations[number]
        made.append(exchange(sides, german, random))
    return forms.with_more(pairs, *zip(*made, strict=True))


def exchange(
    sides: tuple[str, str], german: int, random: np.random.Generator
) -> tuple[str, str]:
    """Returns a text and its translation that name another time or number.

    Args:
        sides: the text and the translation.
        german: which of the two is German, 0 or 1.
        random: draws the other words.
    """
    texts = list(_with_other_days(sides, random))
    for kind in _KINDS:
        lines = _lines(kind, german)
        found = _shared(kind, sides, german)
        drawn = random.integers(0, len(lines[0]), len(found))
        for side, line in enumerate(lines):
            others = {
                line[old]: line[new] for old, new in zip(found, drawn, strict=True)
            }
            texts[side] = _WORD.sub(
                lambda match, others=others: _like(
                    match[0], others.get(_plain(match[0], others), match[0])
                ),
                texts[side],
            )
    return forms.with_other_numbers(*texts, random, kept=_days(*texts))


def _german_side(pairs):
    """Returns which side is German, 0 or 1."""
    counts = [
        sum(
            bool(_shared(_KINDS[0], sides, german))
            or bool(_shared(_KINDS[2], sides, german))
            for sides in zip(pairs.texts, pairs.translations, strict=True)
        )
        for german in (0, 1)
    ]
    if not any(counts):
        raise UserError(
            "--redated is for German and English, and no pair has a weekday or a "
            "number in both. Leave it out."
        )
    return int(counts[1] > counts[0])


def _lines(kind, german):
    return kind[::-1] if german else kind


def _shared(kind, sides, german):
    """Returns the places of the words that both sides have, in order."""
    places = []
    for line, side in zip(_lines(kind, german), sides, strict=True):
        words = set(_WORD.findall(side))
        places.append(
            {n for n, word in enumerate(line) if {word, word.capitalize()} & words}
        )
    return sorted(places[0] & places[1])


def _plain(word, others):
    """Returns a word as a line has it: a number may begin a sentence."""
    return word if word in others else word.lower()


def _like(word, other):
    """Returns another word, with a capital where the word has one."""
    return other[0].upper() + other[1:] if word[0].isupper() else other


def _numbers(sides):
    """Returns the numbers in digits that both sides have, without days of months."""
    return set(forms.shared_numbers(*sides)) - _days(*sides)


def _days(*texts):
    """Returns the days of months that texts have: `3` of `3rd`."""
    return {m["before"] or m["behind"] for side in texts for m in _DAY.finditer(side)}


def _with_other_days(sides, random):
    """Returns both sides with another day of the month, where it is the same one."""
    text, translation = sides
    others = {
        day: int(random.integers(1, _LAST_DAY + 1))
        for day in sorted(_days(text) & _days(translation), key=int)
    }

    def other(match):
        day = others.get(match["before"] or match["behind"])
        if day is None:
            return match[0]
        ending = match["ends"] or match["ending"] or ""
        if ending not in ("", "."):
            is_teen = 10 < day < 14
            ending = "th" if is_teen else _ENDINGS.get(day % 10, "th")
        return f"{match['month'] or ''}{day}{ending}"

    return tuple(_DAY.sub(other, side) for side in sides)
