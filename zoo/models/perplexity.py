"""What tokens cost, and how many of them a language model hesitates between."""

import keras
from keras import ops

from zoo.text.vocabulary import PADDING_ID, UNKNOWN_ID


@keras.saving.register_keras_serializable(package="zoo")
class Perplexity(keras.metrics.Mean):
    """exp of the mean cross-entropy in nats, of everything seen.

    `update_state` takes what `keras.metrics.Mean` takes: values in nats, and how many
    tokens each is the mean of as `sample_weight`.
    """

    def result(self):
        """Returns the perplexity."""
        return ops.exp(super().result())


def labels_and_weights(targets, sample_weight=None):
    """Returns what to predict, and how much each token counts.

    Args:
        targets: y, int32 (batch, steps), 0 at padding.
        sample_weight: of a shape that fits, or None.

    Returns:
        labels, int32 (batch, steps), none of them padding, which the softmax doesn't
        know; and weights, float32 (batch, steps), 0 at padding.
    """
    valid = ops.not_equal(targets, PADDING_ID)
    weights = ops.cast(valid, "float32")
    if sample_weight is not None:
        weights = weights * ops.cast(sample_weight, "float32")
    return ops.where(valid, targets, UNKNOWN_ID), weights


def weighted_mean(nats, weights):
    """Returns the mean cost of the tokens that count, 0 where none does."""
    return ops.sum(nats * weights) / ops.maximum(ops.sum(weights), 1e-9)
