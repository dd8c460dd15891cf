"""Texts in, texts out: what one does with a model that predicts translations."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from zoo.models.base import Model
from zoo.models.text_inputs import Texts, paired_batches, text_batch
from zoo.models.translator import scoring, search, serving
from zoo.models.translator.languages import Language
from zoo.text.vocabulary import START_ID


class TranslatingModel(Model, keras.Model):
    """Translates texts and scores translations.

    A subclass predicts tokens: it defines `encode`, `run`, `logits`, `stepper`,
    `attends` and `sentences`, as `zoo.models.Translator` does.

    Args:
        source: the language that is translated from.
        target: the one that is translated into.
        name: the model's name.
    """

    def __init__(self, source: Language, target: Language, name: str | None = None):
        super().__init__(name=name)
        self.source = source
        self.target = target
        self.vocabularies = {
            "source_vocabulary": source.vocabulary,
            "target_vocabulary": target.vocabulary,
        }
        self._search = search.Search(self)

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

    def translate(
        self,
        texts: Texts,
        beam: int = 4,
        *,
        n_best: int = 1,
        length_penalty: float | Sequence[float] = 0.6,
        coverage_penalty: float | Sequence[float] = 0.0,
        max_length: int | Sequence[int] | None = None,
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
            length_penalty: α of the score, 0 or more; 0 for none.
            coverage_penalty: β of the score, 0 or more; needs attention.
            max_length: the most tokens in a translation, `<EOS>` included; by default
                2 for each token of its text and 50 more, but 1 000 at most, which is
                more than real translations have: see `search.default_limit`.

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
            With attention also `attention`: α of the best, float32 (batch, T_y, T_x),
            0 at padding, of the first 512 tokens of a text and of its translation;
            `source_tokens`: string (batch, n), and `tokens`: string (batch, n), what it
            is of, all of them, padded with "", without `<EOS>`.

        Raises:
            ValueError: a number is out of its range.
        """
        penalties = length_penalty, coverage_penalty
        texts = text_batch(texts)
        return self._search(texts, beam, n_best, penalties, max_length)

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
            at padding; `lengths`: int32 (batch,), how many tokens there are.
        """
        texts, translations = paired_batches(texts, translations)
        return scoring.score(self, texts, translations)

    def signatures(self) -> dict:
        """Returns the SavedModel's functions: see `zoo.models.translator.serving`."""
        return serving.signatures(self)
