"""Models that answer NaN, for their training has diverged: told, not printed."""

import pytest

from tasks import sentiment, text, translation
from tests.zoo.models import language_models, translators
from zoo.models import SequenceClassifier

pytestmark = pytest.mark.slow


def classifier():
    return SequenceClassifier(["good"], ["no", "yes"], embedding_units=2, units=2)


@pytest.mark.parametrize(
    ("template", "make", "argv"),
    [
        (sentiment, classifier, ["predict", "good"]),
        (sentiment, classifier, ["predict", "--json", "good"]),
        (text, language_models.make, ["score", "--json", "ab"]),
        (text, language_models.make, ["rank", "ab", "b"]),
        (translation, translators.make, ["translate", "", "ab"]),
        (translation, translators.make, ["translate", "--json", "--beam", "1", "ab"]),
        (translation, translators.make, ["score", "ab", "x"]),
    ],
)
def test_a_model_that_answers_nan_is_told(run, monkeypatch, template, make, argv):
    model = make()
    for weight in model.trainable_weights:
        weight.assign(weight * float("nan"))
    monkeypatch.setattr(type(model), "from_preset", lambda name: model)
    outcome = run(*argv, template=template.TEMPLATE)
    assert outcome.code == 2
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert "gives NaN for probabilities, as a model does whose training has" in line
