"""Words and characters, against a tokenizer that reads one character at a time."""

import unicodedata

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.text import CharacterTokenizer, Vocabulary, WordTokenizer

APOSTROPHES_AND_JOINERS = "'\N{RIGHT SINGLE QUOTATION MARK}\u200c\u200d"
PIECES = [
    *"aZ éßΣςİ09½Ⅷ日ไคह_-.,!?$€©+'\u2019\u200c\u200d\u00ad",
    *"\t\n\v\f\r\u0085\u00a0\u2003\u2028\u3000\u200b\ufeff\ufffd",
    *"👍❤🇫🏽",
    *("<br />", "</p>", "<3", "<", ">", "don't", "ΟΔΟΣ", "हिन्दी", "e\u0301"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
"""Texts where letters, marks, signs and spaces of many scripts meet."""


def split(tokenizer, *rows):
    tokens = tokenizer(tf.constant(list(rows), tf.string))
    return [[token.decode() for token in row] for row in tokens.to_list()]


def words(text, lowercase, keep, markup):
    """Returns what `WordTokenizer` should, by looking at each character."""
    if not markup:
        text = without_tags(text)
    if lowercase:
        text = text.lower()
    found, word = [], ""
    for place, character in enumerate(text):
        following = text[place + 1 : place + 2]
        inside = word and character in APOSTROPHES_AND_JOINERS
        if of_word(character) or (inside and following and of_word(following)):
            word += character
            continue
        found += [word] if word else []
        word = ""
        if keep and unicodedata.category(character)[0] not in "ZC":
            found.append(character)
    return found + ([word] if word else [])


def of_word(character):
    return unicodedata.category(character)[0] in "LMN"


def without_tags(text):
    kept, place = "", 0
    while place < len(text):
        end = text.find(">", place)
        name = text[place + 1 : end].lstrip("/!") if end > 0 else ""
        inner = text[place + 1 : end]
        is_tag = (
            text[place] == "<"
            and end > 0
            and name[:1].isascii()
            and name[:1].isalpha()
            and len(inner) - len(name) <= 1
            and "<" not in inner
        )
        kept += " " if is_tag else text[place]
        place = end + 1 if is_tag else place + 1
    return kept


@settings(max_examples=80, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), *[st.booleans()] * 3)
def test_words_are_those_found_character_by_character(rows, lowercase, keep, markup):
    tokenizer = WordTokenizer(lowercase, "keep" if keep else "drop", markup)
    expected = [words(text, lowercase, keep, markup) for text in rows]
    assert split(tokenizer, *rows) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=4))
@example([b"a\xe2\x82b", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"a\0b"])
def test_characters_are_code_points_and_broken_bytes_are_replaced(rows):
    expected = [list(row.decode("utf-8", "replace")) for row in rows]
    assert split(CharacterTokenizer(), *rows) == expected


def test_sentence_is_nine_tokens_with_its_end():
    sentence = "Cats average 15 hours of sleep a day."
    (tokens,) = split(WordTokenizer(lowercase=False, end=True), sentence)
    assert " ".join(tokens) == "Cats average 15 hours of sleep a day <EOS>"
    assert len(tokens) == 9


def test_word_that_a_small_vocabulary_lacks_is_unknown():
    tokenizer = WordTokenizer(lowercase=False, end=True)
    vocabulary = Vocabulary(["The", "is", "a", "breed", "of", "cat"])
    tokens = tokenizer(tf.constant(["The Egyptian Mau is a breed of cat."]))
    (back,) = vocabulary.lookup(vocabulary.ids(tokens)).to_list()
    assert b" ".join(back) == b"The <UNK> <UNK> is a breed of cat <EOS>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't l\u2019été rock'n'roll", ["don't", "l\u2019été", "rock'n'roll"]),
        ("'quoted' o''o dogs'", ["quoted", "o", "o", "dogs"]),
        ("CAFÉ Cafe\u0301 ÉTÉ", ["café", "cafe\u0301", "été"]),
        ("ΟΔΟΣ Straße Ǆ", ["οδος", "straße", "ǆ"]),
        ("हिन्दी ไทย العَرَبِيَّة 日本語", ["हिन्दी", "ไทย", "العَرَبِيَّة", "日本語"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("no\u00a0break\u3000ideographic\u2003em\u200bzero", None),
        ("tab\tline\nreturn\rfeed\fnext\u0085end", None),
        ("1984 ½ Ⅷ x2", ["1984", "½", "ⅷ", "x2"]),
        ("... !? 👍", []),
        ("", []),
        (" \u00a0\n", []),
    ],
)
def test_words_of_every_script(text, expected):
    if expected is None:  # one word wherever there are letters
        expected = "".join(c if c.isalpha() else " " for c in text).split()
    assert split(WordTokenizer(), text) == [expected]


