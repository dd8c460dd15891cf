"""One-to-many: what a text may be, token by token."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers import SampledSoftmax, stepper
from zoo.layers.precision import summing_dtype
from zoo.layers.states import state_sizes
from zoo.models import construction
from zoo.models.base import Model
from zoo.models.language_model import construction as parts
from zoo.models.language_model import generation, scoring, serving
from zoo.models.language_model.carried_state import CarriedState
from zoo.models.language_model.stepper import Stepper
from zoo.models.perplexity import Perplexity, labels_and_weights, weighted_mean
from zoo.models.replicas import share_of_loss
from zoo.models.text_inputs import Texts, text_batch
from zoo.models.texts import LEVELS, Language
from zoo.text import Vocabulary, WordTokenizer
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class LanguageModel(Model, keras.Model):
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
    state across windows of long texts (truncated back-propagation), a pair
    of ids and `begins`. Then row r of a batch goes on where row r of the batch before
    ended, in `fit` as in `evaluate`, each with states of its own; but where `begins`
    says that a text begins, as in an epoch's first batch, it starts from 0. Targets are
    the next ids, 0 at padding. The loss is the cross-entropy in nats per token: give
    `compile` none. Keras averages it over batches; the metrics `nats` and `perplexity`
    average over tokens, whatever the batches.

    Args:
        vocabulary: a `zoo.text.Vocabulary`, or its tokens without the special ones; of
            subwords a `zoo.text.Subwords`.
        level: "character", "word" or "subword": what a text's tokens are, how they are
            joined, and the default tokenizer.
        tokenizer: of `zoo.text`, which doesn't add `<SOS>` and `<EOS>` by itself; by
            default characters, or words in lower case, with punctuation marks. Subwords
            need none: they are of texts in plain form (`zoo.text.normalize`), in which
            HTML tags are spaces.
        embedding_units: size of a token's vector.
        cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
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
            1.
        training: whether dropout is applied, and which states are carried.

    Returns:
        logits, float32 (batch, steps, V); when training with `samples`, h.

    Raises:
        ValueError: an argument is not one of the above.
    """

    _reads_tables = True

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[str],
        *,
        level: str = "character",
        tokenizer: Any = None,
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
        config = construction.options(locals(), "vocabulary", "tokenizer")
        parts.check(config, vocabulary)
        vocabulary = construction.named_vocabulary(
            vocabulary, "vocabulary", LEVELS[level].vocabulary
        )
        if tokenizer is None and level == "word":
            tokenizer = WordTokenizer(punctuation="keep", markup=False)
        super().__init__(name=name)

        # Texts
        plain: dict[str, Any] = {"normalization": "plain", "keep": "", "markup": False}
        self.language = Language(
            vocabulary, level, tokenizer, **(plain if level == "subword" else {})
        )
        self.vocabulary = vocabulary
        self.vocabularies = {"vocabulary": vocabulary}
        self.tokenizer = self.language.tokenizer
        self.level = level
        self.sentences = sentences

        # Layers, built
        self.embedding = construction.embedding(
            vocabulary, embedding_units, "embedding"
        )
        self.drop = parts.dropouts(config)
        self.recurrent = parts.recurrent(config)
        self.projection, self.output_embedding = None, self.embedding
        if not tied:
            self.output_embedding = keras.layers.Embedding(
                len(vocabulary),
                config["units"],  # Keras takes no NumPy's
                embeddings_initializer="glorot_uniform",
                name="output_embedding",
            )
            self.output_embedding.build(None)
        elif units != embedding_units:
            self.projection = keras.layers.Dense(
                config["embedding_units"], name="projection"
            )
            self.projection.build((None, None, units))
        never = (PADDING_ID, START_ID) + (() if sentences else (END_ID,))
        self.softmax = SampledSoftmax(
            samples,
            never=never,
            first=vocabulary.first_piece if level == "subword" else 0,
            dtype="float32",
            name="softmax",
        )
        table_shape = self.output_embedding.embeddings.shape
        self.softmax.build(None, None, table_shape)
        self.cache = parts.cache(config, table_shape[1]) if cache else None
        self.built = True

        # What training and evaluation keep from batch to batch
        recurrent = _specs(state_sizes(self.recurrent), self.compute_dtype)
        cached = _specs(self.cache.state_size, "float32") if self.cache else []
        self.state_specs = [*recurrent, *cached]
        self.carried = {
            True: CarriedState(recurrent),  # in training
            False: CarriedState(self.state_specs),
        }
        self.nats = keras.metrics.Mean("nats", summing_dtype())
        self.perplexity = Perplexity(name="perplexity")

        # Config
        self.config = config
        self._generator = generation.TextGenerator(self)

    @property
    def carried_variables(self) -> list[tf.Variable]:
        """What training carries from batch to batch, (rows, n) each.

        Of sentences it is nothing: each is read as a whole.
        """
        return [] if self.sentences else self.carried[True].variables

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {
            **self.config,
            "vocabulary": self.vocabulary.ordinary_tokens,
            "tokenizer": self.language.get_config(),
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
        anew = () if self.cache else ("cache",)
        return construction.rebuilt(self, anew, cache=places, **given)

    def call(self, inputs: Tensor, training: bool | None = False) -> Any:
        """Predicts each next token, as `fit` and `evaluate` ask."""
        ids, begins = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        carried = self.carried[bool(training)]
        state = None if begins is None else carried.load(begins)
        if training:
            hidden, state = self.run(ids, state, training=True)
            predicted = hidden if self.config["samples"] else self.logits(hidden)
        else:
            predicted, state = self.predict_tokens(ids, state)
        if begins is not None:
            carried.store(state)
        return predicted

    def predict_tokens(self, ids: Tensor, state: Any = None) -> Any:
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

    def initial_state(self, batch: Tensor) -> list:
        """Returns the state before a text begins: zeros, of `state_specs`.

        Args:
            batch: how many texts there are.
        """
        return [
            ops.zeros((batch, spec.shape[1]), spec.dtype) for spec in self.state_specs
        ]

    def run(self, ids: Tensor, state: Any = None, training: bool | None = False) -> Any:
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

    def projected(self, a: Tensor) -> Any:
        """Returns h of a[L], (…, units)."""
        return a if self.projection is None else self.projection(a)

    def logits(self, hidden: Tensor) -> Any:
        """Returns V h + b, float32 (…, V), of h (…, units of V)."""
        table = ops.convert_to_tensor(self.output_embedding.embeddings)
        return self.softmax.logits(ops.cast(hidden, "float32"), table)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the mean cross-entropy, in nats per token that is not padding."""
        labels, weights = labels_and_weights(y, sample_weight)
        mean = weighted_mean(self._nats(labels, y_pred, training), weights)
        count = ops.sum(weights)
        for metric in (self.nats, self.perplexity):
            metric.update_state(ops.stop_gradient(mean), sample_weight=count)
        return share_of_loss(mean, count, ops.shape(y)[0])

    def _nats(self, labels, predictions, training):
        """Returns each token's cross-entropy, float32 (batch, steps)."""
        if not (training and self.config["samples"]):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, predictions)
        table = ops.convert_to_tensor(self.output_embedding.embeddings)
        hidden = ops.cast(predictions, "float32")
        hidden = ops.reshape(hidden, (-1, table.shape[-1]))
        losses = self.softmax.sampled_losses(hidden, ops.reshape(labels, (-1,)), table)
        return ops.reshape(losses, ops.shape(labels))

    def step(self, ids: tf.Tensor, state: list[tf.Tensor]) -> Any:
        """Takes one step.

        For many steps in a loop, `zoo.models.language_model.stepper.Stepper` is faster.

        Args:
            ids: x<t>, int32 (batch,).
            state: all layers' states, (batch, n_a) each.

        Returns:
            logits of ŷ, float32 (batch, V), and the new state.
        """
        a, state = stepper(self.recurrent)(self.embedding(ids), list(state))
        return self.logits(self.projected(a)), state

    def encode(self, texts: Texts) -> tf.RaggedTensor:
        """Turns texts into the ids of their tokens, y.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.

        Returns:
            int32, ragged (batch, tokens); of sentences with `<EOS>` at the end.

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: `texts` is nested.
        """
        return self.ended(self.language.encode(text_batch(texts)))

    def ended(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """Returns texts' ids, int32, ragged, of sentences with `<EOS>` at the end."""
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
        return self.language.decode(ids)

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

    def start(self, prompts: Texts) -> Any:
        """Reads prompts, for `step` to go on from.

        Args:
            prompts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one. An empty one is a text that has yet to begin.
                What the vocabulary doesn't know is `<UNK>`.

        Returns:
            What `step` returns: logits of the first token after the prompt, float32
            (batch, V), and the state.

        Raises:
            TypeError: something in `prompts` is no string.
            ValueError: `prompts` is nested.
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
            seed: the same seed, the same texts; None, or one below 0, for a new one at
                each call. Of a seed for each row, a row's text is what it would be
                alone.
            jit_compile: whether XLA compiles the loop: after some seconds for each
                batch size it is up to twice as fast, for few rows.

        Returns:
            string (batch,), without the prompts.

        Raises:
            TypeError: something in `prompts` is no string.
            ValueError: a number is out of its range, or `prompts` is nested.
        """
        prompts = text_batch(prompts, "prompts")
        filters = generation.filters_on(temperature, top_k, top_p, repetition_penalty)
        stop = generation.several(stop)
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
        **filters: Any,
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
            TypeError: something in `prompts` is no string.
            ValueError: a number is out of its range, or `prompts` is nested.
            FloatingPointError: a probability of what is drawn is NaN, as those of a
                model whose training has diverged; as the pieces are taken.
        """
        prompts = text_batch(prompts, "prompts")
        filters = generation.filters_on(**filters)
        stop = generation.several(stop)
        return generation.stream(
            self, prompts, length, seed, piece, stop, jit_compile, **filters
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
            costs: see `zoo.models.spelling`. In `perplexity` alone `<UNK>` is a token
            like another, as in published perplexities, and in all that `evaluate` has.

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: `texts` is nested.
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

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: `texts` is nested.
        """
        logs = self.score(texts)["log_probability"]
        return tf.argsort(logs, direction="DESCENDING", stable=True)

    def signatures(self) -> dict:
        """Returns the SavedModel's functions.

        `zoo.models.language_model.serving` lists them.
        """
        return serving.signatures(self)


def _specs(sizes, dtype):
    """Returns what states of some sizes are, a list of (None, n)."""
    return [tf.TensorSpec([None, size], dtype) for size in sizes]
