"""Texts of their tokens: the way back from a tokenizer."""

import tensorflow as tf

from zoo.text import Vocabulary
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID

# Between words there is a space, but for these marks' side of it.
_NO_SPACE_BEFORE = r" ([,.;:!?…%\)\]\}])"
_NO_SPACE_AFTER = r"([\(\[\{]) "


def join_characters(vocabulary: Vocabulary, ids: tf.Tensor) -> tf.Tensor:
    """Returns the texts of characters.

    Args:
        vocabulary: theirs.
        ids: int32 (batch, steps); `<PAD>`, `<SOS>` and `<EOS>` are nothing.

    Returns:
        string (batch,).
    """
    tokens = tf.where(_is_token(ids), vocabulary.lookup(ids), "")
    return tf.strings.reduce_join(tokens, axis=1)


def join_words(vocabulary: Vocabulary, ids: tf.Tensor) -> tf.Tensor:
    """Returns the texts of words, as `join_characters`.

    Which side of a quotation mark or a dash has a space is more than a mark can tell:
    both have.
    """
    return space_words(tf.ragged.boolean_mask(vocabulary.lookup(ids), _is_token(ids)))


def space_words(words: tf.RaggedTensor) -> tf.Tensor:
    """Returns the texts, string (batch,), of words, string, ragged (batch, words)."""
    texts = tf.strings.reduce_join(words, axis=1, separator=" ")
    texts = tf.strings.regex_replace(texts, _NO_SPACE_BEFORE, r"\1")
    return tf.strings.regex_replace(texts, _NO_SPACE_AFTER, r"\1")


def _is_token(ids):
    return (ids != PADDING_ID) & (ids != START_ID) & (ids != END_ID)
