"""Names of people, places and organisations, told by their endings.

A made-up word is a stem and an ending: "Brel" makes the surname "Brelsson", the
place "Brelville" and the firm "Breltech". Each stem belongs to one split, so that no
made-up word of one occurs in another: who knows just the words of `train` has never
seen those of `test`, and only their letters tell what they are.
"""

import itertools
import random
from collections.abc import Mapping

from tasks.datasets.synthetic import partition

# No ending is the end of another.
FIRST_NAME = ("ina", "elio", "ette")
SURNAME = ("sson", "owski", "ovich")
PLACE = ("ville", "burg", "mouth")
FIRM = ("tech", "soft", "corp")
ENDINGS = {"PER": SURNAME, "LOC": PLACE, "ORG": FIRM}

_ONSETS = ("B", "Br", "D", "Dr", "F", "G", "Gr", "H", "K", "L", "M", "N", "P", "R", "T")
_VOWELS = ("a", "e", "i", "o", "u")
_CODAS = ("d", "g", "l", "lm", "m", "n", "nd", "r", "rn", "x", "zz")


def stems(split: str, sizes: Mapping[str, int]) -> list[str]:
    """Returns the stems of `split`, a share in proportion to its size."""
    letters = itertools.product(_ONSETS, _VOWELS, _CODAS)
    return [s for s in map("".join, letters) if partition.owner(s, sizes) == split]


class Names:
    """Draws names.

    Args:
        rng: the source of randomness.
        stems: the stems to make words of.
    """

    def __init__(self, rng: random.Random, stems: list[str]):
        self._rng = rng
        self._stems = stems

    def stem(self) -> str:
        """Draws a stem."""
        return self._rng.choice(self._stems)

    def word(self, endings: tuple[str, ...]) -> str:
        """Draws a word with one of `endings`."""
        return self.stem() + self._rng.choice(endings)

    def name(self, kind: str) -> list[str]:
        """Draws a whole name, one to three words, of "PER", "LOC" or "ORG"."""
        word = self.word(ENDINGS[kind])
        forms = {
            "PER": ([word], [self.word(FIRST_NAME), word]),
            "LOC": ([word], ["North", word], ["Lake", word]),
            "ORG": ([word], [word, "Group"], ["University", "of", self.word(PLACE)]),
        }
        return self._rng.choice(forms[kind])

    def rest(self, kind: str) -> list[str]:
        """Draws what may follow a name's first word: in a third of cases a word."""
        words = {
            "PER": self.word(SURNAME),
            "LOC": self._rng.choice(("Bay", "City")),
            "ORG": self._rng.choice(("Group", "Motors")),
        }
        return [words[kind]] if self._rng.random() < 1 / 3 else []
