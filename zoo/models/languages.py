"""The two sides of a translation: a language's texts to ids, and back."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from zoo.models.text_joining import space_words
from zoo.text import CharacterTokenizer, Subwords, Vocabulary, WordTokenizer
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID, UNKNOWN_ID


class Level(NamedTuple):
    """What a text's tokens are.

    Attributes:
        tokenizer: makes the default tokenizer; None if the vocabulary splits texts.
        join: makes texts, string (batch,), of ragged tokens; None as well.
        vocabulary: the class of the vocabulary.
    """

    tokenizer: Callable | None
    join: Callable | None
    vocabulary: type[Vocabulary] = Vocabulary


def _words():
    return WordTokenizer(lowercase=False, punctuation="keep", markup=False)


def _join_characters(tokens):
    return tf.strings.reduce_join(tokens, axis=1)


LEVELS = {
    "character": Level(CharacterTokenizer, _join_characters),
    "word": Level(_words, space_words),
    "subword": Level(None, None, Subwords),
}


class Language:
    """A language's texts as ids.

    Args:
        vocabulary: of `level`'s class.
        level: "character", "word" or "subword": what texts' tokens are, how texts are
            made of them, and the default tokenizer.
        tokenizer: of `zoo.text`, which doesn't add `<SOS>` and `<EOS>` by itself; None
            for subwords.
    """

    def __init__(self, vocabulary: Vocabulary, level: str, tokenizer=None):
        self.vocabulary = vocabulary
        self._level = LEVELS[level]
        if isinstance(tokenizer, dict):
            tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        if self._level.tokenizer is not None:
            tokenizer = tokenizer or self._level.tokenizer()
        elif tokenizer is not None:
            raise ValueError(
                f"Subwords split texts themselves, found a tokenizer too, {tokenizer}. "
                "Leave it out, or take level='word'."
            )
        self.tokenizer = tokenizer

    @property
    def knows_all(self) -> bool:
        """Whether every text has tokens in the vocabulary, so that none is `<UNK>`."""
        return self.tokenizer is None

    def get_config(self):
        """Returns what the constructor takes as `tokenizer`, fit for JSON."""
        if self.tokenizer is None:
            return None
        return keras.saving.serialize_keras_object(self.tokenizer)

    def tokens(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the tokens of texts, as they are written: string, ragged."""
        if self.tokenizer is None:
            return self.vocabulary.tokenize(texts)
        return self.tokenizer(texts)

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of texts' tokens: int32, ragged (batch, tokens)."""
        if self.tokenizer is None:
            return self.vocabulary.encode(texts)
        return self.vocabulary.ids(self.tokenizer(texts))

    def decode(self, ids: tf.Tensor, instead: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the texts of ids, of which `<PAD>`, `<SOS>`, `<EOS>` are nothing.

        Args:
            ids: int32 (batch, steps).
            instead: string (batch, steps): what to write where the token is
                `<UNK>`.

        Returns:
            string (batch,).
        """
        if self.tokenizer is None:
            return self.vocabulary.decode(ids)
        return self._level.join(self.written(ids, instead))

    def written(self, ids, instead=None) -> tf.RaggedTensor:
        """Returns the tokens of ids, string, ragged; see `decode`."""
        tokens = self.vocabulary.lookup(ids)
        if instead is not None:
            tokens = tf.where(ids == UNKNOWN_ID, instead, tokens)
        nothing = (ids == PADDING_ID) | (ids == START_ID) | (ids == END_ID)
        return tf.ragged.boolean_mask(tokens, ~nothing)
