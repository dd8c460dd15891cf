"""Tokens in the form in which a tagger's vocabularies know them."""

from typing import Any

import keras
import tensorflow as tf

from zoo.models.tagger.token_features import lowercase
from zoo.text import Vocabulary
from zoo.text.casing import capitalized, capitalizes, forms, in_one_case
from zoo.text.normalization import marks_in, normalize
from zoo.text.tokenizers import valid_utf8
from zoo.text.vocabulary import UNKNOWN_ID
from zoo.typing import Tensor


def plain(tokens: tf.Tensor, keep: str = "") -> tf.Tensor:
    """Returns tokens in plain form, but those that would have no character left.

    Args:
        tokens: string, any shape.
        keep: of `zoo.text.normalize`.

    Returns:
        string, the same shape.
    """
    normalized = normalize(valid_utf8(tokens), keep)
    return tf.where(normalized == "", tokens, normalized)


@keras.saving.register_keras_serializable(package="zoo")
class TokenForms(keras.layers.Layer):
    """Gives each token that is unknown as it is written a form that is known.

    - With a normalization, it is the plain form (`zoo.text.normalize`) if a vocabulary
      of words has that; else that form but for the marks that `characters` has.
    - With casing, of a sentence that is all in upper or all in lower case, it is the
      most frequent one of a word's `zoo.text.casing.forms`. A word that is unknown in
      all of them is what rare words are, capitalized or in lower case. A sentence
      begins with a capital.

    What is left without a character is what is written: "" is padding.

    Args:
        words: the vocabulary of words as they are written.
        lowercase_words: the vocabulary of words in lower case.
        characters: that of words' characters.
        normalization: "plain", or None.
        casing: "restore", or None.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: string (batch, steps), "" where there is none.

    Returns:
        string (batch, steps).
    """

    def __init__(
        self,
        words: Vocabulary,
        lowercase_words: Vocabulary,
        characters: Vocabulary,
        normalization: str | None = None,
        casing: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.words = words
        self.lowercase_words = lowercase_words
        self.normalization = normalization
        self.casing = casing
        self._unknown_form = 2 if capitalizes(words.ordinary_tokens) else 0
        self._keep = marks_in(characters.ordinary_tokens)

    def call(self, tokens: Tensor) -> Any:
        """Returns the tokens in their forms."""
        if self.normalization:
            tokens = self._plain(tokens)
        return self._cased(tokens) if self.casing else tokens

    def _plain(self, tokens):
        form = plain(tokens)
        if self._keep:
            known = self._known(form)
            known |= self.lowercase_words.ids(lowercase(form)) != UNKNOWN_ID
            form = tf.where(known, form, plain(tokens, self._keep))
        return tf.where(self._known(tokens), tokens, form)

    def _known(self, tokens):
        return self.words.ids(tokens) != UNKNOWN_ID

    def _cased(self, tokens):
        sentences = tf.strings.reduce_join(tokens, axis=1, separator=" ")
        all_lower, all_upper = in_one_case(sentences)
        one_case = all_lower | all_upper
        return tf.cond(
            tf.reduce_any(one_case),
            lambda: tf.where(one_case[:, None], self._restored(tokens), tokens),
            lambda: tf.identity(tokens),
        )

    def _restored(self, tokens):
        each = forms(tf.reshape(tokens, [-1]))
        ids = self.words.ids(each)
        ranks = tf.where(ids == UNKNOWN_ID, len(self.words), ids)
        is_known = tf.reduce_any(ids != UNKNOWN_ID, axis=1)
        form = tf.argmin(ranks, axis=1, output_type=tf.int32)
        form = tf.where(is_known, form, self._unknown_form)
        best = tf.gather(each, form, batch_dims=1)
        best = tf.reshape(best, tf.shape(tokens))
        return tf.concat([capitalized(best[:, :1]), best[:, 1:]], axis=1)

    def compute_output_spec(self, tokens: Tensor) -> Any:
        """Returns what a call gives, without the tables."""
        return keras.KerasTensor(tokens.shape, "string")
