"""In what form new models learn texts: plain, and in the case that these have."""

import functools

import numpy as np
import pytest

from tasks.data import training_forms
from tasks.translation import batches
from tasks.translation.corpus import Pairs
from zoo.models import Translator
from zoo.models.tagger import token_forms
from zoo.text import normalize


@pytest.mark.slow
def test_texts_are_learnt_as_a_model_reads_them():
    texts = np.array(["didn\u2019t", "Le\u0301on\u00a0…", "", "a\ufffd\0b"], object)
    found = training_forms.plain(texts)
    assert found.tolist() == ["didn't", "Léon ...", "", "a\ufffd b"]
    kept = training_forms.plain(texts, functools.partial(normalize, keep="\u2019"))
    assert kept[0] == "didn\u2019t"
    assert training_forms.plain(np.array(["\u200b"]), token_forms.plain) == ["\u200b"]
    assert training_forms.plain(np.array([], object)).shape == (0,)


def test_many_texts_keep_their_order_and_their_lengths():
    texts = np.array([f"{number}’" for number in range(600)] + ["x" * 10_000], object)
    found = training_forms.plain(texts)
    assert found.dtype == object
    assert found.tolist() == [*(f"{n}'" for n in range(600)), "x" * 10_000]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["A dog runs.", "STOP", "An É."], "restore"),
        (["a dog runs.", "b", "12 é"], None),
        (["A DOG", "É", "Dog"], None),
        (["Ein Hund", "ein hund"], "restore"),
        (["12", "犬"], "restore"),
    ],
)
def test_texts_in_one_case_teach_no_casing(texts, expected):
    assert training_forms.casing(np.array(texts, object)) == expected


@pytest.mark.parametrize("level", ["word", "character"])
def test_translations_keep_their_typography_and_sources_lose_it(level):
    texts = np.array(["ein\u00a0\u201eHund\u201c", "e\u0301in"], object)
    translations = np.array(["a \u2019dog\u2019", "\u00e9\u2019"], object)
    pairs = Pairs(texts, translations, "made")
    sides = batches.vocabularies(pairs, level, 100, 1, False)
    source, target = ({*"".join(side.ordinary_tokens)} for side in sides)
    assert source == {*'ein"Hundé'} | ({" "} if level == "character" else set())
    assert "\u2019" in target
    assert "'" not in target
    model = Translator(*sides, level=level, units=2, normalization="plain")
    for side, written in ((model.source, texts), (model.target, translations)):
        assert not (side.encode(written).flat_values == 1).numpy().any()
