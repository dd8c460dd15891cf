"""Dynamic evaluation, against its equations, and the model's, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import log_probabilities, make
from zoo.models import DynamicEvaluation

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

TEXTS = ["abba cab", "", "é", "a cab, a cab. a cab!"]
NUMBERS = ("log_probability", "perplexity", "bits_per_character", "log_probabilities")


@pytest.fixture(scope="module")
def model():
    return make(units=3, embedding_units=2)


def values(model):
    return [weight.numpy() for weight in model.trainable_variables]


def gradients(model, text, step=1e-3):
    """Returns those of the mean -log P of a text's tokens, by central differences."""

    def mean():
        return -np.mean(log_probabilities(model, [text])[0])

    found = []
    for weight in model.trainable_variables:
        before = weight.numpy()
        gradient = np.zeros(before.shape)
        for place in np.ndindex(before.shape):
            sides = []
            for change in (step, -step):
                changed = before.copy()
                changed[place] += change
                weight.assign(changed)
                sides.append(mean())
            gradient[place] = (sides[0] - sides[1]) / (2 * step)
        weight.assign(before)
        found.append(gradient)
    return found


def test_weights_take_the_equations_steps(model):
    rate, decay = 0.01, 0.2
    trained = values(model)
    with DynamicEvaluation(model, rate, decay) as reader:
        squares = [0.0] * len(trained)
        for number, text in enumerate(["abba", "c b.a"], start=1):
            before, gradient = values(model), gradients(model, text)
            ids = model.encode([text]).to_tensor()
            nats, _ = reader.nats(model.inputs(ids), ids, model.initial_state(1))
            squares = [
                0.999 * square + 0.001 * g**2
                for square, g in zip(squares, gradient, strict=True)
            ]
            for place, g in enumerate(gradient):
                root = np.sqrt(squares[place] / (1 - 0.999**number))
                expected = before[place] - rate * g / (root + 1e-5)
                expected += decay * (trained[place] - before[place])
                clear = (root > 1e-3) | (root == 0)  # the differences are a bit wrong
                assert clear.mean() > 0.8
                found = values(model)[place]
                np.testing.assert_allclose(found[clear], expected[clear], atol=1e-4)
        assert nats.shape == (1, 5)
    for weight, other in zip(values(model), trained, strict=True):
        np.testing.assert_array_equal(weight, other)


def test_the_first_window_costs_what_it_did_and_what_recurs_costs_less(model):
    text = "a cab. " * 20
    static = model.score(text)
    with DynamicEvaluation(model, 0.01, 0.0, window=7) as reader:
        found = reader.score(text)
    first, expected = (each["log_probabilities"][0, :7] for each in (found, static))
    np.testing.assert_allclose(first, expected, atol=1e-5)
    gained = found["log_probability"][0] - static["log_probability"][0]
    assert gained > 20
    assert list(found) == list(static)
    for name in ("tokens", "unknown", "lengths"):
        np.testing.assert_array_equal(found[name], static[name])


def test_each_text_is_read_as_if_it_were_the_only_one(model):
    with DynamicEvaluation(model, 0.01, window=3) as reader:
        together = reader.score(TEXTS)
        for row, text in enumerate(TEXTS):
            alone = reader.score(text)
            for name in NUMBERS:
                one = np.ravel(alone[name][0])
                other = np.ravel(together[name][row])[: len(one)]
                np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("window", [1, 4, 100])
def test_small_steps_change_nothing(model, window):
    static = model.score(TEXTS)
    with DynamicEvaluation(model, 1e-12, 0.0, window) as reader:
        found = reader.score(TEXTS)
    for name, expected in static.items():
        if expected.dtype.is_floating:
            np.testing.assert_allclose(found[name], expected, atol=1e-4)


def test_a_cache_and_unknown_words_go_with_it():
    model = make(cache=5, cell="lstm")
    with DynamicEvaluation(model, 1e-12, 0.0, 4) as reader:
        found = reader.score("ab??ba")
    expected = model.score("ab??ba")
    for name in NUMBERS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4)
    assert expected["unknown"].numpy().any()


def test_weights_come_back_when_reading_fails(model):
    trained = values(model)
    ids = model.encode(["ab"]).to_tensor()

    def read(targets):
        with DynamicEvaluation(model, 0.1) as reader:
            reader.nats(ids, ids, model.initial_state(1))
            reader.nats(ids, targets, model.initial_state(1))

    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        read(ids[:, :1])
    for weight, other in zip(values(model), trained, strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_weights_come_back_when_scoring_is_left_halfway(model, error, monkeypatch):
    trained = values(model)
    reader = DynamicEvaluation(model, 0.1, window=3)
    nats, windows = reader.nats, []

    def interrupted(*arguments):
        windows.append(nats(*arguments))
        if len(windows) == 2:
            assert not np.array_equal(values(model)[0], trained[0])
            raise error
        return windows[-1]

    monkeypatch.setattr(reader, "nats", interrupted)
    with pytest.raises(error):
        reader.score("abba cab")
    for weight, other in zip(values(model), trained, strict=True):
        np.testing.assert_array_equal(weight, other)


def test_a_model_that_cannot_learn_is_told():
    model = make(units=3, embedding_units=2)
    model.trainable = False
    with pytest.raises(ValueError, match="no trainable weights"):
        DynamicEvaluation(model)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"rate": 0}, "rate must be above 0"),
        ({"rate": float("nan")}, "rate must be above 0"),
        ({"decay": 1.0}, r"decay must be in \[0, 1\)"),
        ({"window": 0}, "window must be 1 or more"),
    ],
)
def test_numbers_out_of_range_are_told(model, wrong, told):
    with pytest.raises(ValueError, match=told):
        DynamicEvaluation(model, **wrong)