@pytest.mark.parametrize("punctuation", ["drop", "keep"])
def test_punctuation_is_dropped_or_kept(punctuation):
    tokens = split(WordTokenizer(punctuation=punctuation), "Wow... 5/5 👍🏽 (it's $3)!")
    kept = ["wow", *"...", "5", "/", "5", "👍", "🏽", "(", "it's", "$", "3", ")", "!"]
    dropped = ["wow", "5", "5", "it's", "3"]
    assert tokens == [kept if punctuation == "keep" else dropped]


@pytest.mark.parametrize("punctuation", ["drop", "keep"])
def test_variation_selector_of_an_emoji_is_no_word_of_its_own(punctuation):
    (tokens,) = split(WordTokenizer(punctuation=punctuation), "I ❤\ufe0f it")
    assert "\ufe0f" not in tokens


def test_markup_goes_and_what_only_looks_like_it_stays():
    text = "good<br /><b>film</b> i <3 it, 2 < 3 > 1"
    (tokens,) = split(WordTokenizer(markup=False, punctuation="keep"), text)
    assert " ".join(tokens) == "good film i < 3 it , 2 < 3 > 1"
    assert "br" in split(WordTokenizer(), text)[0]


@pytest.mark.parametrize("tokenizer_class", [WordTokenizer, CharacterTokenizer])
@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("end", [False, True])
def test_each_row_is_bracketed_as_asked_an_empty_one_too(tokenizer_class, start, end):
    rows = split(tokenizer_class(start=start, end=end), "a b", "")
    inner = ["a", "b"] if tokenizer_class is WordTokenizer else ["a", " ", "b"]
    before, after = ["<SOS>"] * start, ["<EOS>"] * end
    assert rows == [before + inner + after, before + after]


@pytest.mark.parametrize(
    "tokenizer",
    [WordTokenizer(), WordTokenizer(start=True, end=True), CharacterTokenizer()],
)
def test_no_text_gives_no_row(tokenizer):
    tokens = tokenizer(tf.constant([], tf.string))
    assert tokens.shape.as_list() == [0, None]
    assert tokens.dtype == tf.string


@pytest.mark.parametrize("lowercase", [False, True])
def test_broken_bytes_become_replacement_characters(lowercase):
    tokenizer = WordTokenizer(lowercase, punctuation="keep")
    rows = split(tokenizer, b"caf\xe9 noir", b"\xff", "ok")
    assert rows == [["caf", "\ufffd", "noir"], ["\ufffd"], ["ok"]]


@pytest.mark.parametrize("lowercase", [False, True])
def test_nul_byte_ends_a_word_and_not_the_text(lowercase):
    assert split(WordTokenizer(lowercase), "a\0b c") == [["a", "b", "c"]]


TOKENIZERS = [
    WordTokenizer(False, "keep", markup=False, start=True, end=True),
    WordTokenizer(),
    CharacterTokenizer(start=True),
    CharacterTokenizer(end=True),
]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_graph_gives_what_eager_execution_gives(tokenizer):
    rows = tf.constant(["Don't <br /> 👍 x\u00a0y!", "", b"\xff\0z", "ΟΔΟΣ"])
    specification = [tf.TensorSpec([None], tf.string)]
    graph = tf.function(tokenizer, input_signature=specification)
    assert graph(rows).to_list() == tokenizer(rows).to_list()
    assert graph(rows[:0]).to_list() == []


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_tokenizer_survives_serialization(tokenizer):
    config = keras.saving.serialize_keras_object(tokenizer)
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(tokenizer)
    assert copy.get_config() == tokenizer.get_config()
    text = "<b>Don't</b> stop!"
    np.testing.assert_equal(split(copy, text), split(tokenizer, text))


def test_unknown_way_with_punctuation_is_named():
    with pytest.raises(ValueError, match=r"'drop' or 'keep', found 'strip'"):
        WordTokenizer(punctuation="strip")
