"""The trained models in the repository: whole, small, and as good as they say."""

import math
from pathlib import Path

import numpy as np
import pytest

import zoo
from tasks import cards, data, labelled_texts, sentiment
from zoo import presets

ROOT = Path(__file__).parent.parent / "pretrained"
MEGABYTE = 1_000_000


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def model():
    return zoo.from_preset("sentiment_imdb")


def test_all_presets_together_stay_small():
    assert size(ROOT) < 200 * MEGABYTE


def test_sentiment_stays_below_its_limit():
    assert size(ROOT / "sentiment_imdb") < 20 * MEGABYTE


def test_sentiment_was_measured_on_all_test_reviews():
    evaluations = presets.read_metrics(ROOT / "sentiment_imdb")["evaluations"]
    assert evaluations["imdb_reviews/plain_text/1.0.0/test"]["examples"] == 25_000


def test_sentiment_reaches_the_accuracy_asked_for():
    evaluations = presets.read_metrics(ROOT / "sentiment_imdb")["evaluations"]
    assert evaluations["imdb_reviews/plain_text/1.0.0/test"]["accuracy"] >= 0.90


def test_card_is_what_evaluate_renders():
    folder = ROOT / "sentiment_imdb"
    metrics = presets.read_metrics(folder)
    card = cards.render(folder.name, sentiment.SUMMARY, metrics, sentiment.LIMITS)
    assert (folder / presets.CARD).read_text("utf-8") == card


def test_sentiment_hears_negation_and_tone(model):
    texts = {
        "A wonderful film, I loved every minute of it.": "pos",
        "One of the best pictures of the year. Do not miss it.": "pos",
        "I expected little and was very pleasantly surprised.": "pos",
        "Dull, badly acted, and far too long. A waste of time.": "neg",
        "This is not a good movie. Not funny, not moving, just awful.": "neg",
        "I wanted to like it, but the plot makes no sense at all.": "neg",
    }
    labels = model.classify(list(texts))["label"].numpy().tolist()
    assert [label.decode() for label in labels] == list(texts.values())


@pytest.mark.real_data("imdb_reviews")
def test_sentiment_is_as_accurate_as_its_card_says(model):
    builder = data.load_builder("imdb_reviews")
    examples = labelled_texts.read(builder, "test[:1%]", "text", "label")
    found = np.concatenate(
        [model.classify(texts)["label"] for texts in data.in_batches(examples.texts)]
    )
    truth = np.array(examples.class_names, "S")[examples.labels]
    evaluations = presets.read_metrics(ROOT / "sentiment_imdb")["evaluations"]
    stated = evaluations["imdb_reviews/plain_text/1.0.0/test"]["accuracy"]
    error = math.sqrt(stated * (1 - stated) / len(examples))
    assert np.mean(found == truth) > stated - 4 * error
