"""Many-to-many, T_x ≠ T_y: a text in one language in, a text in another out."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers import Bridge, PointerGenerator, SampledSoftmax
from zoo.layers.precision import summing_dtype
from zoo.layers.states import state_sizes
from zoo.layers.stepping import Product
from zoo.models.base import Model
from zoo.models.construction import embedding, named_vocabulary, options, rebuilt
from zoo.models.perplexity import Perplexity, labels_and_weights, weighted_mean
from zoo.models.replicas import share_of_loss
from zoo.models.text_inputs import Texts, paired_batches, text_batch
from zoo.models.texts import LEVELS, Language
from zoo.models.translator import (
    alignment,
    scoring,
    search,
    serving,
    training_steps,
)
from zoo.models.translator.construction import (
    PENALTIES,
    check,
    check_penalties,
    check_shared,
    decoder,
    dropouts,
    encoder,
)
from zoo.models.translator.copying import Source, in_target
from zoo.models.translator.other_tokens import with_vocabularies
from zoo.text import Vocabulary
from zoo.text.vocabulary import PADDING_ID, START_ID
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class Translator(Model, keras.Model):
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
    or both. With `copying` ŷ<t> is a mixture of this softmax and of α<t,·> over the
    source's tokens: see `zoo.layers.PointerGenerator`.

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
        cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
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
        copying: whether tokens of the source are copied, names above all, which no
            training text had; needs attention.
        copying_cues: whether, of what is copied, the source tells as well that it is to
            be: see `zoo.layers.PointerGenerator`. A model is better with it.
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
        length_penalty: α, what a translation's length changes in its score where
            `translate` and SavedModels are told nothing: 0 or more.
        coverage_penalty: β, what it costs there to leave words unattended to, 0 or
            more; needs attention.
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

    _reads_tables = True

    def __init__(
        self,
        source_vocabulary: Vocabulary | Sequence[str],
        target_vocabulary: Vocabulary | Sequence[str],
        *,
        level: str = "word",
        source_tokenizer: Any = None,
        target_tokenizer: Any = None,
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
        copying: bool = False,
        copying_cues: bool = False,
        shared: bool = False,
        tied: bool = True,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        scheduled_sampling: float = 0.0,
        length_penalty: float = PENALTIES["length_penalty"],
        coverage_penalty: float = PENALTIES["coverage_penalty"],
        sentences: str | None = None,
        normalization: str | None = None,
        casing: str | None = None,
        name: str | None = None,
    ):
        config = options(
            locals(),
            "source_vocabulary",
            "target_vocabulary",
            "source_tokenizer",
            "target_tokenizer",
        )
        check(**config, vocabularies=(source_vocabulary, target_vocabulary))
        check_penalties(length_penalty, coverage_penalty, attention)
        kind = LEVELS[level].vocabulary
        source = named_vocabulary(source_vocabulary, "source_vocabulary", kind)
        target = named_vocabulary(target_vocabulary, "target_vocabulary", kind)
        check_shared(shared, source, target)
        super().__init__(name=name)

        # Languages
        self.source = Language(
            source,
            level,
            source_tokenizer,
            normalization=normalization,
            keep="",
            casing=casing,
        )
        self.target = Language(
            target, level, target_tokenizer, normalization=normalization
        )
        self.vocabularies = {
            "source_vocabulary": source,
            "target_vocabulary": target,
        }

        # Layers
        self.target_embedding = embedding(target, embedding_units, "target_embedding")
        self.source_embedding = self.target_embedding
        if not shared:
            self.source_embedding = embedding(
                source, embedding_units, "source_embedding"
            )
        self.drop = dropouts(config)
        self.encoder = encoder(config)
        self.decoder = decoder(config)
        self.bridge = Bridge(
            bridge if attention or context != "input" else "zero",
            encoder_layers,
            state_sizes(self.decoder.layer),
            name="bridge",
        )
        self.projection = None
        if tied and not attention and units != embedding_units:
            self.projection = keras.layers.Dense(
                config["embedding_units"], name="projection"
            )
        self.output_embedding = self.target_embedding
        if not tied:
            self.output_embedding = embedding(target, units, "output_embedding")
        self.softmax = SampledSoftmax(
            None, never=(PADDING_ID, START_ID), dtype="float32", name="softmax"
        )

        self.pointer = None
        if copying:
            self.pointer = PointerGenerator(dtype="float32", name="pointer")

        # Weights
        self.encoder.build((None, None, embedding_units))
        memory_shape = (None, None, units) if attention else (None, units)
        self.decoder.build((None, None, embedding_units), memory_shape)
        self.bridge.build(None)
        if self.projection is not None:
            self.projection.build((None, None, units))
        size, width = self.output_embedding.embeddings.shape
        self.softmax.build(None, None, (size, width))
        if self.pointer is not None:
            values_shape = memory_shape if copying_cues else None
            shapes = (None, None, size), (None, None, width), None, None, values_shape
            self.pointer.build(*shapes)
            self._in_target = in_target(source, target)
        self.built = True

        # What training draws and measures
        self.seed_generator = keras.random.SeedGenerator()
        self.nats = keras.metrics.Mean("nats", summing_dtype())
        self.perplexity = Perplexity(name="perplexity")

        # Config
        self.config = config
        self._search = search.Search(self)

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

    @staticmethod
    def inputs(targets: tf.Tensor) -> tf.Tensor:
        """Returns y<t-1> of y: `<SOS>`, then what comes before each target.

        Args:
            targets: y, int32 (batch, steps), 0 at the padding on the right.

        Returns:
            int32 (batch, steps), with as much padding.
        """
        start = tf.fill([tf.shape(targets)[0], 1], START_ID)
        before = tf.concat([start, targets], axis=1)[:, :-1]
        return tf.where(targets != 0, before, 0)

    def call(self, inputs: Tensor, training: bool | None = False) -> Any:
        """Predicts each next token, as `fit` and `evaluate` ask."""
        sources, ids = inputs
        memory, state = self.encode(sources, training=training)
        if training and self.config["scheduled_sampling"]:
            hidden, weights, _ = self.run(ids, state, memory, training=True)
            logits = self.logits(hidden, weights, memory)
            rate = self.config["scheduled_sampling"]
            ids = training_steps.with_draws(ids, logits, rate, self.seed_generator)
        hidden, weights, _ = self.run(ids, state, memory, training=training)
        return self.logits(hidden, weights, memory)

    def encode(self, ids: Tensor, training: bool | None = False) -> Any:
        """Reads sources.

        Args:
            ids: x, int32 (batch, T_x), 0 at the padding on the right.
            training: whether dropout is applied.

        Returns:
            The memory, which stays the same at every step (a `zoo.layers.Memory`, with
            what can be copied a `copying.Source`; without attention C, (batch, units)),
            and the decoder's first state, a flat list of (batch, n).
        """
        # One step at least: Keras' loops can't do without.
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])
        mask = ids != PADDING_ID
        embedded = self.drop[0](self.source_embedding(ids), training=training)
        values, *states = self.encoder(embedded, mask=mask, training=training)
        first, c = self.bridge(states)
        memory = self.decoder.memory(values, mask) if self.attends else c
        if self.pointer is not None:
            copied = tf.gather(self._in_target, ids)
            size = len(self.target.vocabulary)
            values, keys, known = memory
            firsts, cues = self.pointer.firsts(copied, size), self.pointer.cues(values)
            memory = Source(values, keys, known, copied, firsts, cues)
        return memory, self.decoder.with_fed(first, tf.shape(ids)[0])

    def with_copying(self) -> "Translator":
        """Returns a model with these weights that copies, seldom before it is trained.

        One that copies already does so as before, and gets cues, if it has none.

        Raises:
            ValueError: the model has no attention.
        """
        anew = ["pointer"] if self.pointer is None else ["cue"]
        if self.config["copying_cues"]:
            anew = []
        return rebuilt(self, anew, copying=True, copying_cues=True)

    def with_vocabularies(
        self,
        source_vocabulary: Vocabulary | Sequence[str],
        target_vocabulary: Vocabulary | Sequence[str],
    ) -> "Translator":
        """Returns a model with these weights that knows other tokens.

        Their vectors are made of those of the tokens that they were before: see
        `zoo.models.vocabulary_transfer`. It translates as before once it is trained
        further.

        Args:
            source_vocabulary: as the constructor's.
            target_vocabulary: as the constructor's.

        Raises:
            ValueError: the embedding is shared, and these are two vocabularies.
        """
        return with_vocabularies(self, source_vocabulary, target_vocabulary)

    def search_with(self, length_penalty: float, coverage_penalty: float) -> None:
        """Sets the penalties that translations are searched with by default.

        They go to disk with the model, and so into presets and SavedModels.

        Args:
            length_penalty: α of the score, 0 or more.
            coverage_penalty: β of the score, 0 or more; needs attention.

        Raises:
            ValueError: one is out of its range, or there is no attention.
        """
        chosen = {
            "length_penalty": float(length_penalty),
            "coverage_penalty": float(coverage_penalty),
        }
        check_penalties(**chosen, attention=self.config["attention"])
        self.config.update(chosen)

    @property
    def sentences(self) -> str | None:
        """What texts are cut into, to be translated one by one."""
        return self.config["sentences"]

    @property
    def attends(self) -> bool:
        """Whether there is attention."""
        return self.config["attention"] is not None

    @property
    def normalized(self) -> bool:
        """Whether logits are log ŷ, as they are of a model that copies."""
        return self.pointer is not None

    def run(
        self, ids: Tensor, state: Any, memory: Any, training: bool | None = False
    ) -> Any:
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
        return self._projected(hidden), _in_float32(weights), state

    def _projected(self, a):
        return a if self.projection is None else self.projection(a)

    def logits(self, hidden: Tensor, weights: Any, memory: Any) -> Any:
        """Returns V ã + b, float32 (batch, steps, V); log ŷ of a model that copies.

        Args:
            hidden: ã, of `run`.
            weights: α, of `run`.
            memory: of `encode`.
        """
        table = ops.convert_to_tensor(self.output_embedding.embeddings)
        logits = self.softmax.logits(ops.cast(hidden, "float32"), table)
        if self.pointer is None:
            return logits
        source = memory.ids, memory.firsts, memory.cues
        return self.pointer.mix(logits, hidden, weights, *source)

    def step(self, ids: Tensor, state: Any, memory: Any) -> Any:
        """Takes one step, the same that `run` takes for each target.

        Args:
            ids: y<t-1>, int32 (batch,).
            state: of `encode`, or of the step before.
            memory: of `encode`.

        Returns:
            logits, float32 (batch, V), as those of `logits`; the new state, and α<t,·>,
            float32 (batch, T_x), None without attention.
        """
        return self.stepper()(ids, state, memory)

    def stepper(self, beams: int = 1) -> Any:
        """Returns `step` for a loop, with all prepared that is the same at each.

        Args:
            beams: how many rows of ids and states there are for each of the memory.
        """
        advance = self.decoder.stepper(beams=beams)
        # In float32, as the softmax, whatever the embedding is in.
        table = tf.cast(self.output_embedding.embeddings, tf.float32)
        product, offsets = Product(tf.transpose(table)), self.softmax.offsets()

        def step(ids, state, memory):
            embedded = self.target_embedding(ids)
            hidden, state, weights = advance(embedded, list(state), memory)
            hidden = tf.cast(self._projected(hidden), tf.float32)
            logits = product(hidden) + offsets
            if self.pointer is not None:
                source = memory.ids, memory.firsts, memory.cues
                logits = self.pointer.mix(logits, hidden, weights, *source)
            return logits, state, _in_float32(weights)

        return step

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
        logs = y_pred if self.normalized else tf.nn.log_softmax(y_pred)
        nats = -tf.gather(logs, labels, batch_dims=2)
        mean, count = weighted_mean(nats, weights), ops.sum(weights)
        for metric in (self.nats, self.perplexity):
            metric.update_state(ops.stop_gradient(mean), sample_weight=count)
        smoothed = self.config["label_smoothing"] if training else 0.0
        loss = mean
        if smoothed:
            of_all = weighted_mean(training_steps.mean_nats(logs), weights)
            loss = (1 - smoothed) * mean + smoothed * of_all
        return share_of_loss(loss, count, ops.shape(y)[0])

    def translate(
        self,
        texts: Texts,
        beam: int = 4,
        *,
        n_best: int = 1,
        length_penalty: float | Sequence[float] | None = None,
        coverage_penalty: float | Sequence[float] | None = None,
        max_length: int | Sequence[int] | None = None,
        attention: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Translates texts by beam search: see `zoo.decoding.beam_search`.

        With attention, `<UNK>` is written as the source's token that it looked at
        most; without, a translation has none. An empty text's translation is empty.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.
            beam: how many hypotheses a text has at each step; 1 is greedy decoding,
                without penalties.
            n_best: n, how many translations are returned, `beam` at most.
            length_penalty: α of the score, 0 or more; 0 for none; the model's own by
                default.
            coverage_penalty: β of the score, 0 or more; needs attention; the model's
                own by default.
            max_length: the most tokens in a translation, `<EOS>` included; by default
                2 for each token of its text and 50 more, but 1 000 at most, which is
                more than real translations have: see `search.default_limit`.
            attention: whether it is returned what the best translations looked at:
                batch · T_y · T_x numbers.

        Each of these three is one number or a sequence with one for each text; of a
        sequence -1 as `max_length` is the default. A translation that goes in circles
        is ended: see `zoo.decoding.Cycles`.

        Where the model cuts texts into sentences, each is translated by itself, within
        `max_length` of its own. The translations are joined by spaces, their scores and
        log P added; the n best are those of all combinations of the sentences' n best.
        No token looks at another sentence than its own.

        Returns:
            `translation`: string (batch,); its `score`: float32 (batch,);
            `translations` and their `scores`: the n best, (batch, n), "" and −∞ where
            there are fewer; `log_probabilities`: float32 (batch, n), log P in nats.
            Where it is asked for also `attention`, `source_tokens` and `tokens` of the
            best: see `align`.

        Raises:
            TypeError: something in `texts` is no string.
            ValueError: a number is out of its range, `texts` is nested, or the model
                has no attention.
        """
        if length_penalty is None:
            length_penalty = self.config["length_penalty"]
        if coverage_penalty is None:
            coverage_penalty = self.config["coverage_penalty"]
        penalties = length_penalty, coverage_penalty
        texts = text_batch(texts)
        return self._search(texts, beam, n_best, penalties, max_length, attention)

    def score(self, texts: Texts, translations: Texts) -> dict[str, tf.Tensor]:
        """Says how probable translations are.

        Where the model cuts texts into sentences, and a translation has as many as its
        text, each sentence's is scored by itself, its `<EOS>` too, and all are added
        up; else the text and its translation are taken as a whole.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.
            translations: the same, as many as texts.

        Returns:
            `log_probability`: float32 (batch,), log P(y|x) in nats, with `<EOS>`;
            `perplexity`: float32 (batch,), exp(-log P / tokens); `tokens`: string
            (batch, n), padded with ""; their `log_probabilities`: float32 (batch, n), 0
            at padding; `unknown`: bool (batch, n), which ones are `<UNK>`; `lengths`:
            int32 (batch,), how many tokens there are.

            A token that is unknown costs what `<UNK>` costs, and what its spelling
            costs: see `zoo.models.spelling`. In `perplexity` alone `<UNK>` is a token
            like another.

        Raises:
            TypeError: something is no string.
            ValueError: something is nested, or there are not equally many.
        """
        texts, translations = paired_batches(texts, translations)
        return scoring.score(self, texts, translations)

    def align(self, texts: Texts, translations: Texts) -> dict[str, tf.Tensor]:
        """Says what translations look at, token by token.

        Texts of several sentences are cut as `score` cuts them.

        Args:
            texts: one string, or several in a list, an array or a tensor, (batch,);
                one is a batch of one.
            translations: the same, as many as texts.

        Returns:
            `attention`: α, float32 (batch, T_y, T_x), 0 at padding, of the first 512
            tokens of a text and of its translation; `source_tokens`: string (batch, n),
            and `tokens`: string (batch, n), what it is of, all of them, padded with "",
            without `<EOS>`.

        Raises:
            TypeError: something is no string.
            ValueError: something is nested, or there are not equally many, or the
                model has no attention.
        """
        if not self.attends:
            raise ValueError("This model has no attention: nothing is aligned.")
        return alignment.of_pairs(self, *paired_batches(texts, translations))

    def signatures(self) -> dict:
        """Returns the SavedModel's functions: see `zoo.models.translator.serving`."""
        return serving.signatures(self)


def _in_float32(weights):
    """Returns α as float32, also of a model that computes in float64; None of none."""
    return None if weights is None else tf.cast(weights, tf.float32)
