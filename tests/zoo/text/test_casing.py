"""The case of words, against what a German reader would write."""

import pytest
import tensorflow as tf

from zoo.text import Subwords, Vocabulary
from zoo.text.casing import CaseRestorer, capitalizes, forms, in_one_case

GERMAN = Vocabulary(
    ["Ein", "ein", "Hund", "läuft", "in", "Eine", "T-Shirt", "USA", "Katze", "Zug"]
)


def restored(*texts, vocabulary=GERMAN):
    restore = tf.function(CaseRestorer(vocabulary))
    return [text.decode() for text in restore(tf.constant(texts, tf.string)).numpy()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ein hund läuft.", "Ein Hund läuft."),
        ("EIN HUND LÄUFT.", "Ein Hund läuft."),
        ("ein hund läuft. in der usa?", "Ein Hund läuft. In Der USA?"),
        ("EIN T-SHIRT", "Ein T-Shirt"),
        ('("hund")  ', '("Hund")  '),
        ("6 hund", "6 Hund"),
        ("2 in 1", "2 in 1"),
        ("in einem hund läuft ein hund", "In Einem Hund läuft ein Hund"),
    ],
)
def test_words_of_a_text_in_one_case_are_written_as_the_vocabulary_has_them(
    text, expected
):
    assert restored(text) == [expected]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["Ein hund", "iPhone HUND", "", "12 ?!", "日本", "\x1f"]
)
def test_a_text_in_both_cases_or_none_stays_as_it_is(text):
    assert restored(text, "hund") == [text, "Hund"]


@pytest.mark.slow
def test_subwords_take_the_case_of_the_fewest_pieces():
    merged = ["▁Hund", "▁ein", "▁Ein", "▁läuft", "hü", "▁Hü", "▁Haus", "▁Zug"]
    pieces = sorted({*"▁", *"".join(merged), *"tehuilnHZEä"})
    tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = Subwords([*tokens, *pieces, *merged])
    texts = "ein hund läuft ein", "HÜTTE LÄUFT"
    expected = ["Ein Hund läuft ein", "Hütte läuft"]
    assert restored(*texts, vocabulary=vocabulary) == expected


@pytest.mark.parametrize("text", ["\N{CIRCLED LATIN CAPITAL LETTER A}", "ⓐ ⓑ", "Ⅷ."])
def test_letters_that_are_in_no_word_stay(text):
    tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    restore = CaseRestorer(Subwords([*tokens, "▁"]))
    [found] = restore(tf.constant([text])).numpy()
    assert found.decode() == text


def test_forms_are_those_of_python():
    words = ["t-shirt", "ÉTÉ", "ß", "don't", "ǆ"]
    found = [
        [form.decode() for form in row] for row in forms(tf.constant(words)).numpy()
    ]
    assert found[0] == ["t-shirt", "T-shirt", "T-Shirt", "T-SHIRT"]
    assert found[1] == ["été", "Été", "Été", "ÉTÉ"]
    assert found[3] == ["don't", "Don't", "Don't", "DON'T"]


def test_texts_without_letters_are_in_no_case():
    lower, upper = in_one_case(tf.constant(["ab1", "AB!", "aB", "", "12", "a\0", "\0"]))
    assert lower.numpy().tolist() == [True, False, False, False, False, True, False]
    assert upper.numpy().tolist() == [False, True, False, False, False, False, False]


def test_rare_words_tell_what_unknown_ones_are():
    assert capitalizes(["the", "of", "and", "in", "Ann", "Bo", "x", "Cy"])
    assert not capitalizes(["The", "Of", "And", "In", "ann", "bo", "X", "cy"])
    assert not capitalizes([])


@pytest.mark.parametrize("vocabulary", [GERMAN, Vocabulary([])])
def test_no_text_is_restored(vocabulary):
    assert restored(vocabulary=vocabulary) == []
