"""Which words speak for which class."""

import keras
import numpy as np
import pytest

from tasks.sentiment import explanation
from zoo.models import SequenceClassifier

WORDS = ["a", "good", "bad", "film", "not"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    made = SequenceClassifier(
        WORDS, ["no", "so so", "yes"], embedding_units=8, units=8, dropout=0.0
    )
    for weight in made.trainable_weights:
        weight.assign(3 * weight)  # decided, so that effects differ
    return made


def log_odds(model, text):
    """Returns each class' log-odds from the logits, in float64."""
    logits = np.asarray(model(model.encode([text])), "float64")[0]
    others = [np.logaddexp.reduce(np.delete(logits, c)) for c in range(len(logits))]
    return logits - others


def test_effect_is_what_the_odds_lose_without_the_word(model):
    text = "a good film , not  a bad one"
    spans = explanation.occlusion(model, text)
    assert [text[s.start : s.end] for s in spans] == text.split()
    for span in spans:
        without = text[: span.start] + text[span.end :]
        effects = log_odds(model, text) - log_odds(model, without)
        assert model.class_names[effects.argmax()] == span.label
        np.testing.assert_allclose(span.effect, effects.max(), atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("names", [["spam"], ["spam", "rude"]])
def test_of_labels_that_do_not_exclude_each_other_each_has_odds_of_its_own(names):
    keras.utils.set_random_seed(1)
    model = SequenceClassifier(
        WORDS, names, multi_label=True, embedding_units=8, units=8, dropout=0.0
    )
    for weight in model.trainable_weights:
        weight.assign(3 * weight)
    text = "a good film , not  a bad one"

    def log_odds(text):
        chances = model.classify(text)["probabilities"].numpy()[0].astype("float64")
        return np.log(chances / (1 - chances))

    spans = explanation.occlusion(model, text)
    assert [text[s.start : s.end] for s in spans] == text.split()
    for span in spans:
        effects = log_odds(text) - log_odds(text[: span.start] + text[span.end :])
        assert names[effects.argmax()] == span.label
        np.testing.assert_allclose(span.effect, effects.max(), atol=1e-3)
    assert min(span.effect for span in spans) < 0


def test_words_of_a_long_text_are_left_out_several_at_a_time(model):
    text = " ".join(["good", "bad", "film"] * 40)
    spans = explanation.occlusion(model, text, most=50)
    assert len(spans) == 40
    assert {len(text[s.start : s.end].split()) for s in spans} == {3}
    assert (spans[0].start, spans[-1].end) == (0, len(text))


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_text_without_words_has_no_spans(model, text):
    assert explanation.occlusion(model, text) == []


def test_certainty_leaves_the_effects_finite():
    class Certain:
        class_names = ("no", "yes")
        multi_label = False

        def classify(self, texts):
            import tensorflow as tf

            rows = [[0.0, 1.0] if b"good" in t else [1.0, 0.0] for t in texts.numpy()]
            return {"probabilities": tf.constant(rows)}

    [span] = explanation.occlusion(Certain(), "good")
    assert span.label == "yes"
    assert np.isfinite(span.effect)
    assert span.effect > 10
