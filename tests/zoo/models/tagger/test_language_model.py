"""A tagger's words, learnt before its tags."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.models import SequenceTagger
from zoo.models.tagger.language_model import TaggerLanguageModel

TOKENS = ["the", "cat", "Tom", "Zoe", "sleeps", "."]
WORDS = ["the", "cat", "Tom", "sleeps", "."]


def tagger(**arguments):
    sizes = {"word_units": 6, "lowercase_units": 4, "units": 5, "character_units": 3}
    lowered = [word.lower() for word in WORDS]
    return SequenceTagger(
        *(WORDS, lowered, list("catomszelp."), ["O", "B-PER"]),
        **{**sizes, "character_embedding_units": 3, **arguments},
    )


def inputs(model, tokens):
    """Returns what a tagger's first recurrent layer reads, by the tagger itself."""
    import keras

    reader = keras.Model(model.input, model.get_layer("views").output)
    return reader(tf.constant(tokens)).numpy()


def test_it_reads_words_as_the_tagger_does():
    for features in ("rnn", "cnn", "none"):
        model = tagger(character_features=features)
        language_model = TaggerLanguageModel(model, TOKENS)
        language_model.build((None, 3))
        places = np.array([[2, 4, 5], [0, 1, 3]], "int32")
        tokens = [[TOKENS[place] for place in row] for row in places]
        read = language_model.embed(tf.constant(places))
        np.testing.assert_allclose(read, inputs(model, tokens), atol=1e-6)


def test_it_predicts_ids_as_words_are_written():
    model = tagger()
    language_model = TaggerLanguageModel(model, TOKENS)
    places = tf.constant([[0, 2, 3]])
    known = model.vocabularies["words"]
    expected = known.ids(tf.constant([["the", "Tom", "Zoe"]]))
    np.testing.assert_array_equal(language_model.labels(places), expected)


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_what_it_learns_the_tagger_has_learnt():
    model = tagger(word_dropout=0.9)
    language_model = TaggerLanguageModel(model, TOKENS, samples=None, seed=1)
    language_model.build((None, 4))
    language_model.compile("adam")
    before = [weight.numpy() for weight in model.weights]
    rows = np.array([[0, 1, 4, 5], [2, 4, 5, 0]] * 8, "int32")
    first = language_model.evaluate(rows, np.zeros(len(rows)), verbose=0)
    language_model.compile("adam")
    language_model.optimizer.learning_rate = 0.03
    language_model.fit(rows, np.zeros(len(rows)), epochs=30, verbose=0)
    assert language_model.evaluate(rows, np.zeros(len(rows)), verbose=0) < 0.7 * first
    changed = {
        weight.path.partition("/")[0]
        for weight, old in zip(model.weights, before, strict=True)
        if not np.array_equal(weight.numpy(), old)
    }
    assert changed == {"words", "lowercase_words", "characters", "recurrent_1"}
