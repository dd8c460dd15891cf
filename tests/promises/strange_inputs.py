"""What strangers send: texts and piano rolls that nobody has cleaned.

Made from a seed, so that what fails once fails again.
"""

import random

import numpy as np

_SENTENCES = (
    "the film was good, not a bad plot; I didn't or didn’t like it",
    "Angela Merkel met Ms. O'Neill in the U.S. at 7:30, e.g. for 3.14 or 1,000",
    "Ein Hund läuft nach León und Łódź, naïve coöperate l’été",
    "http://a.b/c sales@example.com @user #tag &amp; <br /> ... -- '' :) \U0001f642",
    # A family and a flag, each of several code points.
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "日本語 ไทย שלום مرحبا",
)
_WORDS = [word for sentence in _SENTENCES for word in sentence.split()]
_SPACES = (" ", "  ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u200b")
_MARKS = (*".,;:!?…-–—'\"’‘“”„«»()[]{}<>/\\|@#$%^&*_+=~`", "\u00ad", "\ufeff")
# First and last code points of scripts, marks, symbols and what is no character.
_RANGES = (
    (0x00, 0x1F),
    (0x20, 0x7E),
    (0x80, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x52F),
    (0x590, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1100, 0x11FF),
    (0x2000, 0x206F),
    (0x3040, 0x30FF),
    (0x4E00, 0x4FFF),
    (0xAC00, 0xADFF),
    (0xE000, 0xE0FF),
    (0xFB00, 0xFFFD),
    (0x1F300, 0x1FAFF),
    (0xE0001, 0xE007F),
)
_KEYS = 88


def texts(count: int, seed: int) -> list[bytes]:
    """Returns texts as bytes, of which some are not UTF-8.

    Most are short, for what a text costs grows with its length; a few are long.
    """
    draw = random.Random(seed)
    makers = (
        _nothing,
        _words,
        _shouted,
        _characters,
        _one_script,
        _bytes,
        _repeated,
        _marks,
        _long_word,
        _cut_character,
    )
    return [draw.choice(makers)(draw) for _ in range(count)]


def rolls(count: int, seed: int) -> list[np.ndarray]:
    """Returns piano rolls of 0 and 1, float32 (steps, 88), some without any step."""
    draw = np.random.default_rng(seed)
    densities = (0.0, 0.02, 0.1, 0.5, 1.0)
    return [
        (draw.random((draw.integers(0, 40), _KEYS)) < draw.choice(densities)).astype(
            "float32"
        )
        for _ in range(count)
    ]


def _nothing(draw):
    return "".join(draw.choices(_SPACES, k=draw.randrange(4))).encode()


def _words(draw):
    parts = []
    for word in draw.choices(_WORDS, k=_count(draw, 8, 30)):
        parts += [word, draw.choice(_SPACES) if draw.random() < 0.1 else " "]
    return "".join(parts).encode()


def _shouted(draw):
    text = _words(draw).decode()
    return (text.upper() if draw.random() < 0.5 else text.lower()).encode()


def _characters(draw):
    ranges = draw.choices(_RANGES, k=_count(draw, 15, 60))
    return "".join(chr(draw.randint(*each)) for each in ranges).encode()


def _one_script(draw):
    first, last = draw.choice(_RANGES)
    length = _count(draw, 20, 80)
    return "".join(chr(draw.randint(first, last)) for _ in range(length)).encode()


def _bytes(draw):
    return draw.randbytes(_count(draw, 25, 100))


def _repeated(draw):
    unit = draw.choice([*_WORDS, *_SPACES, *_MARKS])
    return (unit * (1 + _count(draw, 8, 119))).encode()


def _marks(draw):
    return "".join(draw.choices(_MARKS, k=_count(draw, 15, 60))).encode()


def _long_word(draw):
    return ("x" * (20 + _count(draw, 60, 1480))).encode()


def _cut_character(draw):
    text = _words(draw) + "🙂é".encode()
    return text[: -draw.randint(1, 5)]


def _count(draw, usual, most):
    """Draws from 1 to `usual`, but to `most` once in ten times."""
    return draw.randint(1, most if draw.random() < 0.1 else usual)
