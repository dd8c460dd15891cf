"""The zoo's classifier and tagger, rebuilt from what Keras has."""

import keras

from zoo.layers import CRF


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


class TokenCharacters(keras.layers.Layer):
    """What is read of each token's characters, token by token, as Keras users do it.

    Args:
        characters: how many there are.
        embedding_units: size of a character's vector.
        units: of the LSTM, in each direction.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        ids: int32 (batch, steps, characters), 0 where there is none.

    Returns:
        (batch, steps, 2 · units).
    """

    def __init__(self, characters: int, embedding_units: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(
            characters, embedding_units, mask_zero=True
        )
        self.reader = keras.layers.Bidirectional(keras.layers.LSTM(units))

    def build(self, ids_shape):
        self.embedding.build((None, None))
        self.reader.build((None, None, self.embedding.output_dim))

    def call(self, ids):
        batch, steps, length = keras.ops.shape(ids)
        features = self.reader(self.embedding(keras.ops.reshape(ids, (-1, length))))
        return keras.ops.reshape(features, (batch, steps, features.shape[-1]))


def tagger(zoo_tagger) -> keras.Model:
    """Returns the same tagger of `keras.layers`, with the same weights.

    Its inputs are ids, got ready outside: of words and of words in lower case, int32
    (batch, steps), and of characters, int32 (batch, steps, characters). It takes no
    words for unknown in training. The CRF, which Keras has not, is the zoo's.

    Args:
        zoo_tagger: a `zoo.models.SequenceTagger` of one bidirectional LSTM with a
            CRF, whose characters are read by an LSTM.
    """
    layers, sizes = keras.layers, zoo_tagger.get_config()
    ids = [
        keras.Input((None,), dtype="int32", name=f"{view}_ids")
        for view in ("words", "lowercase_words")
    ]
    ids.append(keras.Input((None, None), dtype="int32", name="character_ids"))
    counts = [len(zoo_tagger.vocabularies[name]) for name in zoo_tagger.vocabularies]
    views = [
        layers.Embedding(counts[0], sizes["word_units"], mask_zero=True, name="words"),
        layers.Embedding(
            counts[1], sizes["lowercase_units"], mask_zero=True, name="lowercase_words"
        ),
        TokenCharacters(
            counts[2],
            sizes["character_embedding_units"],
            sizes["character_units"],
            name="characters",
        ),
    ]
    # Said, for Keras' own mask of a concatenation with what has no mask is all true.
    mask = keras.ops.not_equal(ids[0], 0)
    x = layers.concatenate([view(i) for view, i in zip(views, ids, strict=True)])
    x = layers.Dropout(sizes["dropout"])(x)
    lstm = layers.LSTM(sizes["units"], return_sequences=True)
    x = layers.Bidirectional(lstm, name="recurrent_1")(x, mask=mask)
    x = layers.Dropout(sizes["dropout"])(x)
    x = layers.Dense(len(zoo_tagger.tags), name="emissions")(x)
    x = CRF(zoo_tagger.tags, zoo_tagger.scheme, name="crf")(x, mask=mask)
    model = keras.Model(ids, x)
    for name in (*(view.name for view in views), "recurrent_1", "emissions", "crf"):
        model.get_layer(name).set_weights(zoo_tagger.get_layer(name).get_weights())
    return model
