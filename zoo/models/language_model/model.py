"""One-to-many: what a text may be, token by token."""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

from zoo.layers import SampledSoftmax
from zoo.layers.states import state_sizes
from zoo.models.construction import check_choice, embedding
from zoo.models.language_model import construction
from zoo.models.language_model.carried_state import CarriedState
from zoo.models.language_model.text_model import LEVELS, TextModel
from zoo.models.perplexity import Perplexity, labels_and_weights, weighted_mean
from zoo.text import Vocabulary
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID


@keras.saving.register_keras_serializable(package="zoo")
class LanguageModel(TextModel):
    """Predicts each token of a text from those before it.

    ```
    e<t>    = E x<t>,  x<t> = y<t-1>,  x<1> = <SOS>
    a[l]<t> = recurrent layer l of a[l-1], a[0] = e
    h<t>    = a[L]<t>, or tied P a[L]<t> + p where the sizes differ
    ŷ<t>    = P(y<t> | y<1..t-1>) = softmax(V h<t> + b),  tied V = E
    ```

    With a cache, a text that is there (`evaluate`, `score`, `rank`) has

    ```
    P(y<t>) = (1 − λ<t>) ŷ<t> + λ<t> copy<t>        `zoo.layers.ContinuousCache`
    ```

    and ŷ is P no longer. Training and drawing (`generate`, `start`, `step`) know ŷ
    alone: in `fit`, `nats` are those of ŷ and `val_nats` those of P.

    `<PAD>` and `<SOS>` have probability 0, and where no text ends `<EOS>` too, so that
    the probabilities of all texts are 1 together.

    Training: inputs are ids, each row a text from its beginning; or, to carry the
    state across windows of long texts (truncated back-propagation, SPEC.md §5), a pair
    of ids and `begins`. Then row r of a batch goes on where row r of the batch before
    ended, in `fit` as in `evaluate`, each with states of its own; but where `begins`
    says that a text begins, as in an epoch's first batch, it starts from 0. Targets are
    the next ids, 0 at padding. The loss is the cross-entropy in nats per token: give
    `compile` none. Keras averages it over batches; the metrics `nats` and `perplexity`
    average over tokens, whatever the batches.

    Args:
        vocabulary: a `zoo.text.Vocabulary`, or its tokens without the special ones.
        level: "character" or "word": what a text's tokens are, how they are joined,
            and the default tokenizer.
        tokenizer: of `zoo.text`, which doesn't add `<SOS>` and `<EOS>` by itself; by
            default characters, or words in lower case, with punctuation marks.
        embedding_units: size of a token's vector.
        cell: "rnn", "gru" or "lstm".
        units: n_a of each recurrent layer.
        layers: how many recurrent layers are stacked.
        tied: whether the softmax' weights are the embedding's (Press & Wolf 2017;
            Inan et al. 2017).
        embedding_dropout: rate in [0, 1) after the embedding.
        dropout: rate in [0, 1) between the layers and before the softmax.
        variational: whether dropout takes the same units away at all steps of a
            window (Gal & Ghahramani 2016); never the states, so the kernels run.
        recurrent_weight_dropout: rate in [0, 1) of the recurrent layers' weights W_aa,
            the same at all steps of a window (Merity et al. 2018); the kernels run.
        samples: how many tokens to train the softmax with: see
            `zoo.layers.SampledSoftmax`; None for all tokens. Training then
            shows the sample's loss, evaluation that of the full softmax.
        cache: how many tokens back to look for similar places and what came after,
            see `zoo.layers.ContinuousCache`; 0 for no cache. The trained weights are
            the same with it and without.
        cache_sharpness: θ of the cache.
        cache_threshold: its c.
        sentences: whether texts are sentences, ended by `<EOS>`; else they are parts of
            a stream without an end.
        name: the model's name.

    Call arguments:
        inputs: ids, int32 (batch, steps); or ids and `begins`, (batch,), bool or 0 and
            1 (Keras' distributed training takes no bool).
        training: whether dropout is applied, and which states are carried.

    Returns:
        logits, float32 (batch, steps, V); when training with `samples`, h.

    Raises:
        ValueError: an argument is not one of the above.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[str],
        *,
        level: str = "character",
        tokenizer=None,
        embedding_units: int = 64,
        cell: str = "gru",
        units: int = 512,
        layers: int = 1,
        tied: bool = False,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        variational: bool = False,
        recurrent_weight_dropout: float = 0.0,
        samples: int | None = None,
        cache: int = 0,
        cache_sharpness: float = 16.0,
        cache_threshold: float = 0.9,
        sentences: bool = False,
        name: str | None = None,
    ):
        self._config = {
            "level": level,
            "embedding_units": embedding_units,
            "cell": cell,
            "units": units,
            "layers": layers,
            "tied": tied,
            "embedding_dropout": embedding_dropout,
            "dropout": dropout,
            "variational": variational,
            "recurrent_weight_dropout": recurrent_weight_dropout,
            "samples": samples,
            "cache": cache,
            "cache_sharpness": cache_sharpness,
            "cache_threshold": cache_threshold,
            "sentences": sentences,
        }
        check_choice("level", level, LEVELS)
        construction.check(**self._config)
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary)
        if tokenizer is None:
            tokenizer = LEVELS[level].tokenizer()
        elif isinstance(tokenizer, dict):
            tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        super().__init__(vocabulary, level, tokenizer, sentences, name=name)
        self.cell = cell
        self.samples = samples

        # Layers
        self.embedding = embedding(vocabulary, embedding_units, "embedding")
        self.drop = construction.dropouts(self._config)
        self.recurrent = construction.recurrent(self._config)
        self.projection, self.output_embedding = None, self.embedding
        if not tied:
            self.output_embedding = keras.layers.Embedding(
                len(vocabulary),
                units,
                embeddings_initializer="glorot_uniform",
                name="output_embedding",
            )
            self.output_embedding.build(None)
        elif units != embedding_units:
            self.projection = keras.layers.Dense(embedding_units, name="projection")
            self.projection.build((None, None, units))
        never = (PADDING_ID, START_ID) + (() if sentences else (END_ID,))
        self.softmax = SampledSoftmax(
            samples, never=never, dtype="float32", name="softmax"
        )
        table_shape = self.output_embedding.embeddings.shape
        self.softmax.build(None, None, table_shape)
        self.cache = construction.cache(self._config, table_shape[1])
        self.built = True

        # What training and evaluation keep from batch to batch
        recurrent = _specs(state_sizes(self.recurrent), self.compute_dtype)
        cached = _specs(self.cache.state_size, "float32") if cache else []
        self.state_specs = [*recurrent, *cached]
        self.carried = {
            True: CarriedState(recurrent),  # in training
            False: CarriedState(self.state_specs),
        }
        self.nats = keras.metrics.Mean(name="nats")
        self.perplexity = Perplexity(name="perplexity")

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {
            **self._config,
            "vocabulary": self.vocabulary.ordinary_tokens,
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "name": self.name,
        }

    def with_cache(
        self,
        places: int,
        sharpness: float | None = None,
        threshold: float | None = None,
    ) -> "LanguageModel":
        """Returns a copy with the same weights, but another cache.

        Args:
            places: how many tokens back it reaches; 0 for a copy without a cache.
            sharpness: θ; by default this model's, as is `threshold`.
            threshold: c.

        Raises:
            ValueError: a number is out of its range.
        """
        numbers = {"cache_sharpness": sharpness, "cache_threshold": threshold}
        given = {name: n for name, n in numbers.items() if n is not None}
        config = {**self.get_config(), "cache": places, **given}
        copy = type(self).from_config(config)
        own = {weight.path: weight for weight in self.weights}
        for weight in copy.weights:
            if weight.path in own:
                weight.assign(own[weight.path])
        return copy

    def call(self, inputs, training=False):
        """Predicts each next token, as `fit` and `evaluate` ask."""
        ids, begins = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        carried = self.carried[bool(training)]
        state = None if begins is None else carried.load(begins)
        if training:
            hidden, state = self.run(ids, state, training=True)
            predicted = hidden if self.samples else self.logits(hidden)
        else:
            predicted, state = self.predict_tokens(ids, state)
        if begins is not None:
            carried.store(state)
        return predicted

    def predict_tokens(self, ids, state=None):
        """Predicts each next token of texts, or of the next pieces of texts.

        Args:
            ids: x, int32 (batch, steps).
            state: what an earlier call returned; by default `initial_state`.

        Returns:
            logits, float32 (batch, steps, V), and the state after the last step.
        """
        if state is None:
            state = self.initial_state(ops.shape(ids)[0])
        count = len(state_sizes(self.recurrent))
        recurrent, cached = list(state[:count]), list(state[count:])
        hidden, recurrent = self.run(ids, recurrent)
        logits = self.logits(hidden)
        if self.cache:
            logits, cached = self.cache(hidden, ids, logits, cached)
        return logits, [*recurrent, *cached]

    def initial_state(self, batch) -> list:
        """Returns the state before a text begins: zeros, of `state_specs`.

        Args:
            batch: how many texts there are.
        """
        return [
            ops.zeros((batch, spec.shape[1]), spec.dtype) for spec in self.state_specs
        ]

    def run(self, ids, state=None, training=False):
        """Runs the recurrent layers over texts, or over the next pieces of texts.

        Args:
            ids: x, int32 (batch, steps).
            state: all layers' states, a list of (batch, n_a): what an earlier call
                returned; zeros by default.
            training: whether dropout is applied.

        Returns:
            h, (batch, steps, units of the softmax' weights), and the states after the
            last step.
        """
        drop_embedding, drop_output = self.drop
        embedded = drop_embedding(self.embedding(ids), training=training)
        hidden, *state = self.recurrent(
            embedded, initial_state=state, training=training
        )
        hidden = drop_output(hidden, training=training)
        return self.projected(hidden), state

    def projected(self, a):
        """Returns h of a[L], (…, units)."""
        return a if self.projection is None else self.projection(a)

    def logits(self, hidden):
        """Returns V h + b, float32 (…, V), of h (…, units of V)."""
        table = ops.convert_to_tensor(self.output_embedding.embeddings)
        return self.softmax.logits(ops.cast(hidden, "float32"), table)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the mean cross-entropy, in nats per token that is not padding."""
        labels, weights = labels_and_weights(y, sample_weight)
        mean = weighted_mean(self._nats(labels, y_pred, training), weights)
        count = ops.sum(weights)
        for metric in (self.nats, self.perplexity):
            metric.update_state(ops.stop_gradient(mean), sample_weight=count)
        return mean

    def _nats(self, labels, predictions, training):
        """Returns each token's cross-entropy, float32 (batch, steps)."""
        if not (training and self.samples):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, predictions)
        table = ops.convert_to_tensor(self.output_embedding.embeddings)
        hidden = ops.cast(predictions, "float32")
        hidden = ops.reshape(hidden, (-1, table.shape[-1]))
        losses = self.softmax.sampled_losses(hidden, ops.reshape(labels, (-1,)), table)
        return ops.reshape(losses, ops.shape(labels))

    def step(self, ids: tf.Tensor, state: list[tf.Tensor]):
        """Takes one step, by the layers' cells.

        For many steps in a loop, `zoo.models.language_model.stepper.Stepper` is faster.

        Args:
            ids: x<t>, int32 (batch,).
            state: all layers' states, (batch, n_a) each.

        Returns:
            logits of ŷ, float32 (batch, V), and the new state.
        """
        a, remaining, new = self.embedding(ids), list(state), []
        for layer in self.recurrent.layers:
            count = len(state_sizes(layer))
            states, remaining = remaining[:count], remaining[count:]
            a, states = layer.cell(a, states)
            new += states
        return self.logits(self.projected(a)), new


def _specs(sizes, dtype):
    """Returns what states of some sizes are, a list of (None, n)."""
    return [tf.TensorSpec([None, size], dtype) for size in sizes]
