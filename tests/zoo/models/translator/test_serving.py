"""A translator's SavedModel, in plain TensorFlow, against the Python model."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow
from tests.zoo.models.translators import make
from zoo.text.vocabulary import END_ID

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

TEXTS = {
    "texts": ["abc", "", "é?a"],
    "one text": ["cab"],
    "no text": [],
    "no tokens": [""],
    "invalid UTF-8": [b"a\xffb"],
}
ROWS = ["abc", "é?a", "cab"]
DTYPES = {
    "length_penalty": "float32",
    "coverage_penalty": "float32",
    "max_length": "int32",
}
FINE = {"length_penalty": 0.6, "coverage_penalty": [0.0], "max_length": -1}
PER_ROW = {
    "for each row": {
        **FINE,
        "length_penalty": [0.0, 0.6, 2.0],
        "max_length": [3, -1, 0],
    }
}
WRONG = {
    "negative": {**FINE, "length_penalty": -0.5},
    "one is negative": {**FINE, "coverage_penalty": [0.0, -1.0, 0.0]},
    "no number": {**FINE, "length_penalty": [np.nan]},
    "shorter than nothing": {**FINE, "max_length": -2},
    "too long": {**FINE, "max_length": 10_001},
    "two for three rows": {**FINE, "max_length": [1, 2]},
    "a column": {**FINE, "length_penalty": [[0.5], [0.5], [0.5]]},
}
SENTENCES = {
    "negative": "`length_penalty` must be 0 or more",
    "one is negative": "`coverage_penalty` must be 0 or more",
    "no number": "`length_penalty` must be 0 or more and finite, found [nan]",
    "shorter than nothing": "`max_length` must be from -1 to 10000, found [-2]",
    "too long": "`max_length` must be from -1 to 10000, found [10001]",
    "two for three rows": "`max_length` must be one number, or one for each of 3 rows",
    "a column": "`length_penalty` must be one number, or one for each of 3 rows",
}


@pytest.fixture(scope="module")
def models():
    attention = make(
        [*"xcb"],
        cell="lstm",
        order="before",
        input_feeding=True,
        copying=True,
        copying_cues=True,
        length_penalty=1.3,
        coverage_penalty=0.3,
        dropout=0.1,
    )
    # It likes to end: many long translations would be as probable as others.
    ends = tf.one_hot(END_ID, attention.softmax.bias.shape[0])
    attention.softmax.bias.assign_add(2 * ends)
    return {
        "attention": attention,
        "context": make(attention=None, encoder_layers=2),
    }


@pytest.fixture(scope="module")
def answers(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    calls = {}
    for which, model in models.items():
        model.export(folder / which)
        for name, texts in TEXTS.items():
            text = {"text": (texts, "string")}
            pair = {**text, "translation": (texts[::-1], "string")}
            numbers = {
                "length_penalty": (1.5, "float32"),
                "coverage_penalty": (0.4 if model.attends else 0.0, "float32"),
                "max_length": ([3], "int32"),
            }
            calls[which, name, "serving_default"] = which, "serving_default", text
            calls[which, name, "greedy"] = which, "greedy", text
            calls[which, name, "translate"] = which, "translate", {**text, **numbers}
            calls[which, name, "score"] = which, "score", pair
            if model.attends:
                calls[which, name, "alignment"] = which, "alignment", pair
        text = {"text": (ROWS, "string")}
        for name, numbers in (PER_ROW | WRONG).items():
            numbers = {key: (value, DTYPES[key]) for key, value in numbers.items()}
            calls[which, name] = which, "translate", {**text, **numbers}
    return plain_tensorflow.ask(folder, calls)


def check(answer, expected):
    assert answer.keys() == expected.keys()
    for name, value in expected.items():
        value = value.numpy()
        if value.dtype == object:
            assert answer[name].tolist() == value.tolist(), name
        else:
            value = np.where(value == -np.inf, np.finfo("float32").min, value)
            np.testing.assert_allclose(answer[name], value, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("which", ["attention", "context"])
@pytest.mark.parametrize("name", TEXTS)
def test_plain_tensorflow_gives_what_the_model_gives(which, name, models, answers):
    found, _ = answers
    model, texts = models[which], tf.constant(TEXTS[name], tf.string)
    check(found[which, name, "serving_default"], model.translate(texts, n_best=4))
    check(found[which, name, "greedy"], model.translate(texts, beam=1))
    expected = model.translate(
        texts,
        n_best=4,
        length_penalty=1.5,
        coverage_penalty=0.4 if model.attends else 0.0,
        max_length=3,
    )
    check(found[which, name, "translate"], expected)
    check(found[which, name, "score"], model.score(texts, texts[::-1]))
    assert "attention" not in found[which, name, "serving_default"]
    if model.attends:
        check(found[which, name, "alignment"], model.align(texts, texts[::-1]))


@pytest.mark.parametrize("which", ["attention", "context"])
def test_numbers_are_one_for_each_row_or_a_sentence(which, models, answers):
    found, _ = answers
    for name, numbers in PER_ROW.items():
        expected = models[which].translate(tf.constant(ROWS), n_best=4, **numbers)
        check(found[which, name], expected)
    for name, sentence in SENTENCES.items():
        assert sentence in found[which, name]


def test_a_coverage_penalty_is_refused_where_there_is_no_attention(models):
    translate = models["context"].signatures()["translate"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="which this model has"):
        translate(tf.constant(ROWS), coverage_penalty=tf.constant([0.0, 0.5, 0.0]))


def test_signatures_are_those_that_are_told_of(answers):
    names = ["greedy", "score", "serving_default", "translate"]
    assert answers[1] == {"attention": ["alignment", *names], "context": names}
