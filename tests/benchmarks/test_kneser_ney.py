"""What a language model is measured on beside n-grams, and what spelling costs."""

import argparse
import math

import keras
import pytest

from tasks.data import builders, dataset_records
from tasks.text.corpus import Texts
from tests.benchmarks import kneser_ney
from zoo.models import LanguageModel


def test_spelling_costs_what_score_has_beside_its_perplexity():
    keras.utils.set_random_seed(1)
    model = LanguageModel(["a", "b"], level="word", units=3, embedding_units=2)
    texts = Texts(("a b a", "a zebra b", "who"), "three")
    found = kneser_ney.spelling(model, texts)
    scored = model.score(list(texts.texts))
    without = [
        int(count) * math.log(float(perplexity))
        for count, perplexity in zip(
            scored["lengths"], scored["perplexity"], strict=True
        )
    ]
    whole = [-float(each) for each in scored["log_probability"]]
    assert found == pytest.approx(sum(whole) - sum(without), rel=1e-4)
    assert found > 10


def test_all_texts_of_several_datasets_are_counted_but_for_those_held_out(tmp_path):
    builders.load_builder("synthetic/markov", tmp_path)
    one = {"dataset": "synthetic/markov", "text_column": "text"}
    asked = argparse.Namespace(
        train_split=["train", "validation"], hold_out=0.1, test_split="test"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(tmp_path))
        train, test = kneser_ney.read(dataset_records.together([one, one]), asked)
    assert "train (less the last 10%) + " in train.source
    assert "validation (less the last 10%)" in train.source
    assert len(train) == 2
    assert test.source.endswith("/test")
