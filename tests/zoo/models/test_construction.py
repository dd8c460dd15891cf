"""A model's options: its constructor's arguments, its config, what goes to disk."""

import inspect
import json

import pytest

from tests.zoo.models import language_models, music_models, translators
from zoo.models import SequenceClassifier, SequenceTagger

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
