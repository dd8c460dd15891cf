"""The zoo's classifier, rebuilt from what Keras has."""

import keras


class MaskedMax(keras.layers.Layer):
    """The masked maximum over time that a Keras user would write."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequences, mask=None):
        lowest = keras.ops.full_like(sequences, -1e9)
        return keras.ops.max(keras.ops.where(mask[..., None], sequences, lowest), 1)

    def compute_mask(self, sequences, mask=None):
        return None


def classifier(words: int, classes: int, units: int = 128, cell: str = "lstm"):
    """Returns embedding, a bidirectional layer, max pooling and logits."""
    layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(words, 128, mask_zero=True),
            keras.layers.Dropout(0.5),
            keras.layers.Bidirectional(layer(units, return_sequences=True)),
            MaskedMax(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(classes),
        ]
    )
