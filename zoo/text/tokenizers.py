"""Words and characters of a text."""

from typing import Any

import keras
import tensorflow as tf

from zoo.text.lowercase import lower
from zoo.text.normalization import check_normalization, normalize
from zoo.text.vocabulary import END, START

# A word: letters, marks and digits, with apostrophes and joiners inside it.
_LETTERS = r"[\p{L}\p{M}\p{N}]"
_WORD = rf"[\p{{L}}\p{{N}}]{_LETTERS}*(?:['\x{{2019}}\x{{200c}}\x{{200d}}]{_LETTERS}+)*"
# What can't be seen by itself. All else is part of a word, or punctuation, a symbol or
# an emoji.
_UNSEEN = r"\s\p{Z}\p{C}\p{M}"
# Tokens; and, once there is a space around each, what lies between them, with which no
# token begins. Neither has a group, which would take RE2 several times as long.
_PATTERNS = {
    "drop": (_WORD, r"(?:\A| )[^\p{L}\p{N}]+"),
    "keep": (rf"{_WORD}|[^{_UNSEEN}]", rf"(?:\A| )[{_UNSEEN}]+"),
}
_MARKUP = r"<[/!]?[A-Za-z][^<>]*>"


class Tokenizer:
    """What tokenizers share: a config, which is their constructor's arguments."""

    normalization: str | None = None

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Makes a tokenizer from what `get_config` returned."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="zoo")
class WordTokenizer(Tokenizer):
    """Splits texts into words.

    A word is a run of letters, marks and digits of any script, with apostrophes
    inside it ("don't", "l'été"). Bytes that are not UTF-8 become U+FFFD.

    Args:
        lowercase: whether letters are lower-cased.
        punctuation: `"drop"`, or `"keep"` for each mark, symbol or emoji as a
            token of its own.
        markup: whether HTML tags such as `<br />` stay part of the text.
        start: whether each text begins with `<SOS>`.
        end: whether each text ends with `<EOS>`.
        normalization: "plain" for texts as people type and paste them, made plain
            before they are split (`zoo.text.normalize`), or None.

    Call arguments:
        texts: string, (batch,).

    Returns:
        string, ragged (batch, tokens).

    Raises:
        ValueError: `punctuation` is neither "drop" nor "keep", or there is no such
            normalization.
    """

    def __init__(
        self,
        lowercase: bool = True,
        punctuation: str = "drop",
        markup: bool = True,
        start: bool = False,
        end: bool = False,
        normalization: str | None = None,
    ):
        check_normalization(normalization)
        if punctuation not in _PATTERNS:
            raise ValueError(
                f"punctuation must be 'drop' or 'keep', found {punctuation!r}."
            )
        self.lowercase = lowercase
        self.punctuation = punctuation
        self.markup = markup
        self.start = start
        self.end = end
        self.normalization = normalization

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Splits `texts` into words."""
        texts = valid_utf8(texts)
        if self.normalization:
            texts = normalize(texts)
        if not self.markup:
            texts = without_markup(texts)
        if self.lowercase:
            # `lower` takes a NUL for the end of a text.
            texts = tf.strings.regex_replace(texts, "\x00", " ")
            texts = lower(texts)
        token, between = _PATTERNS[self.punctuation]
        spaced = tf.strings.regex_replace(texts, token, r" \0 ")
        spaced = tf.strings.regex_replace(spaced, between, " ")
        return _bracket(tf.strings.split(spaced), self.start, self.end)


@keras.saving.register_keras_serializable(package="zoo")
class CharacterTokenizer(Tokenizer):
    """Splits texts into characters: Unicode code points, spaces and all.

    Bytes that are not UTF-8 become U+FFFD.

    Args:
        start: whether each text begins with `<SOS>`.
        end: whether each text ends with `<EOS>`.

    Call arguments:
        texts: string, (batch,).

    Returns:
        string, ragged (batch, tokens).
    """

    def __init__(self, start: bool = False, end: bool = False):
        self.start = start
        self.end = end

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Splits `texts` into characters."""
        characters = tf.strings.unicode_split(valid_utf8(texts), "UTF-8")
        return _bracket(characters, self.start, self.end)


def without_markup(texts: tf.Tensor) -> tf.Tensor:
    """Returns texts, string of any shape, with a space for each HTML tag in them."""
    return tf.strings.regex_replace(texts, _MARKUP, " ")


def valid_utf8(texts: tf.Tensor) -> tf.Tensor:
    """Replaces bytes that are not UTF-8, as Python's `decode("utf-8", "replace")`."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")


def without_invalid_utf8(texts: tf.Tensor) -> tf.Tensor:
    """Leaves out bytes that are not UTF-8, as Python's `decode("utf-8", "ignore")`."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")


def _bracket(tokens, start, end):
    """Puts `<SOS>` before and `<EOS>` after each row, as asked for."""
    rows = tokens.nrows()
    parts = [tokens]
    if start:
        parts.insert(0, tf.fill([rows, 1], START))
    if end:
        parts.append(tf.fill([rows, 1], END))
    return tf.concat(parts, axis=1) if len(parts) > 1 else tokens
