"""Texts as people type and paste them, made plain.

What looks the same should be the same to a model: an apostrophe is `'` and `’`, an é is
one code point or two, a space is one of twenty. A table, made of Python's `unicodedata`
when a graph is built, gives each code point that has a plainer form up to three others.
"""

import functools
import itertools
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

NORMALIZATIONS = ("plain",)

# What typography has for the marks of a keyboard.
_MARKS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02b9\u02bc`\xb4\x91\x92",
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\xab\xbb\u301d\u301e\u301f\x84\x93\x94",
    # A dash as long as an m stands between words, others in and between them.
    "-": "\u2010\u2011\u2012\u2013\u2043\u2212\ufe63\x96",
    " - ": "\u2014\u2015\u2e3a\u2e3b\ufe58\x97",
    "..": "\u2025",
    "...": "\u2026",
    "/": "\u2044\u2215",
}
MARKS = "".join(_MARKS.values())
"""All of them."""
# Ligatures, bold, cursive and full-width characters: what they are a dress of, NFKC.
_DRESSED = (*range(0xFB00, 0xFB07), *range(0x1D400, 0x1D800), *range(0xFF01, 0xFF5F))
# Formatting, not text: soft hyphen, zero-width space, word joiner, byte order mark, the
# directions of writing, and the like.
_INVISIBLE = (
    0xAD,
    0x34F,
    0x61C,
    0x180E,
    0xFEFF,
    0x200B,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFFF9, 0xFFFC),
)
_JOINERS = (0x200C, 0x200D)
# Joiners are part of a spelling but in these scripts, the first and last code points of
# them: Latin, Greek, Cyrillic, Armenian, and punctuation.
_UNJOINED = ((0, 0x58F), (0x1E00, 0x206F))

# No mark that joins what is before it has a lower code point.
_FIRST_MARK = 0x300
# No code point: the end of a shorter form.
_NONE = -1
# The Hangul syllables, which Unicode composes by arithmetic (The Unicode Standard,
# §3.12): of 19 initial consonants, 21 vowels, and 27 final consonants or none.
_SYLLABLES, _INITIALS, _VOWELS, _FINALS = 0xAC00, 0x1100, 0x1161, 0x11A7


def check_normalization(name: str | None) -> None:
    """Raises a ValueError if there is no normalization of this name."""
    if name is not None and name not in NORMALIZATIONS:
        raise ValueError(
            f"normalization must be one of {', '.join(NORMALIZATIONS)}, or None, "
            f"found {name!r}."
        )


def marks_in(tokens: Iterable[str]) -> str:
    """Returns the marks of typography that tokens have, which may be kept."""
    return "".join(sorted(set().union(*tokens) & set(MARKS)))


def normalize(texts: tf.Tensor, keep: str = "") -> tf.Tensor:
    """Returns texts in plain form.

    - Typographic quotation marks, apostrophes, dashes and ellipses are those of a
      keyboard: `'`, `"`, `-` and `...`; so are those of Windows-1252 that were read as
      Latin-1.
    - A letter and the marks that follow it are one code point where Unicode has one, as
      by NFC. (A mark joins the character right before it only.)
    - Ligatures, full-width and mathematical letters are ordinary letters.
    - What can't be seen is gone: soft hyphens, zero-width spaces, byte order marks,
      marks of direction. Joiners stay in scripts that need them.
    - Line breaks, tabs, control characters, NUL and every other space are spaces,
      several are one, and there is none at either end.

    Args:
        texts: string, any shape, of valid UTF-8: see `zoo.text.tokenizers.valid_utf8`.
        keep: marks of typography that stay as they are: see `marks_in`.

    Returns:
        string, the same shape. Normalized texts stay what they are.

    Sources: The Unicode Standard, Annex 15; Kudo & Richardson 2018 for the idea of a
    table that is compiled into the model.
    """
    return tf.reshape(_graph(keep)(tf.reshape(texts, [-1])), tf.shape(texts))


@functools.cache
def _graph(keep):
    """Returns what normalizes, one graph for all that it is called in.

    So a SavedModel has its tables once, however many functions read texts.
    """
    return tf.function(
        functools.partial(_normalized, keep=keep),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


def _normalized(texts, keep):
    # Most texts are plain already, which is soon found.
    is_plain = tf.strings.regex_full_match(texts, _plain_text(keep))
    order = tf.concat([tf.where(is_plain), tf.where(~is_plain)], axis=0)[:, 0]

    def some():
        others = _made_plain(tf.boolean_mask(texts, ~is_plain), keep)
        found = tf.concat([tf.boolean_mask(texts, is_plain), others], axis=0)
        return tf.gather(found, tf.math.invert_permutation(order))

    return tf.cond(tf.reduce_all(is_plain), lambda: tf.identity(texts), some)


def _plain_text(keep):
    """Returns a pattern of texts that are plain: not of all, of most of them.

    Their words have single spaces between them. Their characters have no plainer form,
    and code points below the first mark's: so there is no mark among them to be joined.
    """
    others = set(_table(keep)[0].tolist())
    codes = [code for code in range(ord(" ") + 1, _FIRST_MARK) if code not in others]
    runs = itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0])
    runs = [[code for _, code in run] for _, run in runs]
    visible = "".join(rf"\x{{{run[0]:x}}}-\x{{{run[-1]:x}}}" for run in runs)
    return rf"(?:[{visible}]+(?: [{visible}]+)*)?"


def _made_plain(texts, keep):
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    rows = codes.nrows()
    codes, owners = _plain(codes.values, codes.value_rowids(), keep)
    codes, owners = _compose(*_without_idle_joiners(codes, owners))
    codes = tf.RaggedTensor.from_value_rowids(codes, owners, rows, validate=False)
    texts = tf.strings.unicode_encode(codes, "UTF-8")
    texts = tf.strings.regex_replace(texts, " {2,}", " ")
    return tf.strings.regex_replace(texts, r"\A | \z", "")


def _plain(codes, owners, keep):
    """Gives each code point its plain form, of none to three.

    Args:
        codes: int32 (n,).
        owners: which text each is of, int64 (n,).
        keep: see `normalize`.
    """
    known, forms = _table(keep)
    places, is_known = Places(known)(codes)
    itself = tf.pad(codes[:, None], [[0, 0], [0, 2]], constant_values=_NONE)
    forms = tf.where(is_known[:, None], tf.gather(forms, places), itself)
    owners = tf.repeat(owners, tf.math.count_nonzero(forms != _NONE, axis=1))
    return tf.boolean_mask(forms, forms != _NONE), owners


def _without_idle_joiners(codes, owners):
    """Leaves out the joiners that follow what nothing is joined to, or nothing."""
    is_joiner = tf.reduce_any(codes[:, None] == _JOINERS, axis=1)
    # Place n is that of what isn't a joiner and is the nth of them; 0 is of no text.
    others = tf.pad(tf.boolean_mask(codes, ~is_joiner), [[1, 0]])
    texts = tf.pad(tf.boolean_mask(owners, ~is_joiner), [[1, 0]], constant_values=-1)
    places = tf.cumsum(tf.cast(~is_joiner, tf.int32))
    before = tf.where(tf.gather(texts, places) == owners, tf.gather(others, places), 0)
    joins_nothing = [(before >= first) & (before <= last) for first, last in _UNJOINED]
    stay = ~(is_joiner & tf.reduce_any(joins_nothing, axis=0))
    return tf.boolean_mask(codes, stay), tf.boolean_mask(owners, stay)


@functools.cache
def _table(keep):
    """Returns the code points that have a plain form, ascending, and these forms."""
    plain = {ord(mark): form for form, marks in _MARKS.items() for mark in marks}
    for code in _DRESSED:
        form = unicodedata.normalize("NFKC", chr(code))
        plain[code] = "".join(plain.get(ord(each), each) for each in form)
    plain = {code: form for code, form in plain.items() if chr(code) not in keep}
    always = dict.fromkeys(_INVISIBLE, "")
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if character.isspace() or unicodedata.category(character) in ("Cc", "Zs"):
            always[code] = " "
            continue
        composed = unicodedata.normalize("NFC", character)
        is_other = composed != character and len(composed) == 1
        if is_other and not unicodedata.name(character).startswith("CJK COMPAT"):
            always[code] = plain.get(ord(composed), composed)
    forms = {**always, **plain}
    codes = sorted(forms)
    table = [[*map(ord, forms[code]), *3 * [_NONE]][:3] for code in codes]
    return np.array(codes, "int32"), np.array(table, "int32")


class Places:
    """Where numbers are in an ascending list, by binary search.

    (`tf.searchsorted` is an operation that TensorFlow Lite doesn't have.)

    Args:
        ascending: int32 or int64 (n,).
    """

    def __init__(self, ascending: np.ndarray):
        self._step = 1 << (len(ascending).bit_length() - 1)
        padding = 2 * self._step - len(ascending)
        # One constant of the graph, however often numbers are looked for.
        self._list = tf.constant(np.pad(ascending, (0, padding), "edge"))
        self._last = len(ascending) - 1

    def __call__(self, numbers: Any) -> Any:
        """Returns the places, int32, and whether the numbers are there, bool."""
        places, step = tf.zeros_like(numbers, tf.int32), self._step
        while step:
            is_right = tf.gather(self._list, places + step) <= numbers
            places = tf.where(is_right, places + step, places)
            step //= 2
        places = tf.minimum(places, self._last)
        return places, tf.gather(self._list, places) == numbers


def _compose(codes, owners):
    """Joins characters with the marks after them, until none can be joined."""
    pairs, composed = _compositions()
    find, composed = Places(pairs), tf.constant(composed)

    def join(_, codes, owners):
        # Place n is that of the pair of the codes n-1 and n.
        before = tf.concat([codes[:1], codes[:-1]], 0)
        keys = _key(tf.cast(before, tf.int64), tf.cast(codes, tf.int64))
        places, is_pair = find(keys)
        found = tf.gather(composed, places)
        found = tf.where(is_pair, found, _syllable(before, codes))
        same = tf.concat([owners[:1] < 0, owners[1:] == owners[:-1]], 0)
        joins = same & (found != _NONE)
        # Of neighbouring pairs, which share a character, the first one is joined.
        joins &= ~tf.concat([joins[:1], joins[:-1]], 0)
        codes = tf.where(tf.roll(joins, -1, 0), tf.roll(found, -1, 0), codes)
        stay = tf.where(~joins)[:, 0]
        return tf.reduce_any(joins), tf.gather(codes, stay), tf.gather(owners, stay)

    several = tf.TensorShape([None])
    _, codes, owners = tf.while_loop(
        lambda again, *_: again,
        join,
        (tf.reduce_any(codes >= _FIRST_MARK), codes, owners),
        shape_invariants=(tf.TensorShape([]), several, several),
    )
    return codes, owners


def _key(before, code):
    return before * (sys.maxunicode + 1) + code


@functools.cache
def _compositions():
    """Returns pairs' keys, ascending, and what they are composed to.

    They are those of Unicode, and those of a composed character and a mark that comes
    before its own in Unicode's order: â and a dot below are ậ.
    """
    found = {}
    for code in range(sys.maxunicode + 1):
        parts = unicodedata.normalize("NFD", chr(code))
        is_syllable = 0 <= code - _SYLLABLES < 19 * 21 * 28
        if len(parts) == 1 or is_syllable:
            continue
        for place in range(1, len(parts)):
            rest = unicodedata.normalize("NFC", parts[:place] + parts[place + 1 :])
            together = unicodedata.normalize("NFC", rest + parts[place])
            if len(rest) == 1 and together == chr(code):
                found[_key(ord(rest), ord(parts[place]))] = code
    keys = sorted(found)
    return np.array(keys, "int64"), np.array([found[key] for key in keys], "int32")


def _syllable(before, code):
    """Returns the Hangul syllable of two parts, `_NONE` where they are none."""
    initial, vowel = before - _INITIALS, code - _VOWELS
    opens = (initial >= 0) & (initial < 19) & (vowel >= 0) & (vowel < 21)
    syllable, final = before - _SYLLABLES, code - _FINALS
    closes = (syllable >= 0) & (syllable < 19 * 21 * 28) & (syllable % 28 == 0)
    closes &= (final > 0) & (final < 28)
    opened = _SYLLABLES + (initial * 21 + vowel) * 28
    return tf.where(opens, opened, tf.where(closes, before + final, _NONE))
