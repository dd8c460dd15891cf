"""Words as a tagger sees them: by their ids, and by their characters."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo import kernels
from zoo.layers import BY_CELL, Bidirectional
from zoo.models.bucketing import in_buckets
from zoo.text import Vocabulary
from zoo.text.lowercase import lower
from zoo.text.vocabulary import PADDING_ID, SPECIAL, UNKNOWN_ID
from zoo.typing import Tensor

# How many characters, padding included, are read at a time where nothing is trained.
_CHARACTERS = 2**16

CHARACTER_FEATURES = ("rnn", "cnn", "none")


def lowercase(tokens: tf.Tensor) -> tf.Tensor:
    """Returns words in lower case, string in, string out, of the same shape."""
    return lower(tokens)


@keras.saving.register_keras_serializable(package="zoo")
class WordIds(keras.layers.Layer):
    """Words' ids, as they are written and in lower case.

    In training, words are taken for unknown at random, in both views at once, so
    that `<UNK>` is learned, and what can be told without knowing the word.

    Args:
        words: the vocabulary of words as they are written.
        lowercase_words: the vocabulary of words in lower case.
        dropout: rate in [0, 1) of the words taken for unknown.
        seed: of the draws.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: string (batch, steps), "" where there is none.
        training: whether words are dropped.

    Returns:
        Two int32 (batch, steps): the words' ids in each vocabulary, 0 for "", and that
        of `<UNK>` for `<PAD>`, which is a word as any other.
    """

    def __init__(
        self,
        words: Vocabulary,
        lowercase_words: Vocabulary,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.words = words
        self.lowercase_words = lowercase_words
        self.dropout = dropout
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, tokens: Tensor, training: bool | None = False) -> Any:
        """Returns the ids."""
        unknown = tf.zeros_like(tokens, tf.bool)
        if training and self.dropout:
            # In float32: half precision has too few numbers to draw from.
            draws = keras.random.uniform(
                ops.shape(tokens), dtype="float32", seed=self.seed_generator
            )
            unknown = draws < self.dropout
        padding = tf.equal(tokens, "")

        def view(vocabulary, written):
            ids = vocabulary.ids(written)
            # A word that is spelled as a special token is one that nothing is known of.
            is_special = ids < len(SPECIAL)
            ids = tf.where(unknown | is_special, UNKNOWN_ID, ids)
            return tf.where(padding, PADDING_ID, ids)

        return view(self.words, tokens), view(self.lowercase_words, lowercase(tokens))

    def compute_output_spec(self, tokens: Tensor, training: bool | None = False) -> Any:
        """Returns what a call gives, without the tables."""
        # Two of them: Keras tells a layer's outputs apart by their identity.
        return tuple(keras.KerasTensor(tokens.shape, "int32") for _ in range(2))


@keras.saving.register_keras_serializable(package="zoo")
class CharacterFeatures(keras.layers.Layer):
    """What a word's characters tell: its affixes, its shape, its capitals.

    ```
    e<t> = E character<t>
    v    = [a→<T>, a←<1>]          kind "rnn" (Ling et al. 2015; Lample et al. 2016)
    v    = max_t tanh(W e<t-1..t+1> + b)         kind "cnn" (Ma & Hovy 2016)
    ```

    It is computed once for each distinct word of a batch, not once a token. Of a
    word longer than `max_characters` the first and the last ones are read.

    Args:
        characters: the vocabulary.
        kind: "rnn" or "cnn".
        embedding_units: size of a character's vector.
        units: size of v; of an RNN, in each direction.
        cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
        dropout: rate in [0, 1) after the embedding.
        max_characters: how many characters of a word are read, two at least.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: string (batch, steps).
        training: whether dropout is applied.

    Returns:
        v of each token, (batch, steps, units), or 2·units of an RNN.
    """

    def __init__(
        self,
        characters: Vocabulary,
        kind: str = "rnn",
        embedding_units: int = 25,
        units: int = 25,
        cell: str = "lstm",
        dropout: float = 0.0,
        max_characters: int = 32,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.characters = characters
        self.kind = kind
        self.max_characters = max_characters
        self.embedding = keras.layers.Embedding(
            len(characters), embedding_units, mask_zero=True, name="embedding"
        )
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        if kind == "rnn":
            layer = BY_CELL[cell](units, name=cell)
            self.reader = Bidirectional(layer, name="reader")
        else:
            self.reader = keras.layers.Conv1D(
                units, 3, padding="same", activation="tanh", name="reader"
            )
        self.size = 2 * units if kind == "rnn" else units

    def build(self, tokens_shape: Any) -> None:
        """Creates the weights."""
        self.embedding.build((None, None))
        self.reader.build((None, None, self.embedding.output_dim))

    def call(self, tokens: Tensor, training: bool | None = False) -> Any:
        """Returns each token's features."""
        distinct, places = tf.unique(tf.reshape(tokens, [-1]))
        ids = self._ids(distinct)
        if training:
            features = self._features(ids, training)
        else:
            features = in_buckets(
                lambda words: self._features(tf.gather(ids, words), training),
                ids.row_lengths(),
                tf.TensorSpec([None, self.size], self.compute_dtype),
                steps=_CHARACTERS,
            )
        features = tf.gather(features, places)
        return ops.reshape(features, (*ops.shape(tokens), self.size))

    def _features(self, ids, training):
        """Returns the features of words, (words, size), of their characters' ids."""
        ids = ids.to_tensor(PADDING_ID)
        # One row and column at least.
        missing = [tf.maximum(1 - size, 0) for size in tf.unstack(tf.shape(ids))]
        ids = tf.pad(ids, [[0, size] for size in missing])
        mask = ops.not_equal(ids, PADDING_ID)
        x = self.dropout(self.embedding(ids), training=training)
        if self.kind == "rnn":
            # Words are short and their number is another in each batch: the kernels
            # would be compiled anew again and again, and gain nothing (measured by
            # tests.benchmarks.ner_step).
            with kernels.portable():
                features = self.reader(x, mask=mask, training=training)
        else:
            mask = mask[..., None]
            features = self.reader(ops.where(mask, x, 0))
            features = ops.max(ops.where(mask, features, -1), axis=1)
        return features[: tf.shape(features)[0] - missing[0]]

    def _ids(self, words):
        """Returns the ids of words' characters, int32 ragged (words, characters)."""
        ids = self.characters.ids(tf.strings.unicode_split(words, "UTF-8"))
        head = self.max_characters // 2
        tail = self.max_characters - head
        return tf.concat([ids[:, :head], ids[:, head:][:, -tail:]], axis=1)

    def compute_output_spec(self, tokens: Tensor, training: bool | None = False) -> Any:
        """Returns what a call gives, without the tables."""
        return keras.KerasTensor((*tokens.shape, self.size), self.compute_dtype)
