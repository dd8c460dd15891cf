"""Many-to-many, T_x ≠ T_y: a text in one language in, a text in another out."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.layers import Bridge, DeepRNN, SampledSoftmax
from zoo.layers.states import state_sizes
from zoo.models.construction import embedding, named_vocabulary
from zoo.models.perplexity import Perplexity, labels_and_weights, weighted_mean
from zoo.models.translator.construction import check, check_shared, decoder
from zoo.models.translator.languages import LEVELS, Language
from zoo.models.translator.translating_model import TranslatingModel
from zoo.text import Vocabulary
from zoo.text.vocabulary import PADDING_ID, START_ID


@keras.saving.register_keras_serializable(package="zoo")
class Translator(TranslatingModel):
    """Encodes a text, and predicts each token of its translation from those before it.

    ```
    h<s>    = [a→<s>, a←<s>] of the encoder's uppermost layer over E x<1..T_x>
    C       = [a→<T_x>, a←<1>], its last states
    a<0>    = the encoder's last states ("copy"), tanh(W C + b) ("dense") or 0 ("zero")
    ã<t>    = decoder of E y<t-1>, ã<t-1> and h     see `zoo.layers.AttentionDecoder`
    ŷ<t>    = P(y<t> | y<1..t-1>, x) = softmax(V ã<t> + b),  tied V = E
    ```

    Without attention ã<t> = a<t> (where the sizes differ tied P a<t> + p), and
    `context` says where C goes: in a<0> by the bridge, in every step beside E y<t-1>,
    or both.

    `<PAD>` and `<SOS>` have probability 0. Padding, 0, changes no result.

    Training: inputs are ids of sources and of `inputs(targets)`, targets are ids that
    end with `<EOS>`. The loss is the mean cross-entropy in nats per token, in training
    with smoothed labels: give `compile` none. The metrics `nats` and `perplexity` are
    of the labels as they are, over tokens, whatever the batches.

    Args:
        source_vocabulary: a `zoo.text.Vocabulary`, or its tokens without the special
            ones.
        target_vocabulary: the same, of the other language.
        level: "character", "word" or "subword": what texts' tokens are, how they are
            joined, and the default tokenizers (words as they are written, and
            punctuation marks). Vocabularies of subwords are `zoo.text.Subwords`.
        source_tokenizer: of `zoo.text`; subwords need none.
        target_tokenizer: the same, of the other language.
        embedding_units: size of a token's vector.
        cell: "rnn", "gru" or "lstm".
        units: n_a of each layer; in the encoder half of it in each direction.
        encoder_layers: how many recurrent layers are stacked.
        decoder_layers: the same, of the decoder.
        attention: "additive", "dot", "general" or "concat", or None for none: see
            `zoo.layers.Attention`.
        heads: of attention.
        order: whether to attend "after" a step of the decoder's layers (Luong), which
            without input feeding needs no loop in training, or "before" (Bahdanau).
        input_feeding: whether ã<t-1> is an input of step t.
        context: without attention, where C goes: "state", "input" or "both".
        bridge: what a<0> is made of: "copy" (with as many layers in the encoder as in
            the decoder), "dense" or "zero". Where `context` is "input", it is 0.
        shared: whether both languages have one embedding, and so one vocabulary.
        tied: whether the softmax' weights are the target's embedding (Press & Wolf
            2017); ã then has its size.
        embedding_dropout: rate in [0, 1) after both embeddings.
        dropout: rate in [0, 1) between the layers and before the softmax.
        label_smoothing: ε in [0, 1): in training, how much of each label's probability
            all possible tokens share (Szegedy et al. 2016).
        scheduled_sampling: the rate in [0, 1) at which training feeds draws from ŷ<t-1>
            in place of y<t-1> (Bengio et al. 2015). They are drawn for all steps at
            once, given the targets before them (Mihaylova & Martins 2019), which
            doubles the time forward.
        sentences: "split" if the sentences of a text are translated one by one, as a
            model wants that was trained on single ones: see
            `zoo.text.sentences.split_sentences`; None if a text is taken as a whole.
        normalization: "plain" for texts as people type and paste them, made plain
            before they are split, sources and targets (`zoo.text.normalize`); in
            targets the marks of typography that their vocabulary has stay. Or None.
        casing: "restore" for sources that are all in upper or all in lower case, put
            into the case that the vocabulary knows (`zoo.text.casing`), or None.
        name: the model's name.

    Call arguments:
        inputs: ids of x and of y<t-1>, int32 (batch, T_x) and (batch, T_y), 0 at the
            padding on the right.
        training: whether dropout and scheduled sampling are applied.

    Returns:
        logits, float32 (batch, T_y, V).

    Raises:
        ValueError: an argument is not one of the above, or two don't go together.
    """

    def __init__(
        self,
        source_vocabulary: Vocabulary | Sequence[str],
        target_vocabulary: Vocabulary | Sequence[str],
        *,
        level: str = "word",
        source_tokenizer=None,
        target_tokenizer=None,
        embedding_units: int = 256,
        cell: str = "gru",
        units: int = 256,
        encoder_layers: int = 1,
        decoder_layers: int = 1,
        attention: str | None = "general",
        heads: int = 1,
        order: str = "after",
        input_feeding: bool = False,
        context: str = "both",
        bridge: str = "dense",
        shared: bool = False,
        tied: bool = True,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        scheduled_sampling: float = 0.0,
        sentences: str | None = None,
        normalization: str | None = None,
        casing: str | None = None,
        name: str | None = None,
    ):
        config = {
            "level": level,
            "embedding_units": embedding_units,
            "cell": cell,
            "units": units,
            "encoder_layers": encoder_layers,
            "decoder_layers": decoder_layers,
            "attention": attention,
            "heads": heads,
            "order": order,
            "input_feeding": input_feeding,
            "context": context,
            "bridge": bridge,
            "shared": shared,
            "tied": tied,
            "embedding_dropout": embedding_dropout,
            "dropout": dropout,
            "label_smoothing": label_smoothing,
            "scheduled_sampling": scheduled_sampling,
            "sentences": sentences,
            "normalization": normalization,
            "casing": casing,
        }
        check(**config, vocabularies=(source_vocabulary, target_vocabulary))
        kind = LEVELS[level].vocabulary
        source = named_vocabulary(source_vocabulary, "source_vocabulary", kind)
        target = named_vocabulary(target_vocabulary, "target_vocabulary", kind)
        check_shared(shared, source, target)
        super().__init__(
            Language(
                source,
                level,
                source_tokenizer,
                normalization=normalization,
                keep="",
                casing=casing,
            ),
            Language(target, level, target_tokenizer, normalization=normalization),
            name=name,
        )

        # Layers
        self.target_embedding = embedding(target, embedding_units, "target_embedding")
        self.source_embedding = self.target_embedding
        if not shared:
            self.source_embedding = embedding(
                source, embedding_units, "source_embedding"
            )
        rates = {
            "source": embedding_dropout,
            "target": embedding_dropout,
            "output": dropout,
        }
        self.drop = [
            keras.layers.Dropout(rate, name=f"{place}_dropout")
            for place, rate in rates.items()
        ]
        self.encoder = DeepRNN.stack(
            *(cell, units // 2, encoder_layers),
            bidirectional=True,
            dropout=dropout,
            return_sequences=True,
            return_state=True,
            name="encoder",
        )
        self.decoder = decoder(config)
        self.bridge = Bridge(
            bridge if attention or context != "input" else "zero",
            encoder_layers,
            state_sizes(self.decoder.layer),
            name="bridge",
        )
        self.projection = None
        if tied and not attention and units != embedding_units:
            self.projection = keras.layers.Dense(embedding_units, name="projection")
        self.output_embedding = self.target_embedding
        if not tied:
            self.output_embedding = embedding(target, units, "output_embedding")
        self.softmax = SampledSoftmax(
            None, never=(PADDING_ID, START_ID), dtype="float32", name="softmax"
        )

        # Weights
        self.encoder.build((None, None, embedding_units))
        memory_shape = (None, None, units) if attention else (None, units)
        self.decoder.build((None, None, embedding_units), memory_shape)
        self.bridge.build(None)
        if self.projection is not None:
            self.projection.build((None, None, units))
        self.softmax.build(None, None, self.output_embedding.embeddings.shape)
        self.built = True

        # What training draws and measures
        self.seed_generator = keras.random.SeedGenerator()
        self.nats = keras.metrics.Mean(name="nats")
        self.perplexity = Perplexity(name="perplexity")

        # Config
        self.config = config

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {
            "source_vocabulary": self.source.vocabulary.ordinary_tokens,
            "target_vocabulary": self.target.vocabulary.ordinary_tokens,
            "source_tokenizer": self.source.get_config(),
            "target_tokenizer": self.target.get_config(),
            **self.config,
            "name": self.name,
        }

    def call(self, inputs, training=False):
        """Predicts each next token, as `fit` and `evaluate` ask."""
        sources, ids = inputs
        memory, state = self.encode(sources, training=training)
        if training and self.config["scheduled_sampling"]:
            hidden, *_ = self.run(ids, state, memory, training=True)
            ids = self._with_draws(ids, self.logits(hidden))
        hidden, *_ = self.run(ids, state, memory, training=training)
        return self.logits(hidden)

    def encode(self, ids, training=False):
        """Reads sources.

        Args:
            ids: x, int32 (batch, T_x), 0 at the padding on the right.
            training: whether dropout is applied.

        Returns:
            The memory, which stays the same at every step (a `zoo.layers.Memory`;
            without attention C, (batch, units)), and the decoder's first state, a flat
            list of (batch, n).
        """
        # One step at least: Keras' loops can't do without.
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])
        mask = ids != PADDING_ID
        embedded = self.drop[0](self.source_embedding(ids), training=training)
        values, *states = self.encoder(embedded, mask=mask, training=training)
        first, c = self.bridge(states)
        memory = self.decoder.memory(values, mask) if self.attends else c
        return memory, self.decoder.with_fed(first, tf.shape(ids)[0])

    @property
    def sentences(self) -> str | None:
        """What texts are cut into, to be translated one by one."""
        return self.config["sentences"]

    @property
    def attends(self) -> bool:
        """Whether there is attention."""
        return self.config["attention"] is not None

    def run(self, ids, state, memory, training=False):
        """Runs over targets, or over the next pieces of targets.

        Args:
            ids: y<t-1>, int32 (batch, steps), one at least.
            state: of `encode`, or what an earlier call returned.
            memory: of `encode`.
            training: whether dropout is applied.

        Returns:
            ã, (batch, steps, units of the softmax' weights), α, float32 (batch, steps,
            T_x) or None, and the state after the last step.
        """
        embedded = self.drop[1](self.target_embedding(ids), training=training)
        hidden, weights, *state = self.decoder.run(
            embedded, memory, state, mask=ids != PADDING_ID, training=training
        )
        hidden = self.drop[2](hidden, training=training)
        return self._projected(hidden), weights, state

    def _projected(self, a):
        return a if self.projection is None else self.projection(a)

    def logits(self, hidden):
        """Returns V ã + b, float32 (…, V), of ã (…, units of V)."""
        table = ops.convert_to_tensor(self.output_embedding.embeddings)
        return self.softmax.logits(ops.cast(hidden, "float32"), table)

    def step(self, ids, state, memory):
        """Takes one step, the same that `run` takes for each target.

        Args:
            ids: y<t-1>, int32 (batch,).
            state: of `encode`, or of the step before.
            memory: of `encode`.

        Returns:
            logits, float32 (batch, V), the new state, and α<t,·>, float32 (batch, T_x),
            None without attention.
        """
        return self.stepper()(ids, state, memory)

    def stepper(self, beams=1):
        """Returns `step` for a loop, with all prepared that is the same at each.

        Args:
            beams: how many rows of ids and states there are for each of the memory.
        """
        advance = self.decoder.stepper(beams=beams)

        def step(ids, state, memory):
            embedded = self.target_embedding(ids)
            hidden, state, weights = advance(embedded, list(state), memory)
            return self.logits(self._projected(hidden)), state, weights

        return step

    def _with_draws(self, ids, logits):
        """Returns y<t-1>, some of them draws from what was predicted for them."""
        rows, steps, size = ops.shape(logits)
        draws = keras.random.categorical(
            ops.reshape(logits, (rows * steps, size)),
            *(1, "int32", self.seed_generator),
        )
        draws = ops.reshape(draws, (rows, steps))
        draws = ops.concatenate([ids[:, :1], draws[:, :-1]], axis=1)
        chances = keras.random.uniform((rows, steps), seed=self.seed_generator)
        drawn = chances < self.config["scheduled_sampling"]
        return ops.where(drawn & (ids != PADDING_ID), draws, ids)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the mean cross-entropy, in nats per token that is not padding."""
        labels, weights = labels_and_weights(y, sample_weight)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y_pred)
        mean, count = weighted_mean(nats, weights), ops.sum(weights)
        for metric in (self.nats, self.perplexity):
            metric.update_state(ops.stop_gradient(mean), sample_weight=count)
        share = self.config["label_smoothing"] if training else 0.0
        if not share:
            return mean
        smooth = weighted_mean(_mean_nats(y_pred), weights)
        return (1 - share) * mean + share * smooth


def _mean_nats(logits):
    """Returns the mean over all possible tokens of -log ŷ, (batch, steps)."""
    possible = np.ones(logits.shape[-1], "float32")
    possible[[PADDING_ID, START_ID]] = 0
    mean = ops.sum(logits * possible, axis=-1) / possible.sum()
    return ops.logsumexp(logits, axis=-1) - mean
