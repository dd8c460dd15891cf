"""What tokens cost, and how many of them a language model hesitates between."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.class_weights import refuse_class_weight
from zoo.layers.precision import summing_dtype
from zoo.text.vocabulary import PADDING_ID, UNKNOWN_ID
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class Perplexity(keras.metrics.Mean):
    """exp of the mean cross-entropy in nats, of everything seen.

    `update_state` takes what `keras.metrics.Mean` takes: values in nats, and how many
    tokens each is the mean of as `sample_weight`.

    Args:
        name: the metric's name.
        dtype: of the result.
    """

    def __init__(self, name: str = "perplexity", dtype: Any = None):
        super().__init__(name=name, dtype=summing_dtype(dtype))

    def result(self) -> Any:
        """Returns the perplexity."""
        return ops.exp(super().result())


def labels_and_weights(targets: Tensor, sample_weight: Tensor | None = None) -> Any:
    """Returns what to predict, and how much each token counts.

    Args:
        targets: y, int32 (batch, steps), 0 at padding.
        sample_weight: (batch,), how much each row's tokens count; or of a shape that
            fits (batch, steps); or None.

    Returns:
        labels, int32 (batch, steps), none of them padding, which the softmax doesn't
        know; and weights, float32 (batch, steps), 0 at padding.

    Raises:
        ValueError: `fit` was given a `class_weight`.
    """
    valid = ops.not_equal(targets, PADDING_ID)
    weights = ops.cast(valid, "float32")
    if sample_weight is not None:
        sample_weight = tf.cast(sample_weight, tf.float32)
        if sample_weight.shape.rank == 1:
            refuse_class_weight(
                "for a row of tokens, which is of no class. Weigh rows or tokens by "
                "`sample_weight`, (batch,) or (batch, steps), or leave it out."
            )
            sample_weight = sample_weight[:, None]
        weights = weights * sample_weight
    return ops.where(valid, targets, UNKNOWN_ID), weights


def weighted_mean(nats: Tensor, weights: Any) -> Any:
    """Returns the mean cost of the tokens that count, 0 where none does."""
    return ops.sum(nats * weights) / ops.maximum(ops.sum(weights), 1e-9)


def scores(
    tokens: tf.RaggedTensor,
    logs: tf.RaggedTensor,
    spelled: tf.RaggedTensor,
    unknown: tf.RaggedTensor,
) -> dict[str, tf.Tensor]:
    """Returns how probable texts are, in tensors with the batch first.

    Args:
        tokens: string, ragged (batch, n), as all of these are.
        logs: log P of each token, float32, in nats; of an unknown one that of `<UNK>`.
        spelled: log P of the unknown tokens' spellings: see `zoo.models.spelling`.
        unknown: which ones are unknown, bool.

    Returns:
        `log_probability`, of all tokens with their spellings, float32 (batch,);
        `perplexity`, float32 (batch,), of which spellings are no part, as published
        perplexities have it; `tokens`, padded with ""; their `log_probabilities`, with
        spellings, 0 at padding; `unknown`; and `lengths`, int32 (batch,).
    """
    lengths = tf.cast(logs.row_lengths(), tf.int32)
    as_tokens = tf.reduce_sum(tf.cast(logs, tf.float64), axis=1)
    mean = tf.math.divide_no_nan(-as_tokens, tf.cast(lengths, tf.float64))
    logs = logs.with_values(logs.values + spelled.values)
    total = tf.reduce_sum(tf.cast(logs, tf.float64), axis=1)
    return {
        "log_probability": tf.cast(total, tf.float32),
        "perplexity": tf.cast(tf.exp(mean), tf.float32),
        "tokens": tokens.to_tensor(""),
        "log_probabilities": logs.to_tensor(0.0),
        "unknown": unknown.to_tensor(False),
        "lengths": lengths,
    }
