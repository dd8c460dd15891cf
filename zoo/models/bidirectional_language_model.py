"""Learning a language from unlabelled text, before the labels come."""

from typing import Any

import keras
from keras import ops

from zoo.layers import SampledSoftmax
from zoo.models.replicas import Replicated, share_of_loss
from zoo.typing import Tensor


class BidirectionalLanguageModel(Replicated, keras.Model):
    """Predicts each token from those before it, and from those after it.

    ```
    -log P(w<t+1> | w<1..t>) - log P(w<t-1> | w<t..T>)     summed over t
    ```

    (Peters et al. 2018.) It *is* the embedding and the first recurrent layer of
    another model: what it learns, that model has learnt (Dai & Le 2015).

    Args:
        embedding: a `keras.layers.Embedding`.
        recurrent: a recurrent layer that returns sequences, or a `Bidirectional`
            that concatenates; one direction alone predicts the next token only.
        dropout: rate in [0, 1) after the embedding and before the predictions.
        samples: see `SampledSoftmax`.
        seed: of dropout and of the samples.

    Call arguments:
        inputs: int32 (batch, steps), without padding.
        training: whether dropout is applied.

    Returns:
        A float tensor (batch, steps, units of the embedding) for each direction.
    """

    def __init__(
        self,
        embedding: keras.layers.Embedding,
        recurrent: keras.layers.Layer,
        dropout: float = 0.0,
        samples: int | None = 768,
        seed: Any = None,
    ):
        super().__init__(name="language_model")
        self.embedding = embedding
        self.recurrent = recurrent
        self.features = embedding.output_dim
        self.directions = 2 if hasattr(recurrent, "backward_layer") else 1
        self.drop = keras.layers.Dropout(dropout, seed=seed, name="dropout")
        self.projections = [
            keras.layers.Dense(embedding.output_dim, name=f"projection_{number}")
            for number in range(self.directions)
        ]
        self.softmax = SampledSoftmax(samples, seed=seed, name="softmax")

    def build(self, input_shape: Any) -> None:
        """Creates the weights of the projections and of the softmax."""
        features = (*input_shape, self.features)
        for layer in (self.embedding, self.recurrent):
            if not layer.built:
                layer.build(input_shape if layer is self.embedding else features)
        units = self.recurrent.compute_output_shape(features)[-1]
        for projection in self.projections:
            projection.build((*input_shape, units // self.directions))
        self.softmax.build(None, None, self.embedding.embeddings.shape)

    def call(self, inputs: Tensor, training: bool | None = False) -> Any:
        """Returns each direction's guess at the neighbour it has yet to see."""
        embedded = self.embed(inputs, training)
        states = self.recurrent(self.drop(embedded, training=training))
        states = self.drop(states, training=training)
        halves = ops.split(states, self.directions, axis=-1)
        return [
            project(half)
            for project, half in zip(self.projections, halves, strict=True)
        ]

    def embed(self, inputs: Tensor, training: bool | None = False) -> Any:
        """Returns what the recurrent layer reads, (batch, steps, features)."""
        # Not by calling the embedding: its mask would only cost time here.
        return ops.take(self.embedding.embeddings, inputs, axis=0)

    def labels(self, inputs: Tensor) -> Any:
        """Returns the ids, rows of the embedding, that are to be predicted."""
        return inputs

    def compute_loss(
        self,
        x: Any,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the mean of the directions' losses, in nats a token.

        Raises:
            ValueError: rows are weighted.
        """
        if sample_weight is not None:
            raise ValueError(
                "Each neighbour counts as much as any other: leave out sample_weight."
            )
        neighbours = [(slice(None, -1), slice(1, None)), (slice(1, None), slice(0, -1))]
        losses, ids = [], self.labels(x)
        for guesses, (here, there) in zip(y_pred, neighbours, strict=False):
            units = guesses.shape[-1]
            hidden = ops.reshape(guesses[:, here], (-1, units))
            labels = ops.reshape(ids[:, there], (-1,))
            table = ops.convert_to_tensor(self.embedding.embeddings)
            losses.append(self.softmax(hidden, labels, table, training=training))
        rows = ops.shape(x)[0]
        return share_of_loss(sum(losses) / len(losses), rows, rows)
