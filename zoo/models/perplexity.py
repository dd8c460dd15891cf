"""How many tokens a language model hesitates between."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class Perplexity(keras.metrics.Mean):
    """exp of the mean cross-entropy in nats, of everything seen.

    `update_state` takes what `keras.metrics.Mean` takes: values in nats, and how many
    tokens each is the mean of as `sample_weight`.
    """

    def result(self):
        """Returns the perplexity."""
        return ops.exp(super().result())
