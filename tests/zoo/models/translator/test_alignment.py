"""What known translations look at, against the equations and the search."""

import numpy as np
import pytest

from tests.zoo.models.translators import in_numpy, make

TEXTS = ["abc", "", "é?a", "abcab"]


def test_alignment_is_the_attention_of_the_equations():
    model = make(cell="lstm", attention="additive", input_feeding=True)
    translations = ["xyz", "x", "zzyx", ""]
    found = model.align(TEXTS, translations)
    for row, (text, translation) in enumerate(zip(TEXTS, translations, strict=True)):
        tokens = [token for token in found["tokens"][row].numpy().tolist() if token]
        sources = [t for t in found["source_tokens"][row].numpy().tolist() if t]
        assert b"".join(tokens).decode() == translation
        assert b"".join(sources).decode() == text
        expected = np.zeros(found["attention"].shape[1:])
        if text and translation:
            x = model.source.encode([text])[0].numpy()
            y = model.target.encode([translation])[0].numpy()
            _, alphas = in_numpy(model, x, np.array([2, *y[:-1]]))
            expected[: len(y), : len(x)] = alphas
        np.testing.assert_allclose(found["attention"][row], expected, atol=1e-5)


def translated(model, texts):
    """Returns translations with their attention, which alone is added by asking."""
    searched = model.translate(texts, max_length=4, attention=True)
    assert set(searched) - set(model.translate(texts, max_length=4)) == {
        *("attention", "tokens", "source_tokens")
    }
    return searched


SEARCHED = ["ab. Cab! Abc?", "abc", "", "c. Ba"]


@pytest.mark.slow
def test_what_was_searched_for_is_aligned_as_the_search_says():
    model = make(attention="general", units=6)
    searched = translated(model, SEARCHED)
    found = model.align(SEARCHED, searched["translation"])
    for name in ("tokens", "source_tokens"):
        assert (found[name] == searched[name]).numpy().all()
    np.testing.assert_allclose(found["attention"], searched["attention"], atol=1e-5)


@pytest.mark.slow
def test_sentences_that_were_searched_for_apart_have_their_attention_too():
    # What was written of a sentence may itself have an end: it isn't aligned alike.
    translated(make(attention="general", units=6, sentences="split"), SEARCHED)


def test_sentences_look_at_their_own_sentence_alone():
    model = make(attention="general", sentences="split")
    found = model.align(["ab. Cab!"], ["xy. Zx!"])
    tokens = found["tokens"][0].numpy().tolist()
    sources = found["source_tokens"][0].numpy().tolist()
    assert (len(tokens), len(sources)) == (6, 7)
    attention = found["attention"][0].numpy()
    assert not attention[:3, 3:].any()
    assert not attention[3:, :3].any()
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)


def test_without_attention_nothing_is_aligned():
    model = make(attention=None)
    with pytest.raises(ValueError, match="This model has no attention"):
        model.align("abc", "xyz")
    with pytest.raises(ValueError, match="This model has no attention"):
        model.translate("abc", attention=True)
    assert "alignment" not in model.signatures()
