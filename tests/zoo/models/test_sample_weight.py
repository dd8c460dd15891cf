"""What a weight for each row does to the models' losses, against rows by themselves."""

import keras
import numpy as np
import pytest

from tests.zoo.models import language_models, music_models, translators
from zoo.layers import GRU
from zoo.models import BidirectionalLanguageModel

Y = np.array([[4, 5, 3, 0], [6, 5, 5, 3]], "int32")
ROLL = (np.random.default_rng(0).random((2, 4, 5)) < 0.4).astype("float32")
LENGTHS = np.array([3, 4], "int32")


def language_model():
    model = language_models.make(sentences=True)
    return model, np.asarray(model.inputs(Y)), Y


def translator():
    model = translators.make()
    return model, (np.array([[4, 5], [6, 0]], "int32"), np.asarray(model.inputs(Y))), Y


def music_model():
    model = music_models.make(ending="halt")
    return model, {"roll": ROLL, "lengths": LENGTHS}, None


MADE = {"words": language_model, "pairs": translator, "pieces": music_model}


def loss(model, x, y, rows, weights=None):
    """Returns the loss of some rows."""
    x = keras.tree.map_structure(lambda each: each[rows], x)
    y = None if y is None else y[rows]
    weights = None if weights is None else np.array(weights, "float32")
    return float(model.compute_loss(x, y, model(x), weights, training=False))


@pytest.mark.slow
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("steps", [4, 2])
def test_a_weight_for_each_row_is_that_of_all_it_holds(kind, steps):
    model, x, y = MADE[kind]()
    model.compile()
    if y is not None:  # with 2 steps, as many as rows
        cut = (x[0], x[1][:, :steps]) if kind == "pairs" else x[:, :steps]
        x, y = cut, y[:, :steps]
    counts = LENGTHS if y is None else (y > 0).sum(axis=1)
    alone = np.array([loss(model, x, y, [row]) for row in range(2)])
    for weights in ([1.0, 0.0], [0.25, 3.0]):
        shares = counts * weights
        expected = np.sum(shares * alone) / np.sum(shares)
        for given in (weights, np.array(weights)[:, None]):
            found = loss(model, x, y, [0, 1], given)
            np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["words", "pairs"])
def test_each_token_may_have_a_weight_of_its_own(kind):
    model, x, y = MADE[kind]()
    model.compile()
    first = [[1.0] * 4, [0.0] * 4]
    expected = loss(model, x, y, [0])
    np.testing.assert_allclose(loss(model, x, y, [0, 1], first), expected, rtol=1e-5)


def test_a_weight_for_each_frame_is_refused():
    model, x, _ = music_model()
    model.compile()
    with pytest.raises(ValueError, match=r"must be \(batch,\), found \(2, 4\)"):
        loss(model, x, None, [0, 1], np.ones((2, 4)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.usefixtures("by_cells")
def test_fit_takes_a_weight_for_each_row(kind):
    model, x, y = MADE[kind]()
    model.compile()
    weights = np.array([2.0, 0.5], "float32")
    expected = loss(model, x, y, [0, 1], weights)
    # Without targets Keras forgets the weights.
    y = LENGTHS if y is None else y
    history = model.fit(x, y, sample_weight=weights, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["words", "pairs"])
def test_class_weights_which_keras_makes_weights_of_rows_are_refused(kind):
    model, x, y = MADE[kind]()
    model.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="class_weight has no meaning for a row of to"):
        model.fit(x, y, class_weight={0: 2.0}, verbose=0)


@pytest.mark.slow
def test_a_model_that_can_weigh_no_rows_says_so():
    embedding = keras.layers.Embedding(7, 3)
    model = BidirectionalLanguageModel(embedding, GRU(2, return_sequences=True))
    model.compile(run_eagerly=True)
    ids = np.ones((2, 3), int)
    with pytest.raises(ValueError, match="leave out sample_weight"):
        model.fit(ids, ids, sample_weight=np.ones(2), verbose=0)
