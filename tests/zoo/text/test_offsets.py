"""Tokens and where they stand, against slices of the sentence in Python."""

import unicodedata

import keras
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.text import TokenizerWithOffsets

SIGNATURE = [tf.TensorSpec([None], tf.string)]
tokenize = tf.function(TokenizerWithOffsets(), input_signature=SIGNATURE)
tokenize_pasted = tf.function(
    TokenizerWithOffsets(normalization="plain"), input_signature=SIGNATURE
)
tokenize_english = tf.function(
    TokenizerWithOffsets(possessives=True), input_signature=SIGNATURE
)

# The tokenizer's own separators, \x01 to \x1f, among them.
PIECES = [
    *"aZéßςİΩЖ日क0५½Ⅷ '.,:;-–_@#&/\"()=D\u2019\u00b7\u200c\u200d\u00ad",
    *"\0\x01\x02\x03\x1e\x1f\x7f\t\n\v\r\u0085\u00a0\u2028\u3000\u200b\u200f\ufeff",
    *"\ufffd\ufffe\ue000\u0378\u0301\ufe0f\u20e3\U0001f3fd\U000e0067\U0010ffff",
    *("👩‍👩‍👧", "❤️‍🔥", "🇫🇷", "5️⃣", "e\u0301", "שָׁלוֹם", "صه''ل", "हिन्दी"),
    *("http://", "www.", "U.S.", "J.", "Dr.", "'s", "...", "3.14", "&amp;", "it's"),
]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text()
)
batches = st.lists(texts, max_size=4)


def rows(batch, function=tokenize):
    """Returns for each text its `(token, start, end)`, as Python values."""
    columns = [column.to_list() for column in function(tf.constant(batch, tf.string))]
    return [
        [(token.decode(), start, end) for token, start, end in zip(*row, strict=True)]
        for row in zip(*columns, strict=True)
    ]


def tokens(text, function=tokenize):
    (row,) = rows([text], function)
    return [token for token, _, _ in row]


@settings(max_examples=150, deadline=None)
@given(batches, st.booleans())
@example(["\ufeffa", "", "\0", " "], False)
@example(["\x1fit's\x1e\x1f's", "Ann's", "'s"], True)
@example([], False)
def test_each_token_is_the_slice_of_the_text_at_its_offsets(batch, possessives):
    """In order; and only what cannot be seen is in none."""
    found = rows(batch, tokenize_english if possessives else tokenize)
    assert len(found) == len(batch)
    for text, row in zip(batch, found, strict=True):
        assert [text[start:end] for _, start, end in row] == [t for t, _, _ in row]
        place = 0
        for token, start, end in row:
            assert place <= start < end
            assert all(map(invisible, text[place:start]))
            assert not any(character.isspace() for character in token)
            place = end
        assert all(map(invisible, text[place:]))


def invisible(character):
    return unicodedata.category(character)[0] in "ZC"


@settings(max_examples=100, deadline=None)
@given(batches)
def test_tokens_with_spaces_between_them_are_the_same_tokens(batch):
    found = [[token for token, _, _ in row] for row in rows(batch)]
    again = rows([" ".join(row) for row in found])
    assert [[token for token, _, _ in row] for row in again] == found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=4))
@example([b"a\xe2\x82b", b"\xf0\x9f\x98 \xff\xff", b"\xed\xa0\x80", b"\xc0\xaf!"])
def test_offsets_count_broken_bytes_as_python_replaces_them(batch):
    decoded = [text.decode("utf-8", "replace") for text in batch]
    assert rows(batch) == rows(decoded)
    for text, row in zip(decoded, rows(batch), strict=True):
        assert all(text[start:end] == token for token, start, end in row)


