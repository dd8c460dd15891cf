"""Many-to-one: a text in, one of n classes out."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.layers import (
    BY_CELL,
    AttentionPooling,
    BagOfNGrams,
    MaxPooling,
    MeanPooling,
)
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
from zoo.models.text_inputs import Texts, text_batch
from zoo.text import Vocabulary, WordTokenizer
from zoo.text.vocabulary import PADDING_ID
from zoo.typing import Tensor

_POOLINGS = {"max": MaxPooling, "mean": MeanPooling, "attention": AttentionPooling}
POOLINGS = ("last", *_POOLINGS, "max+mean")


@keras.saving.register_keras_serializable(package="zoo")
class SequenceClassifier(Model, keras.Model):
    """Embedding, recurrent layers, pooling over time, softmax.

    ```
    e<t>    = E w<t>                      w<t> the t-th token's id
    a[l]<t> = recurrent layer l of a[l-1], a[0] = e; [a→<t>, a←<t>] in both directions
    v       = the last, largest, mean or attended a[L]<t>
    ŷ       = softmax(W v + b)
    ```

    With `ngrams`, a linear model z over the text's n-grams (`BagOfNGrams`) has an
    equal say, ŷ = softmax((W v + b + z) / 2), the geometric mean of both verdicts
    (as Mesnil et al. 2015 combine the two kinds). In training each has a loss of
    its own: n-grams learn the training texts by heart, and from the loss of both
    together the recurrent layers would have nothing left to learn.

    Args:
        vocabulary: a `zoo.text.Vocabulary`, or its tokens without the special ones.
        class_names: what the classes are called, two or more; with `multi_label` one
            is enough.
        tokenizer: `zoo.text.WordTokenizer` or `CharacterTokenizer`; by default
            words in lower case, with punctuation marks as tokens of their own.
        embedding_units: size of a token's vector.
        cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
        units: n_a of each recurrent layer, and in each direction.
        layers: how many recurrent layers are stacked.
        bidirectional: whether each layer runs in both directions.
        pooling: "last" (the last state, in both directions), "max", "mean",
            "attention", or "max+mean" for both, concatenated.
        word_dropout: rate in [0, 1) at which whole words' vectors are dropped
            (Iyyer et al. 2015).
        embedding_dropout: rate in [0, 1) after the embedding.
        dropout: rate in [0, 1) between the layers and before the softmax.
        ngrams: the longest n-grams of the linear model, 0 for none.
        ngram_buckets: the rows of weights that its n-grams are hashed to.
        naive_bayes: whether its weights are scaled by what `adapt_ngrams` counts
            before training.
        multi_label: whether a text may have any number of the classes, or none: then
            each has a probability of its own, ŷ = σ(W v + b), and n-grams likewise.
        max_length: a longer text is cut: its first tokens and its last tokens are
            kept, half and half, for openings and conclusions tell most.
        name: the model's name.

    Call arguments:
        inputs: int32, (batch, steps): ids, 0 where there is no token.

    Returns:
        logits, float32, (batch, classes).

    Raises:
        ValueError: an argument is not one of the above.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[str],
        class_names: Sequence[str],
        *,
        tokenizer: Any = None,
        embedding_units: int = 128,
        cell: str = "lstm",
        units: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "max",
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.3,
        dropout: float = 0.5,
        ngrams: int = 0,
        ngram_buckets: int = 2**19,
        naive_bayes: bool = False,
        multi_label: bool = False,
        max_length: int = 400,
        name: str | None = None,
    ):
        config = options(locals(), "vocabulary", "tokenizer")
        check_choice("cell", cell, BY_CELL)
        check_choice("pooling", pooling, POOLINGS)
        check_least(1, layers=layers, max_length=max_length)
        if len(class_names) < (1 if multi_label else 2):
            least = "One class" if multi_label else "Two classes"
            raise ValueError(f"{least} or more are needed, found {class_names}.")
        class_names = checked_names("class_names", class_names, not multi_label)
        check_no_subwords(vocabulary)
        vocabulary = named_vocabulary(vocabulary, "vocabulary")

        # Layers
        embedding = keras.layers.Embedding(
            len(vocabulary),
            config["embedding_units"],  # Keras takes no NumPy's
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=embedding_units**-0.5
            ),
            mask_zero=True,
            name="embedding",
        )
        recurrent = [
            recurrent_layer(
                cell,
                units,
                bidirectional,
                return_sequences=pooling != "last" or number < layers,
                name=f"recurrent_{number}",
            )
            for number in range(1, layers + 1)
        ]
        drop_words = keras.layers.Dropout(
            word_dropout, noise_shape=(None, None, 1), name="word_dropout"
        )
        drop = [
            keras.layers.Dropout(rate, name=f"dropout_{number}")
            for number, rate in enumerate([embedding_dropout] + layers * [dropout])
        ]
        logits = keras.layers.Dense(len(class_names), dtype="float32", name="logits")

        # Functional graph
        ids = keras.Input((None,), dtype="int32", name="ids")
        x = drop[0](drop_words(embedding(ids)))
        for layer, dropout_layer in zip(recurrent[:-1], drop[1:-1], strict=True):
            x = dropout_layer(layer(x))
        x = recurrent[-1](x)
        if pooling != "last":
            pooled = [_POOLINGS[kind](name=kind)(x) for kind in pooling.split("+")]
            x = keras.layers.concatenate(pooled) if len(pooled) > 1 else pooled[0]
        outputs = logits(drop[-1](x))
        if ngrams:
            # A softmax needs differences only: the first class' logit is 0.
            linear = BagOfNGrams(
                len(class_names) if multi_label else len(class_names) - 1,
                ngrams,
                ngram_buckets,
                naive_bayes,
                dtype="float32",
                name="ngrams",
            )
            n_grams = linear(ids)
            if not multi_label:
                n_grams = _with_first_class(n_grams)
            verdicts = [outputs, n_grams]
            outputs = _Average(dtype="float32", name="average")(verdicts)
        super().__init__(ids, outputs, name=name)

        # The n-grams' model, which has its own loss
        self.linear = linear if ngrams else None

        # What can be trained beforehand, on text without labels
        self.embedding = embedding
        self.first_recurrent = recurrent[0]

        # Config
        self.config = config
        self.vocabulary = vocabulary
        self.vocabularies = {"vocabulary": vocabulary}
        self.tokenizer = given_tokenizer(tokenizer, _words)
        self.class_names = class_names
        self.multi_label = multi_label
        self.max_length = max_length

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {
            **self.config,
            "vocabulary": self.vocabulary.ordinary_tokens,
            "class_names": list(self.class_names),
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "name": self.name,
        }

    def with_classes(
        self, class_names: Sequence[str], multi_label: bool = False
    ) -> "SequenceClassifier":
        """Returns a classifier for other classes, to train, on this one's layers.

        What decides on the classes, the last layer and the n-grams' model, begins anew.

        Args:
            class_names: the classes.
            multi_label: whether a text may have any number of them.

        Raises:
            ValueError: there are too few classes.
        """
        anew = "logits", "ngrams"
        chosen = {"class_names": list(class_names), "multi_label": multi_label}
        return rebuilt(self, anew, **chosen)

    def adapt_ngrams(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Counts which classes the n-grams occur in: see `BagOfNGrams.adapt`.

        Args:
            batches: pairs of ids, int32, (batch, steps), and labels as in training:
                int32 (batch,), or with `multi_label` (batch, classes), 0 or 1. An
                epoch of the training data, a `tf.data.Dataset`, say.

        Raises:
            ValueError: the model isn't made with `ngrams` and `naive_bayes`, or a label
                is none.
        """
        if self.linear is None:
            raise ValueError("There are no n-grams: make the model with ngrams=2, say.")
        self.linear.adapt((ids, self._truth(labels)) for ids, labels in batches)

    def _truth(self, labels):
        """Returns labels as the n-grams' model has them, (batch, units)."""
        labels = np.asarray(labels)
        if self.multi_label:
            return labels
        classes = np.arange(len(self.class_names))
        wrong = labels[~np.isin(labels, classes)]
        if wrong.size:
            raise ValueError(
                f"labels must be places in class_names, 0 to {classes[-1]}, found "
                f"{wrong.flat[0]}."
            )
        return labels.reshape(-1, 1) == classes[1:]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the loss; in training the sum of both verdicts' own losses.

        So a training's loss is about twice its validation loss, which is of the
        verdict that both give together.
        """
        loss = self._loss_of_verdicts(x, y, y_pred, sample_weight, training)
        return share_of_compiled_loss(self, loss, y, sample_weight)

    def _loss_of_verdicts(self, x, y, y_pred, sample_weight, training):
        if self.linear is None or not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        linear = self.linear(x)
        if not self.multi_label:
            linear = _with_first_class(linear)
        return sum(
            super(SequenceClassifier, self).compute_loss(
                x, y, logits, sample_weight, training
            )
            for logits in (2 * y_pred - linear, linear)
        )

    def encode(self, texts: Texts) -> tf.Tensor:
        """Turns texts into what the model takes.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            int32, (batch, steps): ids, cut to `max_length`, padded with 0 to the
            longest and to one step at least.

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: `texts` is nested.
        """
        return _padded(self._cut_ids(texts))

    def _cut_ids(self, texts):
        """Returns ids, int32 ragged (batch, tokens), cut to `max_length`."""
        ids = self.vocabulary.ids(self.tokenizer(text_batch(texts)))
        head = (self.max_length + 1) // 2
        tail = self.max_length - head
        beginning, rest = ids[:, :head], ids[:, head:]
        rest = rest[:, -tail:] if tail else rest[:, :0]
        return tf.concat([beginning, rest], axis=1)

    def classify(self, texts: Texts) -> dict[str, tf.Tensor]:
        """Classifies texts.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            `label`: string (batch,), the likeliest class' name; `probability`:
            float32 (batch,), its probability; `probabilities`: float32 (batch,
            classes), of all classes in the order of `class_names`. With `multi_label`
            also `labels`: string (batch, classes), the names of those whose probability
            is 0.5 or more, the likeliest first, with "" behind them.

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: `texts` is nested.
        """
        ids = self._cut_ids(texts)
        logits = in_buckets(
            lambda places: self(_padded(tf.gather(ids, places)), training=False),
            ids.row_lengths(),
            tf.TensorSpec([None, len(self.class_names)], tf.float32),
        )
        names = tf.constant(self.class_names)
        of_all = tf.sigmoid if self.multi_label else tf.nn.softmax
        probabilities = of_all(logits)
        found = {
            "label": tf.gather(names, tf.argmax(probabilities, axis=-1)),
            "probability": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }
        if self.multi_label:
            ordered = tf.argsort(probabilities, direction="DESCENDING", stable=True)
            given = tf.gather(logits, ordered, batch_dims=1) >= 0
            found["labels"] = tf.where(given, tf.gather(names, ordered), "")
        return found

    # What `encode` and `classify` take.
    text_signature = (tf.TensorSpec([None], tf.string, name="text"),)

    def signatures(self) -> dict:
        """Returns `serving_default` (`classify`), `class_names` and `names`.

        Each text is split whole, in a time proportional to its bytes, but at most
        `max_length` of its tokens are read: less than 4 steps for each of them, padding
        included, whatever its neighbours' lengths; and 131 072 steps at a time.
        `tests.benchmarks.input_bounds` measures it.
        """
        return {
            "serving_default": tf.function(
                self.classify, input_signature=self.text_signature, autograph=False
            ),
            # Apart, for a server expects every output of `serving_default` to
            # have the batch in front.
            **naming("class", self.class_names),
        }


def _words():
    return WordTokenizer(punctuation="keep", markup=False)


def _padded(ids):
    """Returns ragged ids dense, padded to the longest row and to one step at least."""
    ids = ids.to_tensor(PADDING_ID)
    missing = tf.maximum(1 - tf.shape(ids)[1], 0)
    return tf.pad(ids, [[0, 0], [0, missing]], constant_values=PADDING_ID)


class _Average(keras.layers.Layer):
    """The mean of two tensors.

    Keras' own fails for a batch of none: it takes what it adds for a bias.
    """

    def call(self, tensors: Any) -> Any:
        one, other = tensors
        return (one + other) / 2

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[0]


def _with_first_class(logits):
    """Returns (batch, classes) from the logits of all classes but the first."""
    return ops.pad(logits, [[0, 0], [1, 0]])
