"""A model's options: its constructor's arguments, its config, what goes to disk."""

import inspect
import json

import keras
import numpy as np
import pytest

from tests.zoo.models import language_models, music_models, translators
from zoo.models import SequenceClassifier, SequenceTagger
from zoo.models.construction import rebuilt

MADE = {
    "classifier": (
        lambda: SequenceClassifier(["a"], ("x", "y"), units=2, embedding_units=3),
        {"vocabulary", "tokenizer"},
    ),
    "tagger": (
        lambda: SequenceTagger(["a"], ["a"], ["a"], ("O", "B-X"), units=2),
        {"words", "lowercase_words", "characters", "tokenizer"},
    ),
    "language model": (language_models.make, {"vocabulary", "tokenizer"}),
    "music model": (music_models.make, set()),
    "translator": (
        translators.make,
        {
            "source_vocabulary",
            "target_vocabulary",
            "source_tokenizer",
            "target_tokenizer",
        },
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_config_has_every_option_and_makes_the_same_model(kind):
    make, others = MADE[kind]
    model = make()
    arguments = {*inspect.signature(type(model)).parameters}
    assert model.config.keys() == arguments - others - {"name"}
    config = model.get_config()
    assert config.keys() == arguments
    from_disk = json.loads(json.dumps(config))
    again = type(model).from_config(from_disk)
    assert again.get_config() == from_disk
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    assert again.config["units"] == model.config["units"]


def others(model, expected):
    """Returns the paths of the weights that are none of a model's."""
    own = {weight.path: weight.numpy() for weight in expected.weights}
    found = {weight.path: weight.numpy() for weight in model.weights}
    return {path for path in found if not np.array_equal(found[path], own.get(path))}


def test_a_rebuilt_model_has_all_weights_but_those_of_the_layers_that_begin_anew():
    model = language_models.make(layers=2)
    assert not others(rebuilt(model), model)
    for anew, arguments in ((["rnn_2"], {}), (["rnn_3"], {"layers": 3})):
        new = rebuilt(model, anew, **arguments)
        found = others(new, model)
        assert found == {w.path for w in new.weights if f"/{anew[0]}/" in w.path}
        assert len(found) == 3


def test_a_rebuilt_model_lacks_no_weight_in_silence():
    model = language_models.make()
    with pytest.raises(ValueError, match=r"has no weight recurrent/rnn_2/.*anew: none"):
        rebuilt(model, layers=2)
    with pytest.raises(ValueError, match="shape"):
        rebuilt(model, ["rnn_1"], embedding_units=5)


def test_another_cache_looks_back_by_the_same_projection():
    model = language_models.make(cache=3)
    model.cache.projection.assign(2 * model.cache.projection)
    assert not others(model.with_cache(9, threshold=0.5), model)
    assert not others(model.with_cache(0), model)


def test_a_rebuilt_model_has_the_dtypes_that_the_model_has():
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = MADE["classifier"][0]()
    finally:
        keras.config.set_dtype_policy(usual)
    copy = model.with_classes(["x", "y", "z"])
    assert keras.config.dtype_policy() == usual
    assert [w.dtype for w in copy.weights] == [w.dtype for w in model.weights]
    assert copy.compute_dtype == "float64"
    assert not others(rebuilt(model), model)
