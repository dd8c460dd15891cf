"""Texts to ids, and ids to texts: what tokens are, and how they are joined."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from zoo.kernels.tracing import graph
from zoo.models.construction import given_tokenizer
from zoo.models.spelling import Spelling
from zoo.text import CharacterTokenizer, Subwords, Vocabulary, WordTokenizer
from zoo.text.casing import CaseRestorer, check_casing
from zoo.text.normalization import check_normalization, marks_in, normalize
from zoo.text.tokenizers import valid_utf8, without_markup
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID, UNKNOWN_ID
from zoo.typing import Tensor

# Between words there is a space, but for these marks' side of it.
_NO_SPACE_BEFORE = r" ([,.;:!?…%\)\]\}])"
_NO_SPACE_AFTER = r"([\(\[\{]) "


def join_characters(characters: tf.RaggedTensor) -> tf.Tensor:
    """Returns the texts, string (batch,), of characters, string, ragged (batch, n)."""
    return tf.strings.reduce_join(characters, axis=1)


def join_words(words: tf.RaggedTensor) -> tf.Tensor:
    """Returns the texts, string (batch,), of words, string, ragged (batch, n).

    Which side of a quotation mark or a dash has a space is more than a mark can tell:
    both have.
    """
    texts = tf.strings.reduce_join(words, axis=1, separator=" ")
    texts = tf.strings.regex_replace(texts, _NO_SPACE_BEFORE, r"\1")
    return tf.strings.regex_replace(texts, _NO_SPACE_AFTER, r"\1")


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


LEVELS = {
    "character": Level(CharacterTokenizer, join_characters),
    "word": Level(_words, join_words),
    "subword": Level(None, None, Subwords),
}


def _one_graph(method):
    """Makes what a method does of texts one graph for all graphs that it is called in.

    So a SavedModel has it once, however many of its functions read texts.
    """
    name = method.__name__

    @functools.wraps(method)
    def call(self, texts):
        if tf.executing_eagerly():
            return method(self, texts)
        if name not in self._graphs:
            signature = [tf.TensorSpec([None], tf.string)]
            self._graphs[name] = graph(functools.partial(method, self), signature)
        return self._graphs[name](texts)

    return call


class Language:
    """A language's texts as ids, and back.

    Args:
        vocabulary: of `level`'s class.
        level: "character", "word" or "subword": what texts' tokens are, how texts are
            made of them, and the default tokenizer.
        tokenizer: of `zoo.text`, which doesn't add `<SOS>` and `<EOS>` by itself, or
            its config; None for subwords.
        normalization: "plain" for texts as people type and paste them, made plain
            (`zoo.text.normalize`) before they are split, or None.
        keep: which marks of typography stay as they are; by default those that the
            vocabulary has, so that it can write them.
        casing: "restore" for texts that are all in upper or all in lower case, put
            into the case that the vocabulary knows (`zoo.text.casing`), or None.
        markup: whether HTML tags such as `<br />` stay part of the text; else each is
            a space.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        level: str,
        tokenizer: Any = None,
        *,
        normalization: str | None = None,
        keep: str | None = None,
        casing: str | None = None,
        markup: bool = True,
    ):
        check_normalization(normalization)
        check_casing(casing)
        if casing and level == "character":
            raise ValueError(
                f"casing={casing!r} is about words, and level='character' knows none. "
                "Leave it out, or take another level."
            )
        self.vocabulary = vocabulary
        self._markup = markup
        self._normalization = normalization
        self._keep = marks_in(vocabulary.tokens) if keep is None else keep
        self._restore = CaseRestorer(vocabulary) if casing else None
        self._level = LEVELS[level]
        if self._level.tokenizer is not None:
            tokenizer = given_tokenizer(tokenizer, self._level.tokenizer)
        elif tokenizer is not None:
            raise ValueError(
                f"Subwords split texts themselves, found a tokenizer too, {tokenizer}. "
                "Leave it out, or take level='word'."
            )
        self.tokenizer = tokenizer
        self._spelling = Spelling(vocabulary)
        self._graphs: dict[str, Any] = {}

    @property
    def knows_all(self) -> bool:
        """Whether every text has tokens in the vocabulary, so that none is `<UNK>`."""
        return self.tokenizer is None

    def get_config(self) -> dict[str, Any] | None:
        """Returns what the constructor takes as `tokenizer`, fit for JSON."""
        if self.tokenizer is None:
            return None
        return keras.saving.serialize_keras_object(self.tokenizer)

    @_one_graph
    def read(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns texts as they are split: plain, and in the restored case.

        Args:
            texts: string, (batch,).

        Returns:
            string, (batch,); what it was given where neither is asked for.
        """
        if self._normalization or self._restore or not self._markup:
            texts = valid_utf8(texts)
        if not self._markup:
            texts = without_markup(texts)
        if self._normalization:
            texts = normalize(texts, self._keep)
        return self._restore(texts) if self._restore else texts

    @_one_graph
    def tokens_and_ids(
        self, texts: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Returns what `tokens` and `encode` do, having read the texts once."""
        texts = self.read(texts)
        if self.tokenizer is None:
            ids = self.vocabulary.encode(texts)
            return self.vocabulary.lookup(ids), ids
        tokens = self.tokenizer(texts)
        return tokens, self.vocabulary.ids(tokens)

    def tokens(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the tokens of texts, as they are read: string, ragged."""
        return self.tokens_and_ids(texts)[0]

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of texts' tokens: int32, ragged (batch, tokens)."""
        return self.tokens_and_ids(texts)[1]

    def spelled(
        self, tokens: tf.RaggedTensor, ids: tf.RaggedTensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Returns what unknown tokens cost beside `<UNK>`, and which ones these are.

        Args:
            tokens: of `tokens_and_ids`, string, ragged (batch, n).
            ids: of there, int32, ragged (batch, n); each row may go on, with `<EOS>`.

        Returns:
            log P of their spellings in nats, float32, and bool, both ragged like `ids`:
            0 and false where the token is known. See `zoo.models.spelling`.
        """
        if self.knows_all:
            nothing = tf.zeros_like(ids.values, tf.float32)
            return ids.with_values(nothing), ids.with_values(nothing > 0)
        return self._spelling.log_probabilities(tokens, ids)

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
        join: Any = self._level.join  # there, for there is a tokenizer
        return join(self.written(ids, instead))

    def decode_after(self, begins: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        """Returns the texts that tokens go on with after others.

        Args:
            begins: bool (batch,): whether no text is before them, or a space.
            ids: int32 (batch, steps).

        Returns:
            string (batch,); of subwords with the space before them, if they have one.
        """
        texts = self.decode(ids)
        if not self.knows_all:
            return texts
        space = tf.fill([tf.shape(ids)[0], 1], self.vocabulary.space_id)
        spaced = self.decode(tf.concat([space, ids], axis=1))
        return tf.where(begins, texts, spaced)

    def written(self, ids: Tensor, instead: str | None = None) -> tf.RaggedTensor:
        """Returns the tokens of ids, string, ragged; see `decode`."""
        tokens = self.vocabulary.lookup(ids)
        if instead is not None:
            tokens = tf.where(ids == UNKNOWN_ID, instead, tokens)
        nothing = (ids == PADDING_ID) | (ids == START_ID) | (ids == END_ID)
        return tf.ragged.boolean_mask(tokens, ~nothing)