SENTENCES = [
    "Jean-Luc | O'Neill | visits | Côte-d'Or | , | l'été | , | Sant\u2019Agata | .",
    "On | 2010-11-05 | , | 3.14 | or | 1,000.50 | at | 7:30 | ( | 6–2 | ) | : | 12",
    "J.K. | Rowling | , | J. | Smith | and | Dr. | No | of | the | U.S. | Army | .",
    "D.C | Th.D | a.k.a. | B.I.G | i.e | etc | . | Boo.com | kast_be",
    "see | http://bit.ly/a?b=1&c=(2 | ) | , | www.figc.it | , | ann.lee@d-z-t.com | .",
    "RT | @_a_b1 | : | #Größe | &amp; | &#39; | :) | ;-( | =D | : | Date | @ | #",
    "Well | ... | no | -- | '' | !!! | ?? | a | / | b | 50 | % | of | $ | 5 | ? | !",
    "'s | morgens | in | '98 | , | ' | see | ' | 't | Hof | it's | don't | foto's",
    "👩‍👩‍👧 | 👍🏽 | ❤️‍🔥 | 5️⃣ | © | … | « | « | ≠ | ½ | Ⅷ | 日本語 | 。 | 中",
    "e\u0301te\u0301 | می\u200cخواهم | שָׁלוֹם | צה\u05f4ל | हिन्दी | col·legi | a\u00adb",
    "Ünal | Ö. | Şen | А.С. | Пушкин | \ufffd | x",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_tokens_of_a_sentence(sentence):
    expected = sentence.split(" | ")
    assert tokens(" ".join(expected)) == expected
    assert tokens("\n".join(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(Jean-Luc),\u201cO'Neill\u201d.", "( Jean-Luc ) , \u201c O'Neill \u201d ."),
        ("Wait...what?!No--", "Wait ... what ? ! No --"),
        ("U.S.Army,J.Smith,Dr.No", "U.S. Army , J.Smith , Dr. No"),
        ("(see http://x.org/a).", "( see http://x.org/a ) ."),
        ("'No', -ish dogs' 'tis", "' No ' , - ish dogs ' ' tis"),
        ("a\x1fb\x1ec\0d\u00a0e\u200bf", "a b c d e f"),
        ("x,5 5,x 5,5", "x , 5 5 , x 5,5"),
        ("12:30pm 5.000,-", "12:30pm 5.000 , -"),
        ("a.b-c_d.e.f.g.h.i@x.y", "a.b-c_d.e.f.g.h.i@x.y"),
        ("ab.b.b.b.b.b.b.b.b.b@x.y", "ab.b.b.b.b.b.b.b.b.b @x . y"),
    ],
)
def test_marks_that_touch_words_are_cut_off(text, expected):
    assert tokens(text) == expected.split(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann's dog isn't it's", "Ann 's dog isn't it 's"),
        ("JFK'S l'sé O'Shea ’tis", "JFK 'S l'sé O'Shea ’ tis"),
        ("McDonald\u2019s, 's", "McDonald \u2019s , 's"),
        ("http://x/it's", "http://x/it's"),
    ],
)
def test_english_possessives_are_cut_off_if_asked_for(text, expected):
    assert tokens(text, tokenize_english) == expected.split(" ")


def test_offsets_start_anew_in_each_sentence():
    found = rows(["Ein Bär 👍🏽 da", "", " \u00a0", "été  ❤"])
    assert found == [
        [("Ein", 0, 3), ("Bär", 4, 7), ("👍🏽", 8, 10), ("da", 11, 13)],
        [],
        [],
        [("été", 0, 3), ("❤", 5, 6)],
    ]


def test_types_are_string_and_int32_also_of_no_sentence():
    for batch in ([], ["a b"]):
        found = TokenizerWithOffsets()(tf.constant(batch, tf.string))
        assert [column.dtype for column in found] == [tf.string, tf.int32, tf.int32]
        assert [column.shape.as_list() for column in found] == [[len(batch), None]] * 3


@pytest.mark.parametrize("unit", ["né 👍 ", "日", "a+", "x.", "http://a, ", "'"])
def test_very_long_text_is_read_to_its_end(unit):
    text = unit * (200_000 // len(unit))
    (row,) = rows([text])
    assert row[-1][2] == len(text.rstrip())
    assert "".join(token for token, _, _ in row) == text.replace(" ", "")


def test_patterns_are_small_enough_to_be_matched_fast(capfd):
    # RE2 complains where it has to fall back to its slow way.
    rows(["".join(PIECES), " ".join(PIECES)])
    assert "re2" not in capfd.readouterr().err


def test_saved_model_needs_no_python(tmp_path):
    module = tf.Module()
    module.tokenize = tokenize_english
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    batch = ["Ann's  Bär, \x1f👍🏽.", "", "x"]
    assert rows(batch, loaded.tokenize) == rows(batch, tokenize_english)
    operations = {
        operation.type
        for operation in tokenize_english.get_concrete_function().graph.get_operations()
    }
    assert not [name for name in operations if "PyFunc" in name]


@pytest.mark.parametrize("possessives", [False, True])
def test_tokenizer_survives_serialization(possessives):
    tokenizer = TokenizerWithOffsets(possessives)
    config = keras.saving.serialize_keras_object(tokenizer)
    copy = keras.saving.deserialize_keras_object(config)
    assert isinstance(copy, TokenizerWithOffsets)
    assert copy.get_config() == {"possessives": possessives, "normalization": None}
    assert tokens("Ann's", copy) == tokens("Ann's", tokenizer)


PASTED = [
    ("Le\u200bón Leo\u0301n", "Le\u200bón Leo\u0301n"),
    ("\ufeffMadrid\u200b, a\xad\xadb\xad", "Madrid , a\xad\xadb"),
    ("\u200e(Paris)\u200f \u2060", "( Paris )"),
    ("rock \u2018n\u2019 roll don`t O\xb4Neill", "rock ' n ' roll don't O'Neill"),
    ("a\u200b\u2060.\u200bb \u200b \u200d", "a\u200b\u2060.\u200bb"),
]


@pytest.mark.parametrize(("text", "expected"), PASTED)
def test_what_cannot_be_seen_parts_no_word_of_a_text_to_be_normalized(text, expected):
    [row] = rows([text], tokenize_pasted)
    assert [text[start:end] for _, start, end in row] == [token for token, *_ in row]
    typed = str.maketrans(dict.fromkeys("\u2018\u2019`\xb4", "'"))
    assert [token.translate(typed) for token, *_ in row] == expected.split(" ")


@settings(max_examples=100, deadline=None)
@given(batches)
def test_offsets_are_exact_whatever_is_pasted(batch):
    for text, row in zip(batch, rows(batch, tokenize_pasted), strict=True):
        assert [text[start:end] for _, start, end in row] == [t for t, _, _ in row]
