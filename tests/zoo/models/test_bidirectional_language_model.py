"""Learning from unlabelled text, against the formulas and a language with one rule."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw
from zoo import layers
from zoo.models import BidirectionalLanguageModel, SequenceClassifier

pytestmark = pytest.mark.slow

UNITS, TOKENS = 3, 9


def make_language_model(
    bidirectional=True, tokens=TOKENS, units=4, layer=layers.GRU, **arguments
):
    embedding = keras.layers.Embedding(tokens, UNITS, mask_zero=True)
    recurrent = layer(units, return_sequences=True)
    if bidirectional:
        recurrent = layers.Bidirectional(recurrent)
    model = BidirectionalLanguageModel(embedding, recurrent, **arguments)
    model.build((None, None))
    return model


def test_no_prediction_depends_on_the_token_it_predicts():
    model = make_language_model()
    ids = np.array([[3, 0, 2, 5, 7, 4]])
    changed = np.where(np.eye(6, dtype=bool), 8, ids)  # row k differs at step k

    forward, backward = (
        np.any(np.abs(np.asarray(after) - np.asarray(before)) > 1e-7, axis=-1)
        for before, after in zip(model(ids), model(changed), strict=True)
    )

    row, step = np.indices((6, 6))
    np.testing.assert_array_equal(forward, step >= row)  # step t predicts t + 1
    np.testing.assert_array_equal(backward, step <= row)  # step t predicts t - 1


@pytest.mark.parametrize("bidirectional", [True, False])
def test_loss_is_the_mean_of_predicting_each_neighbour(bidirectional):
    model = make_language_model(bidirectional)
    ids = np.array([[3, 0, 2, 5], [7, 4, 8, 1]])
    guesses = model(ids)
    table = np.asarray(model.embedding.embeddings)

    def cross_entropy(hidden, labels):
        logits = hidden @ table.T + np.asarray(model.softmax.bias)
        return np.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    model.softmax.bias.assign(draw(TOKENS))
    losses = [cross_entropy(np.asarray(guesses[0])[:, :-1], ids[:, 1:])]
    if bidirectional:
        losses.append(cross_entropy(np.asarray(guesses[1])[:, 1:], ids[:, :-1]))
    assert len(guesses) == len(losses)
    loss = model.compute_loss(tf.constant(ids), y_pred=guesses, training=False)
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)


@pytest.mark.usefixtures("by_cells")
def test_it_learns_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_language_model(samples=5)
    finally:
        keras.config.set_dtype_policy("float32")
    ids = np.array([[3, 0, 2, 5], [7, 4, 8, 1]], "int32")
    before = model.get_weights()
    assert model(ids)[0].dtype == tf.bfloat16
    model.compile("sgd", jit_compile=False)

    history = model.fit(ids, epochs=1, verbose=0)

    assert np.isfinite(history.history["loss"]).all()
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() > 0


@pytest.mark.usefixtures("by_cells")
def test_what_the_language_model_learns_the_classifier_has_learnt():
    classifier = SequenceClassifier(
        "abc", ["no", "yes"], units=4, embedding_units=3, layers=2, cell="rnn"
    )
    before = {w.path: w.numpy() for w in classifier.weights}
    model = BidirectionalLanguageModel(
        classifier.embedding, classifier.first_recurrent, samples=5
    )
    model.compile("sgd", run_eagerly=True)
    model.fit(np.array([[4, 5, 6, 4, 5]], "int32"), epochs=1, verbose=0)

    changed = {w.path for w in classifier.weights if np.any(before[w.path] != w)}
    shared = {path for path in before if path.startswith(("embedding", "recurrent_1"))}
    assert changed == shared
    assert len(shared) == 1 + 2 * 3


def test_cyclic_language_is_learnt_in_both_directions():
    keras.utils.set_random_seed(0)
    model = make_language_model(
        tokens=5, units=16, layer=layers.SimpleRNN, samples=8, seed=1
    )
    model.compile(keras.optimizers.Adam(0.05), jit_compile=False)
    ids = (
        np.arange(6, dtype="int32") + np.arange(5, dtype="int32")[:, None]
    ) % 5  # ... 3 4 0 1 2 3 4 0 ...
    dataset = tf.data.Dataset.from_tensors(ids).repeat(150)

    model.fit(dataset, verbose=0)

    both = model(ids)
    loss = model.compute_loss(tf.constant(ids), y_pred=both, training=False)
    assert loss < 0.1
    logits = [
        guesses @ tf.transpose(model.embedding.embeddings) + model.softmax.bias
        for guesses in both
    ]
    after, before = (np.argmax(scores, axis=-1) for scores in logits)
    np.testing.assert_array_equal(after[:, :-1], ids[:, 1:])
    np.testing.assert_array_equal(before[:, 1:], ids[:, :-1])
