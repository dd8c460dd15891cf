"""What a tagger learns of its language, before it learns any tag."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from zoo.models.bidirectional_language_model import BidirectionalLanguageModel
from zoo.typing import Tensor


class TaggerLanguageModel(BidirectionalLanguageModel):
    """Predicts each word from those before it, and from those after it.

    It is the views of the words and the first recurrent layer of a tagger: what it
    learns, the tagger has learnt. It predicts the words that the tagger knows as they
    are written, others as `<UNK>`, and reads all, by their characters.

    Args:
        tagger: a `zoo.models.SequenceTagger`.
        tokens: the words that texts are of.
        dropout: rate in [0, 1) after the views and before the predictions.
        samples: see `zoo.layers.SampledSoftmax`.
        seed: of dropout and of the samples.

    Call arguments:
        inputs: int32 (batch, steps), places in `tokens`; all steps are words.

    Returns:
        A float tensor (batch, steps, units of a word's vector) for each direction.
    """

    def __init__(
        self,
        tagger: Any,
        tokens: Sequence[str],
        dropout: float = 0.0,
        samples: int | None = 768,
        seed: Any = None,
    ):
        super().__init__(
            tagger.get_layer("words"),
            tagger.get_layer("recurrent_1"),
            dropout,
            samples,
            seed,
        )
        self.word_ids = tagger.get_layer("word_ids")
        self.views = [tagger.get_layer(name) for name in ("words", "lowercase_words")]
        self.characters = None
        if tagger.config["character_features"] != "none":
            self.characters = tagger.get_layer("characters")
        self.features = tagger.get_layer("views").output.shape[-1]
        self._tokens = tf.constant(tokens, tf.string)
        self._labels = self.word_ids.words.ids(self._tokens)

    def embed(self, inputs: Tensor, training: bool | None = False) -> Any:
        """Returns the views of the words, as the tagger has them."""
        tokens = tf.gather(self._tokens, inputs)
        views = [
            ops.take(table.embeddings, ids, axis=0)
            for table, ids in zip(self.views, self.word_ids(tokens), strict=True)
        ]
        if self.characters is not None:
            views.append(self.characters(tokens, training=training))
        return ops.concatenate(views, axis=-1)

    def labels(self, inputs: Tensor) -> Any:
        """Returns the words' ids, as they are written."""
        return tf.gather(self._labels, inputs)
