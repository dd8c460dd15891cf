"""A translator's SavedModel, in plain TensorFlow, against the Python model."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow
from tests.zoo.models.translators import make

TEXTS = {
    "texts": ["abc", "", "é?a"],
    "one text": ["cab"],
    "no text": [],
    "no tokens": [""],
    "invalid UTF-8": [b"a\xffb"],
}


@pytest.fixture(scope="module")
def models():
    return {
        "attention": make(cell="lstm", order="before", input_feeding=True, dropout=0.1),
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
                "coverage_penalty": (0.4 if model.attends else -1.0, "float32"),
                "max_length": (3, "int32"),
            }
            calls[which, name, "serving_default"] = which, "serving_default", text
            calls[which, name, "greedy"] = which, "greedy", text
            calls[which, name, "translate"] = which, "translate", {**text, **numbers}
            calls[which, name, "score"] = which, "score", pair
    return plain_tensorflow.ask(folder, calls)


def check(answer, expected):
    assert answer.keys() == expected.keys()
    for name, value in expected.items():
        value = value.numpy()
        if value.dtype == object:
            assert answer[name].tolist() == value.tolist(), name
        else:
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


def test_signatures_are_those_that_are_told_of(answers):
    names = ["greedy", "score", "serving_default", "translate"]
    assert answers[1] == {"attention": names, "context": names}
