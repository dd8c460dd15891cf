"""Texts in, texts out: what one does with a model that predicts tokens."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from zoo.models.base import Model
from zoo.models.language_model import generation, scoring, serving
from zoo.models.language_model.spelling import Spelling
from zoo.models.language_model.stepper import Stepper
from zoo.models.text_inputs import Texts, text_batch
from zoo.models.texts import join_characters, join_words
from zoo.text import CharacterTokenizer, Vocabulary, WordTokenizer
from zoo.text.vocabulary import END_ID, START_ID


class Level(NamedTuple):
    """What a text's tokens are.

    Attributes:
        tokenizer: makes the default tokenizer.
        join: makes texts of tokens, see `zoo.models.texts`.
    """

    tokenizer: Callable
    join: Callable


def _words():
    return WordTokenizer(punctuation="keep", markup=False)


LEVELS = {
    "character": Level(CharacterTokenizer, join_characters),
    "word": Level(_words, join_words),
}


class TextModel(Model, keras.Model):
    """Scores texts and goes on with them, token by token.

    A subclass predicts tokens: it has `embedding`, `recurrent`, `softmax` and all else
    that `zoo.models.language_model.stepper.Stepper` takes, and defines
    `predict_tokens` with its `initial_state`, `logits` and `step`.

    Args:
        vocabulary: the tokens.
        level: "character" or "word".
        tokenizer: what splits texts.
        sentences: whether texts end with `<EOS>`.
        name: the model's name.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        level: str,
        tokenizer,
        sentences: bool,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self.vocabulary = vocabulary
        self.vocabularies = {"vocabulary": vocabulary}
        self.level = level
        self.tokenizer = tokenizer
        self.sentences = sentences
        self.spelling = Spelling(vocabulary)
        self._generator = generation.TextGenerator(self)

    def encode(self, texts: Texts) -> tf.RaggedTensor:
        """Turns texts into the ids of their tokens, y.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            int32, ragged (batch, tokens); of sentences with `<EOS>` at the end.
        """
        ids = self.vocabulary.ids(self.tokenizer(text_batch(texts)))
        if not self.sentences:
            return ids
        return tf.concat([ids, tf.fill([ids.nrows(), 1], END_ID)], axis=1)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the texts of tokens, which `<PAD>`, `<SOS>` and `<EOS>` are none of.

        Args:
            ids: int32 (batch, steps).

        Returns:
            string (batch,).
        """
        return LEVELS[self.level].join(self.vocabulary, ids)

    @staticmethod
    def inputs(targets: tf.Tensor) -> tf.Tensor:
        """Returns x of y: `<SOS>`, then what comes before each target.

        Args:
            targets: y, int32 (batch, steps).

        Returns:
            int32 (batch, steps).
        """
        start = tf.fill([tf.shape(targets)[0], 1], START_ID)
        return tf.concat([start, targets], axis=1)[:, :-1]

    def start(self, prompts: Texts):
        """Reads prompts, for `step` to go on from.

        Args:
            prompts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one. An empty one is a text that has yet to begin.
                What the vocabulary doesn't know is `<UNK>`.

        Returns:
            What `step` returns: logits of the first token after the prompt, float32
            (batch, V), and the state.
        """
        step = Stepper(self)
        prompts = text_batch(prompts, "prompts")
        ids = generation.prompt_ids(self, prompts)
        return step(*generation.read(self, step, ids))

    def generate(
        self,
        prompts: Texts,
        length: int | Sequence[int] = 200,
        *,
        temperature: float | Sequence[float] = 1.0,
        top_k: int | Sequence[int] = 0,
        top_p: float | Sequence[float] = 1.0,
        repetition_penalty: float | Sequence[float] = 1.0,
        stop: str | Sequence[str] = (),
        seed: int | Sequence[int] | None = None,
        jit_compile: bool = False,
    ) -> tf.Tensor:
        """Goes on with prompts; what a token may be, `zoo.decoding.filters` tells.

        `<UNK>` is drawn again, so are `<PAD>` and `<SOS>`. A sentence ends with
        `<EOS>`. Repeated prompts are gone on with in several ways. Each number may be
        one for all rows, or a list of one for each.

        Args:
            prompts: one string or several, (batch,): see `start`.
            length: the most tokens to draw.
            temperature: 0 takes the most probable token.
            top_k: how many tokens may be drawn, 0 for all.
            top_p: how much probability those that may be drawn have, in (0, 1].
            repetition_penalty: 1 for none.
            stop: a text or several, after the first of which a row ends.
            seed: the same seed, the same texts; None for a new one at each call. Of a
                seed for each row, a row's text is what it would be alone.
            jit_compile: whether XLA compiles the loop: after some seconds for each
                batch size it is up to twice as fast, for few rows.

        Returns:
            string (batch,), without the prompts.

        Raises:
            ValueError: a number is out of its range.
        """
        filters = _filters(temperature, top_k, top_p, repetition_penalty)
        prompts, stop = text_batch(prompts, "prompts"), _several(stop)
        return self._generator(prompts, length, seed, stop, jit_compile, **filters)

    def stream(
        self,
        prompts: Texts,
        length: int | Sequence[int] = 200,
        *,
        seed: int | Sequence[int] | None = None,
        stop: str | Sequence[str] = (),
        piece: int = 16,
        jit_compile: bool = False,
        **filters,
    ) -> Iterator:
        """Yields what `generate` returns in pieces, string (batch,), as it is drawn.

        Each call makes a graph of its own, which takes a moment, and under XLA seconds.

        Args:
            prompts: as in `generate`, as are those not named here.
            length: see there.
            seed: see there.
            stop: see there.
            piece: how many tokens a piece has.
            jit_compile: see there.
            **filters: `temperature`, `top_k`, `top_p`, `repetition_penalty`.

        Raises:
            ValueError: a number is out of its range.
        """
        prompts, stop = text_batch(prompts, "prompts"), _several(stop)
        return generation.stream(
            self, prompts, length, seed, piece, stop, jit_compile, **_filters(**filters)
        )

    def score(self, texts: Texts) -> dict[str, tf.Tensor]:
        """Says how probable texts are, each from its beginning, `<SOS>`.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            `log_probability`: float32 (batch,), log P in nats, of sentences with
            their `<EOS>`; `perplexity`: float32 (batch,), exp(-log P / tokens), 1 of
            no tokens; `bits_per_character`: float32 (batch,), -log2 P / characters of
            the text (code points; `<EOS>` is none), 0 without any; `tokens`: string
            (batch, n), padded with ""; their `log_probabilities`: float32 (batch, n),
            0 at padding; `unknown`: bool (batch, n), which ones are `<UNK>`;
            `lengths`: int32 (batch,), how many tokens there are.

            A token that is unknown costs what `<UNK>` costs, and what its spelling
            costs: see `zoo.models.language_model.spelling`. In `perplexity` alone
            `<UNK>` is a token like another, as in published perplexities, and in all
            that `evaluate` has.
        """
        return scoring.score(self, text_batch(texts))

    def rank(self, texts: Texts) -> tf.Tensor:
        """Orders texts by their whole log P, the most probable first.

        It is not divided by the length: of two texts the shorter one has it easier.
        What is unknown is as improbable as its spelling makes it: see `score`.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            int32 (batch,): places in `texts`; of equal ones those that come first.
        """
        logs = self.score(texts)["log_probability"]
        return tf.argsort(logs, direction="DESCENDING", stable=True)

    def signatures(self) -> dict:
        """Returns the SavedModel's functions.

        `zoo.models.language_model.serving` lists them.
        """
        return serving.signatures(self)


def _several(stop):
    """Returns texts to stop at, of one or several."""
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _filters(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0):
    """Returns what filters are on, by their names."""
    filters = {
        "top_k": (top_k, 0),
        "top_p": (top_p, 1),
        "repetition_penalty": (repetition_penalty, 1),
    }
    found = {
        name: value
        for name, (value, off) in filters.items()
        if np.any(np.not_equal(value, off))
    }
    return {"temperature": temperature, **found}
