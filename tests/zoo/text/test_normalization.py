"""Texts made plain in a graph, against Python's unicodedata and tables by hand."""

import re
import unicodedata

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.text import CharacterTokenizer, WordTokenizer, normalization, normalize
from zoo.text.normalization import MARKS, marks_in

PIECES = [
    *"aZ é1,.!?'\"`\xb4\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb\u2039\u203a",
    *"-\u2010\u2011\u2012\u2013\u2014\u2212\u2026\u2044\x91\x92\x93\x94\x96",
    *"\0\x01\x1f\x7f\t\n\v\f\r\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000",
    *"\xad\u200b\u200c\u200d\u200e\u200f\u202a\u2060\ufeff\u0301\u0323\u0302\u0327",
    *"\u1100\u1161\u11a8\uac00\u212b\u2126\ufb01\uff21\uff01\U0001d41b\U0001f469",
    "\u064a\u200c",
]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text(max_size=12)
)
graph = tf.function(normalize, input_signature=[tf.TensorSpec([None], tf.string)])


def plain(*rows):
    return [row.decode() for row in graph(tf.constant(rows, tf.string)).numpy()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "didn\u2019t didn`t didn\xb4t didn\u02bct didn\x92t",
            " ".join(5 * ["didn't"]),
        ),
        (
            "\u2018a\u2019 \u201ab\u2018 \u201cc\u201d \u201ed\u201c",
            "'a' 'b' \"c\" \"d\"",
        ),
        ("\xaba\xbb \u2039b\u203a 6\u2032 2\u2033", "\"a\" 'b' 6' 2\""),
        ("1\u20132 a\u2011b \u22125", "1-2 a-b -5"),
        ("a\u2014b \u2014 c", "a - b - c"),
        ("Well\u2026", "Well..."),
        ("Leo\u0301n l\u00e4uft la\u0308uft \u212b", "León läuft läuft Å"),
        ("e\u0302\u0301 a\u0302\u0323 a\u0323\u0302", "ế ậ ậ"),
        (unicodedata.normalize("NFD", "각하 Ελλάδα Йод"), "각하 Ελλάδα Йод"),
        ("Ein\tHund\u00a0l\u2003a\u3000b", "Ein Hund l a b"),
        ("a\r\nb\rc\nd\x85e\u2028f\u2029g\vh\fi", "a b c d e f g h i"),
        ("\ufeffHu\xadnd\u200b \u2060x\u200e", "Hund x"),
        ("a\0b\x01\x1f\x7fc", "a b c"),
        ("\ufb01ne \uff21\uff22\uff01 \U0001d41b\U0001d428", "fine AB! bo"),
        ("  a   b  ", "a b"),
        ("a\u200db \u200dc", "ab c"),
        ("می\u200cخواهم 👩\u200d👧", "می\u200cخواهم 👩\u200d👧"),
        ("", ""),
        (" \u200b\t", ""),
    ],
)
def test_a_text_as_people_paste_it_is_plain(text, expected):
    assert plain(text) == [expected]


def test_letters_and_their_marks_are_composed_as_unicodedata_does():
    letters = [chr(code) for code in range(0x250)]
    letters += [chr(code) for code in (*range(0x370, 0x530), *range(0x1E00, 0x2000))]
    letters += [chr(code) for code in range(0xAC00, 0xD7A4, 97)]
    parted = [f"x{unicodedata.normalize('NFD', each)}x" for each in letters]
    parted = [each for each in parted if len(each) > 3]
    assert len(parted) > 900
    expected = [unicodedata.normalize("NFC", each) for each in parted]
    expected = [re.sub("[`\xb4]", "'", each) for each in expected]
    assert plain(*parted) == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, max_size=4))
@example([])
@example(["", "\u0301a", "\u200d", "\uff40\u1fef\u02b9\u1ffd"])
@example(["\u212b\u200c", "\uff41\u200d\u0301", "\u3000\u200c", "\ufeff\u200c"])
def test_what_is_plain_stays_plain_and_texts_do_not_mix(rows):
    once = plain(*rows)
    assert plain(*once) == once
    assert once == [plain(row)[0] for row in rows]
    for text in once:
        assert "  " not in text
        assert text == text.strip(" ")
        assert not set(text) & {*MARKS, "\xa0", "\t", "\n", "\0", "\xad", "\ufeff"}


def test_letters_digits_and_emoji_stay():
    text = "Straße Ñandú 3½ ٣ 日本語 हिन्दी שָׁלוֹם 👍🏽 🇫🇷 5️⃣ ❤️ € ™ ¿ • * # @ <b>"
    assert plain(text) == [text]


def test_marks_that_are_kept_stay():
    text = "\u201ea\u201c \u2013 b\u2019s\u00a0\u2026"
    keep = marks_in(["▁\u201ea", "\u2013", "x"])
    assert keep == "\u2013\u201e"
    kept = normalize(tf.constant([text]), keep)[0].numpy().decode()
    assert kept == "\u201ea\" \u2013 b's ..."


@pytest.mark.parametrize("keep", ["", "`\xb4\u2019"])
def test_what_is_left_alone_would_be_left_by_the_table_too(keep):
    rows = [f"a{chr(code)}b" for code in range(0x1000)]
    rows += ["", " ", "a b", "a  b", " a", "a ", "a \u0301b"]
    expected = normalization._made_plain(tf.constant(rows), keep)
    found = normalize(rows, keep)
    assert found.numpy().tolist() == expected.numpy().tolist()
    pattern = normalization._plain_text(keep)
    for text, is_plain in {"Größe 5!": True, "a` b": "`" in keep, "ŋ": True}.items():
        assert bool(tf.strings.regex_full_match(text, pattern)) == is_plain


def test_any_shape_is_taken():
    scalar, matrix = normalize(tf.constant("a\u00a0")), normalize(tf.constant([["…"]]))
    assert scalar.numpy() == b"a"
    assert matrix.numpy().tolist() == [[b"..."]]


def test_words_are_normalized_before_they_are_split_and_only_if_asked_for():
    text = tf.constant(["I\u00a0didn\u2019t wa\xadlk\u2014no\u2026 Leo\u0301n"])
    kwargs = {"punctuation": "keep"}
    normalized = WordTokenizer(**kwargs, normalization="plain")
    expected = ["i", "didn't", "walk", "-", "no", ".", ".", ".", "león"]
    assert [token.decode() for token in normalized(text).to_list()[0]] == expected
    again = WordTokenizer.from_config(normalized.get_config())
    assert again(text).to_list() == normalized(text).to_list()
    before = WordTokenizer(**kwargs)(text).to_list()[0]
    assert "didn\u2019t".encode() in before
    assert b"walk" not in before
    assert CharacterTokenizer().normalization is None


@pytest.mark.parametrize("wrong", ["nfc", "", True])
def test_an_unknown_normalization_is_named(wrong):
    with pytest.raises(ValueError, match="normalization must be one of plain"):
        WordTokenizer(normalization=wrong)
