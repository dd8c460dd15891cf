"""Many-to-many, T_x = T_y: a sentence in, one tag for each of its words out."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.layers import BY_CELL, CRF, CRFLoss
from zoo.models.base import Model
from zoo.models.bucketing import in_buckets
from zoo.models.construction import (
    check_choice,
    check_least,
    check_no_subwords,
    checked_names,
    given_tokenizer,
    named_vocabulary,
    options,
    rebuilt,
    recurrent_layer,
)
from zoo.models.names import naming
from zoo.models.replicas import share_of_compiled_loss
from zoo.models.tagger.token_features import (
    CHARACTER_FEATURES,
    CharacterFeatures,
    WordIds,
)
from zoo.models.tagger.token_forms import TokenForms
from zoo.models.text_inputs import Texts, Tokens, text_batch, token_batch
from zoo.text import (
    CharacterTokenizer,
    TokenizerWithOffsets,
    Vocabulary,
    WordTokenizer,
)
from zoo.text.casing import check_casing
from zoo.typing import Tensor

# The tag of a step that has none: padding.
NO_TAG = -1


@keras.saving.register_keras_serializable(package="zoo")
class SequenceTagger(Model, keras.Model):
    """Words and their characters, recurrent layers, a tag at each step.

    ```
    x<t>    = [E w<t>, E' lower(w<t>), v(characters of w<t>)]
    a[l]<t> = recurrent layer l of a[l-1], a[0] = x; [a→<t>, a←<t>] in both directions
    s<t>    = W a[L]<t> + b                                              emissions
    P(y|x)  = CRF(s), or Π_t softmax(s<t>)
    ```

    (Lample et al. 2016, with a lower-cased view of the words beside theirs.)

    Args:
        words: the `zoo.text.Vocabulary` of words as they are written, or its tokens.
        lowercase_words: that of words in lower case.
        characters: that of words' characters.
        tags: the tags' names, two or more.
        scheme: how they tell entities, one of `zoo.tags.SCHEMES`: what may follow
            what.
        tokenizer: what splits sentences, a `zoo.text.TokenizerWithOffsets`. Its
            normalization is that of tokens too, however they come: what the model
            doesn't know as it is written, it reads in plain form (see
            `zoo.models.tagger.token_forms`); what `tag` returns stays as it is written.
        word_units: size of a word's vector.
        lowercase_units: size of a lower-cased word's vector.
        character_features: "rnn", "cnn" or "none".
        character_embedding_units: size of a character's vector.
        character_units: size of what is read of a word's characters; of an RNN, in
            each direction.
        cell: a name in `zoo.layers.BY_CELL`, for words and for characters.
        units: n_a of each recurrent layer, and in each direction.
        layers: how many recurrent layers are stacked.
        bidirectional: whether each layer runs in both directions.
        crf: whether tags depend on their neighbours (`zoo.layers.CRF`), or each is
            told by a softmax of its own.
        word_dropout: rate in [0, 1) at which words are taken for unknown.
        dropout: rate in [0, 1) before, between and after the recurrent layers.
        casing: "restore" for sentences that are all in upper or all in lower case:
            their words are read in the case that `words` knows; None for as written.
        name: the model's name.

    Call arguments:
        inputs: string (batch, steps): tokens, "" where there is none.

    Returns:
        emissions, float32 (batch, steps, tags).

    Raises:
        ValueError: an argument is not one of the above.
    """

    def __init__(
        self,
        words: Vocabulary | Sequence[str],
        lowercase_words: Vocabulary | Sequence[str],
        characters: Vocabulary | Sequence[str],
        tags: Sequence[str],
        scheme: str = "iob2",
        *,
        tokenizer: Any = None,
        word_units: int = 100,
        lowercase_units: int = 50,
        character_features: str = "rnn",
        character_embedding_units: int = 25,
        character_units: int = 25,
        cell: str = "lstm",
        units: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        crf: bool = True,
        word_dropout: float = 0.1,
        dropout: float = 0.5,
        casing: str | None = None,
        name: str | None = None,
    ):
        config = options(
            locals(), "words", "lowercase_words", "characters", "tokenizer"
        )
        check_choice("cell", cell, BY_CELL)
        check_choice("character_features", character_features, CHARACTER_FEATURES)
        check_casing(casing)
        check_least(1, layers=layers)
        if len(tags) < 2:
            raise ValueError(f"Two tags or more are needed, found {list(tags)}.")
        tags = checked_names("tags", tags)
        tokenizer = given_tokenizer(tokenizer, TokenizerWithOffsets)
        if isinstance(tokenizer, WordTokenizer | CharacterTokenizer):
            raise ValueError(
                "tokenizer must tell where tokens stand, as a TokenizerWithOffsets "
                f"does, found a {type(tokenizer).__name__}."
            )
        check_no_subwords(words, lowercase_words, characters)
        vocabularies = {
            "words": named_vocabulary(words, "words"),
            "lowercase_words": named_vocabulary(lowercase_words, "lowercase_words"),
            "characters": named_vocabulary(characters, "characters"),
        }

        # Layers
        word_ids = WordIds(
            vocabularies["words"],
            vocabularies["lowercase_words"],
            word_dropout,
            name="word_ids",
        )
        embeddings = [
            # Keras takes no NumPy's
            keras.layers.Embedding(len(vocabularies[view]), config[size], name=view)
            for view, size in (
                ("words", "word_units"),
                ("lowercase_words", "lowercase_units"),
            )
        ]
        recurrent = [
            recurrent_layer(cell, units, bidirectional, True, f"recurrent_{number}")
            for number in range(1, layers + 1)
        ]
        drop = [
            keras.layers.Dropout(dropout, name=f"dropout_{number}")
            for number in range(layers + 1)
        ]
        emissions = keras.layers.Dense(len(tags), dtype="float32", name="emissions")

        # Functional graph
        tokens = keras.Input((None,), dtype="string", name="tokens")
        mask = ops.not_equal(tokens, "")
        read_as = tokens
        if tokenizer.normalization or casing:
            token_forms = TokenForms(
                **vocabularies,
                normalization=tokenizer.normalization,
                casing=casing,
                name="token_forms",
            )
            read_as = token_forms(tokens)
        views = [
            embed(ids) for embed, ids in zip(embeddings, word_ids(read_as), strict=True)
        ]
        if character_features != "none":
            read = CharacterFeatures(
                vocabularies["characters"],
                character_features,
                config["character_embedding_units"],
                config["character_units"],
                cell,
                name="characters",
            )
            views.append(read(read_as))
        x = drop[0](keras.layers.concatenate(views, name="views"))
        for layer, dropout_layer in zip(recurrent, drop[1:], strict=True):
            x = dropout_layer(layer(x, mask=mask))
        outputs = emissions(x)
        decoder = CRF(tags, scheme, dtype="float32", name="crf") if crf else None
        if decoder is not None:
            outputs = decoder(outputs, mask=mask)
        super().__init__(tokens, outputs, name=name)

        self.decoder = decoder

        # Config
        self.config = config
        self.vocabularies = vocabularies
        self.tokenizer = tokenizer
        self.tags = tags
        self.scheme = scheme

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {
            **self.config,
            **{
                name: vocabulary.ordinary_tokens
                for name, vocabulary in self.vocabularies.items()
            },
            "tags": list(self.tags),
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "name": self.name,
        }

    def with_tags(self, tags: Sequence[str], scheme: str = "iob2") -> "SequenceTagger":
        """Returns a tagger for other tags, to train, on this one's layers.

        What decides on the tags, the last layer and the CRF, begins anew.

        Args:
            tags: the tags.
            scheme: how they tell entities: one of `zoo.tags.SCHEMES`.

        Raises:
            ValueError: there are too few tags, or they aren't of the scheme.
        """
        anew = "emissions", "crf"
        return rebuilt(self, anew, tags=list(tags), scheme=scheme)

    def compile(
        self, optimizer: str = "adam", loss: Any = None, **arguments: Any
    ) -> None:
        """As Keras', with the negative log-likelihood of the tags as the loss.

        Targets are int (batch, steps): places in `tags`, -1 where there is none.
        Metrics get the best tags, int (batch, steps), as predictions.
        """
        if loss is None and self.decoder is not None:
            loss = CRFLoss()
        elif loss is None:
            loss = keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=NO_TAG
            )
        super().compile(optimizer, loss, **arguments)

    def compile_from_config(self, config: dict) -> None:
        """Compiles it as it was when it was saved: Keras leaves that to this `compile`.

        Args:
            config: what `get_compile_config` returned.
        """
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)  # room for its state

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """As Keras', but that of the whole batch where replicas share it."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return share_of_compiled_loss(self, loss, y, sample_weight)

    def compute_metrics(
        self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Returns the metrics of the best tags."""
        best = self.decode(y_pred, ops.not_equal(x, ""))
        return super().compute_metrics(x, y, best, sample_weight)

    def set_word_vectors(self, words: Sequence[str], vectors: np.ndarray) -> int:
        """Gives words vectors that were learned elsewhere, to begin with.

        Args:
            words: the words, as they are written.
            vectors: float (len(words), word_units).

        Returns:
            How many of the model's words have a vector now.
        """
        places = {word: place for place, word in enumerate(words)}
        known = self.vocabularies["words"].tokens
        rows = [row for row, word in enumerate(known) if word in places]
        embeddings = self.get_layer("words").embeddings
        values = embeddings.numpy()
        values[rows] = vectors[[places[known[row]] for row in rows]]
        embeddings.assign(values)
        return len(rows)

    def decode(self, emissions: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Returns the best tags.

        Args:
            emissions: float32 (batch, steps, tags).
            mask: bool (batch, steps), true where there is a token.

        Returns:
            int32 (batch, steps): places in `tags`, of the likeliest sequence by a
            CRF, or of each step's likeliest tag; 0 where there is no token.
        """
        if self.decoder is not None:
            return self.decoder.decode(emissions, mask)
        return tf.where(mask, tf.argmax(emissions, axis=-1, output_type=tf.int32), 0)

    def tag_tokens(self, tokens: Tokens) -> dict[str, tf.Tensor]:
        """Tags sentences that are split into tokens.

        Args:
            tokens: the words of one sentence, a list of strings, which is a batch of
                one; or of several, a list of such lists, or a tensor, ragged or
                (batch, n), "" where there is none.

        Returns:
            `tags`: string (batch, n), of the likeliest sequence, "" where there is
            no token; `scores`: float32 (batch, n), each tag's marginal probability,
            0 where there is no token.

        Raises:
            TypeError: something in `tokens` is no string.
            ValueError: `tokens` is one string, or nested deeper.
        """
        return self._tag_tokens(token_batch(tokens), self._tagged)

    def _tag_tokens(self, tokens, tagged):
        mask = tf.not_equal(tokens, "")
        tags, scores = tagged(tf.ragged.boolean_mask(tokens, mask))
        return {
            "tags": _spread(tags.values, mask, ""),
            "scores": _spread(scores.values, mask, 0.0),
        }

    def _tagged(self, tokens):
        """Returns the tags, string, and scores, float32, of tokens, all ragged.

        A step without a token is skipped, so that none need be there.
        """

        def tagged(places):
            some = tf.gather(tokens, places)
            padded = some.to_tensor("")
            # One step at least: Keras' loops can't do without.
            missing = tf.maximum(1 - tf.shape(padded)[1], 0)
            padded = tf.pad(padded, [[0, 0], [0, missing]], constant_values="")
            best, scores = self._best(padded)
            lengths = some.row_lengths()
            return tuple(
                tf.RaggedTensor.from_tensor(each, lengths) for each in (best, scores)
            )

        signature = tuple(
            tf.RaggedTensorSpec([None, None], dtype) for dtype in (tf.int32, tf.float32)
        )
        best, scores = in_buckets(tagged, tokens.row_lengths(), signature)
        return tf.gather(tf.constant(self.tags), best), scores

    def _best(self, tokens):
        """Returns the best tags, int32, and their scores, of tokens (batch, n)."""
        mask = tf.not_equal(tokens, "")
        emissions = self(tokens, training=False)
        best = self.decode(emissions, mask)
        if self.decoder is not None:
            probabilities = self.decoder.marginals(emissions, mask)
        else:
            probabilities = tf.nn.softmax(emissions)
        return best, tf.gather(probabilities, best, batch_dims=2)

    def tag(self, text: Texts) -> dict[str, tf.Tensor]:
        """Splits sentences into tokens and tags them.

        Args:
            text: one sentence, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            `tokens`: string (batch, n), padded with ""; their `tags` and `scores` as
            `tag_tokens` gives them; `starts` and `ends`: int32 (batch, n), the
            tokens' places in the sentence in code points, the end exclusive, 0 where
            there is no token; `lengths`: int32 (batch,), how many tokens there are.

        Raises:
            TypeError: something in `text` is no string.
            ValueError: `text` is nested.
        """
        return self._tag(text_batch(text, "text"), self._tagged)

    def _tag(self, text, tagged):
        tokens, starts, ends = self.tokenizer(text)
        tags, scores = tagged(tokens)
        return {
            "tokens": tokens.to_tensor(""),
            "tags": tags.to_tensor(""),
            "scores": scores.to_tensor(0.0),
            "starts": starts.to_tensor(0),
            "ends": ends.to_tensor(0),
            "lengths": tf.cast(tokens.row_lengths(), tf.int32),
        }

    # What `tag` and `tag_tokens` take.
    text_signature = (tf.TensorSpec([None], tf.string, name="text"),)
    tokens_signature = (tf.TensorSpec([None, None], tf.string, name="tokens"),)

    def signatures(self) -> dict:
        """Returns `serving_default` (`tag`), `tag_tokens`, `tag_names` and `names`.

        Time is in proportion to the batch's tokens: less than 4 steps for each, padding
        included, whatever its neighbours' lengths. Memory is for the answer, padded to
        the longest row, and for 131 072 steps at a time, or the longest row alone.
        `tests.benchmarks.input_bounds` measures it.
        """
        # One graph for both, which would be two thirds of each.
        tagged = tf.function(
            self._tagged,
            input_signature=[tf.RaggedTensorSpec([None, None], tf.string)],
            autograph=False,
        )

        def tag(text):
            return self._tag(text, tagged)

        def tag_tokens(tokens):
            return self._tag_tokens(tokens, tagged)

        return {
            "serving_default": tf.function(
                tag, input_signature=self.text_signature, autograph=False
            ),
            "tag_tokens": tf.function(
                tag_tokens, input_signature=self.tokens_signature, autograph=False
            ),
            **naming("tag", self.tags),
        }


def _spread(values, mask, padding):
    """Puts values, (n,), where a mask is true, and padding where it isn't."""
    flat = tf.cast(tf.reshape(mask, [-1]), tf.int32)
    places = tf.reshape(tf.cumsum(flat) * flat, tf.shape(mask))
    return tf.gather(tf.concat([[padding], values], axis=0), places)
