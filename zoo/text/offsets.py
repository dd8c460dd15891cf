r"""Sentences to tokens that know where in the sentence they stand.

RE2, which matches in the graph, takes hundreds of instructions for a class such as
`\p{L}`, and a pattern of many would be matched slowly. So a text's *shape* is drawn
first: an ASCII string with one byte for each of its characters. Tokens are found in
the shape, where lengths in bytes are lengths in characters.
"""

import keras
import tensorflow as tf

from zoo.text.normalization import check_normalization
from zoo.text.tokenizers import Tokenizer, valid_utf8

# Bytes of a shape that no text's shape has by itself: `_SHAPES` blanks them first.
_JOINER, _MODIFIER, _SYMBOL = "\x01", "\x02", "\x03"
_BREAK, _CUT = "\x1e", "\x1f"

# What a character looks like in a shape. Each line takes what those above it left;
# `[^\x00-\x7f\P{L}]` is a letter outside of ASCII. ASCII's visible characters stay.
_SHAPES = [
    (r"[\x00-\x1f\x7f]", " "),
    (r"[\x{2019}\x{5f3}\x{5f4}]", "'"),
    (r"[\x{2010}-\x{2013}]", "-"),
    (r"\x{b7}", "_"),  # Catalan "col·legi"
    (r"[\x{ad}\x{200c}\x{200d}]", _JOINER),
    (r"[\x{20e3}\x{fe00}-\x{fe0f}\x{1f3fb}-\x{1f3ff}\x{e0020}-\x{e007f}]", _MODIFIER),
    (r"[^\x00-\x7f\P{Lu}]", "X"),
    (r"[^\x00-\x7f\P{L}]|[^\x00-\x7f\P{M}]", "x"),
    (r"[^\x00-\x7f\P{N}]", "0"),
    (r"[^\x00-\x7f\P{Z}]|[^\x00-\x7f\P{C}]", " "),
    (r"[^\x00-\x7f]", _SYMBOL),
]
# In texts as they are pasted these come first: what can't be seen and may stand in a
# word (zero-width spaces, byte order marks, marks of direction), and apostrophes.
_PLAIN_SHAPES = [
    (r"[\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}]", "\xad"),
    (r"[\x{2018}\x{201b}\x{2032}\x{2bc}\x{b4}\x{91}\x{92}`]", "'"),
    *_SHAPES,
]

_INNER = rf"[a-zA-Z0-9{_MODIFIER}]"
# Letters and digits; "," and ":" between digits only.
_RUN = rf"(?:[0-9]+(?:[,:][0-9]+)*{_INNER}*|[a-zA-Z]{_INNER}*)"
# How many more runs an address has before its "@". Without an end, all of "a.b-a.b-…"
# would be searched for an "@" at each "a.b", in time that grows with its square.
_PARTS = 8
_VISIBLE = rf"[!-~{_MODIFIER}{_SYMBOL}]{_MODIFIER}*"
# What joins the parts of a word, as it is and in texts as they are pasted.
_JOIN = rf"['._{_JOINER}-]"
_PLAIN_JOIN = rf"(?:{_JOINER}*['._-]{_JOINER}*|{_JOINER}+)"


def _token(join):
    """Returns the pattern of a token, without groups, which RE2 finds slowly."""
    joined = rf"{join}{_RUN}"
    # The first of these that fits is taken, read from left to right.
    tokens = [
        r'(?:[a-zA-Z]{2,}://|www\.)[^ <>"]*[a-zA-Z0-9/=_-]',  # http://bit.ly/bgCyZ0
        rf"{_RUN}(?:{joined}){{0,{_PARTS}}}@{_RUN}(?:{joined})*",  # sales@hotel.com
        r"[@#][a-zA-Z0-9_]+",  # @paulwalk #photography
        r"&#?[a-zA-Z0-9]+;",  # &amp;
        r"[:;=]-?(?:[()]|[DPO]\b)",  # :) ;-) =D
        r"'(?:(?i:s|t|d|m|re|ve|ll)|[0-9][0-9])\b",  # 's morgens, in '98
        r"[a-zA-Z](?:\.[a-zA-Z])+\b\.?",  # U.S. a.k.a
        r"(?:St|Dr|Mr|Mrs|Ms|Prof|vs)\.",
        rf"{_RUN}(?:{joined})+",  # Jean-Luc O'Neill l'été 3.14 2010-11-05
        r"[A-Z]\.",  # J. Smith
        _RUN,
        r"\.+|-+|'+|`+|\*+|=+|!+|\?+",  # ... -- '' !!!
        rf"{_VISIBLE}(?:{_JOINER}{_VISIBLE})*",  # any other mark, symbol or emoji
    ]
    return "|".join(tokens)


