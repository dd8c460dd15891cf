"""What the translation benchmark compares is one model at one task."""

import numpy as np
import pytest

from tests.benchmarks import tensorflow_translation, translation, translation_cases
from tests.benchmarks.tensorflow_translation import Contestant
from zoo.text import Vocabulary
from zoo.text.vocabulary import END_ID, SPECIAL

SIZES = {"embedding_units": 6, "units": 8}


def test_words_and_special_tokens_are_the_zoos():
    tokens = Vocabulary(translation_cases.words()).tokens
    assert len(tokens) == len(set(tokens)) == translation_cases.VOCABULARY_SIZE
    assert len(SPECIAL) == translation_cases.SPECIAL
    assert END_ID == translation_cases.END_ID
    model = tensorflow_translation.zoo_model(SIZES)
    ids = model.source.encode(translation_cases.texts(2, 5)).to_tensor()
    np.testing.assert_array_equal(ids, translation_cases.ids(2, 5))


def test_pairs_are_padded_and_end():
    sources, targets = translation_cases.pairs(50, longest=6)
    lengths = (sources != 0).sum(axis=1)
    assert sources.shape == (50, 6)
    assert set(lengths) == {3, 4, 5, 6}
    for row, length in zip(sources, lengths, strict=True):
        assert row[:length].min() >= translation_cases.SPECIAL
    lengths = (targets != 0).sum(axis=1)
    assert set(lengths) == {4, 5, 6, 7}
    for row, length in zip(targets, lengths, strict=True):
        assert row[: length - 1].min() >= translation_cases.SPECIAL
        assert row[length - 1] == END_ID


@pytest.mark.slow
@pytest.mark.parametrize("model", ["gru, additive", "lstm, general"])
def test_frameworks_train_to_the_same_losses(model):
    sizes = {**translation.MODELS[model], **SIZES}
    found = {}
    for name in ("zoo", "keras"):
        request = {"sizes": sizes, "batch": 3, "longest": 5, "batches": 2}
        contestant = Contestant(name, "training", **request)
        for _ in range(2):
            contestant.run()
        (found[name],) = contestant.results()
    assert found["zoo"][0] > found["zoo"][1] + 1e-3
    np.testing.assert_allclose(found["keras"], found["zoo"], atol=1e-4)


@pytest.mark.slow
def test_ways_translate_alike_and_to_the_stated_length():
    request = {"sizes": {**translation.DEFAULT, **SIZES}, "batch": 3, "length": 4}
    texts, logits = {}, {}
    for name in translation.WAYS:
        way = Contestant(name, "translating", **request)
        texts[name] = way.run()
        (logits[name],) = way.results()
        assert [len(text.split()) for text in texts[name]] == [4, 4, 4]
        assert texts[name] == texts["zoo"]
        np.testing.assert_allclose(logits[name], logits["zoo"], atol=1e-5)
    assert logits["zoo"].std() > 0.01
    wide = Contestant("zoo", "translating", **request, beam=3).run()
    assert [len(text.split()) for text in wide] == [4, 4, 4]