@keras.saving.register_keras_serializable(package="zoo")
class TokenizerWithOffsets(Tokenizer):
    """Splits sentences into words and marks, and tells where each one stands.

    Tokens are those of the corpora that taggers learn from (CoNLL-2002, WikiANN,
    WNUT-17), by rules that hold in any language that puts spaces between words:

    - white space and control characters separate tokens and are in none;
    - a word is letters, marks and digits, with single apostrophes, hyphens, dots
      and underscores inside: "Jean-Luc", "O'Neill", "Boo.com", "3.14", "6–2";
    - "," and ":" belong to a number that has digits on both sides: "1,000", "7:30";
    - a dot ends an initial ("J."), a dotted abbreviation ("U.S.") and a few titles
      ("Dr."); any other is a token of its own;
    - an address, @mention, #hashtag, HTML entity or smiley is one token, and so is
      a mark that is repeated: "...", "--", "!!!";
    - each other mark or symbol is a token of its own, an emoji with its modifiers.

    No language's contractions are split: "don't", "foto's" and "l'été" are one token
    each. Text without spaces, as in Chinese or Thai, is one token from mark to mark.

    Args:
        possessives: whether `'s` at the end of a word is a token of its own, as
            English corpora have it ("Ann's", "it's") and Dutch ones don't.
        normalization: "plain" for sentences as people type and paste them: what can't
            be seen stands inside words, several times too, and parts none. The tokens
            stay as they are written. Or None.

    Call arguments:
        texts: string, (batch,).

    Returns:
        `(tokens, starts, ends)`, each ragged (batch, tokens): the tokens as they are
        written, string, and the offsets of their first character and of the one
        after their last, int32. Offsets count Unicode code points, as Python does:
        `text[start:end] == token`, where `text` is the sentence's bytes by
        `decode("utf-8", "replace")`, in which bytes that are not UTF-8 are U+FFFD.
    """

    def __init__(self, possessives: bool = False, normalization: str | None = None):
        check_normalization(normalization)
        self.possessives = possessives
        self.normalization = normalization

    def __call__(self, texts: tf.Tensor) -> tuple[tf.RaggedTensor, ...]:
        """Splits `texts` into tokens with offsets."""
        texts = valid_utf8(texts)
        token = _token(_PLAIN_JOIN if self.normalization else _JOIN)
        cut = tf.strings.regex_replace(self._shapes(texts), token, rf"{_CUT}\0{_CUT}")
        if self.possessives:
            cut = tf.strings.regex_replace(cut, _BREAK, "")
        # By turns what lies between tokens, which may be empty, and a token.
        pieces = tf.strings.split(cut, sep=_CUT)
        lengths = tf.strings.length(pieces.flat_values)
        characters = tf.strings.unicode_decode(texts, "UTF-8")
        written = tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_lengths(characters.flat_values, lengths), "UTF-8"
        )
        before = tf.repeat(characters.row_starts(), pieces.row_lengths())
        ends = tf.cumsum(lengths) - tf.cast(before, tf.int32)
        columns = written, ends - lengths, ends
        return tuple(pieces.with_flat_values(column)[:, 1::2] for column in columns)

    def _shapes(self, texts):
        for characters, shape in _PLAIN_SHAPES if self.normalization else _SHAPES:
            texts = tf.strings.regex_replace(texts, characters, shape)
        if self.possessives:
            texts = tf.strings.regex_replace(texts, r"'[sS]\b", rf"{_BREAK}\0")
        return texts
