"""Tokens, ids and files, against counting and listing by hand."""

import collections
import gc
import shutil
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.text import Vocabulary, vocabulary

SPECIAL = ["<PAD>", "<UNK>", "<SOS>", "<EOS>"]
AWKWARD = [
    *(
        "\n",
        "\r",
        "\r\n",
        "\\",
        "\\\\",
        "\\n",
        "\\r",
        "\\\\n",
        "\\\n",
        "\n\\",
        "\\\\\\",
    ),
    *(" ", " a", "a ", "a b", "\t", "\v", "\f", "\x1c", "\u0085", "\u00a0", "\u2028"),
    *("é", "e\u0301", "日本", "👍🏽", "\ufeff", "\ufffd", "<UNK>s", "#", "0", "-1"),
]
without_nul = st.characters(codec="utf-8", exclude_characters="\0")
awkward_texts = st.text(
    st.sampled_from("\\nr\n\r \t#é") | without_nul, min_size=1, max_size=6
)
token_lists = st.lists(
    awkward_texts.filter(lambda token: token not in SPECIAL), unique=True, max_size=8
)


def back_and_forth(of, tokens):
    """Returns the ids of `tokens`, and the tokens of these ids."""
    ids = of.ids(tf.constant(tokens, tf.string))
    return ids.numpy().tolist(), [t.decode() for t in of.lookup(ids).numpy()]


def test_ids_begin_with_the_special_tokens():
    of = Vocabulary(["the", "cat"])
    assert list(of.tokens) == [*SPECIAL, "the", "cat"]
    assert of.ordinary_tokens == ["the", "cat"]
    assert len(of) == 6
    ids, _ = back_and_forth(of, SPECIAL)
    assert ids == [0, 1, 2, 3]
    assert vocabulary.PADDING_ID == 0
    assert vocabulary.UNKNOWN_ID == 1
    assert vocabulary.START_ID == 2
    assert vocabulary.END_ID == 3


def test_fit_takes_frequent_tokens_first_and_ties_by_their_bytes():
    stream = [tf.constant(["b", "a", "é", "B", "b"]), ["z", "z", "z", "é", "日"]]
    # UTF-8 puts upper case before lower case, and ASCII before all else
    assert Vocabulary.fit(stream).ordinary_tokens == ["z", "b", "é", "B", "a", "日"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdeé日"), max_size=8), max_size=4),
    st.none() | st.integers(0, 9),
    st.integers(1, 3),
)
def test_fit_is_counting(rows, max_size, min_count):
    count = collections.Counter(token for row in rows for token in row)
    often = [token for token in count if count[token] >= min_count]
    expected = sorted(often, key=lambda token: (-count[token], token.encode()))
    if max_size is not None:
        expected = expected[: max(max_size - 4, 0)]

    ragged = tf.ragged.constant(rows, tf.string, ragged_rank=1)
    for stream in (rows, [ragged], [ragged.to_tensor("")]):
        fitted = Vocabulary.fit(stream, max_size, min_count)
        assert fitted.ordinary_tokens == expected


ROWS = [["b", "é", "b"], ["日", "b", "é"]]
BYTES = [[token.encode() for token in row] for row in ROWS]
RAGGED = tf.ragged.constant([[["b"], ["é", "b"]], [["日", "b", "é"]]])
STREAMS = {
    "bytes": BYTES,
    "tuples": [tuple(row) for row in ROWS],
    "an array": np.array(ROWS),
    "an array of bytes": np.array(BYTES),
    "an array of objects": np.array(BYTES, object),
    "arrays of two axes": [np.array(ROWS), np.zeros([0, 2], object)],
    "a tensor": tf.constant(ROWS),
    "tensors of one token": list(tf.constant(ROWS[0] + ROWS[1])),
    "a dataset": tf.data.Dataset.from_tensor_slices(ROWS),
    "what NumPy's iterator gives": [
        *tf.data.Dataset.from_tensor_slices(ROWS).as_numpy_iterator()
    ],
    "ragged tensors": RAGGED,
    "what NumPy's iterator gives for ragged tensors": [
        *tf.data.Dataset.from_tensor_slices(RAGGED).as_numpy_iterator()
    ],
}


@pytest.mark.parametrize("form", STREAMS)
def test_fit_takes_tokens_in_whatever_form(form):
    fitted = Vocabulary.fit(STREAMS[form])
    assert fitted.ordinary_tokens == ["b", "é", "日"]


@pytest.mark.parametrize(
    "stream",
    [
        *("ab", ["ab", "c"], [b"ab"], [["a"], "b"], np.array(["ab", "c"])),
        tf.data.Dataset.from_tensor_slices(["ab"]).as_numpy_iterator(),
    ],
)
def test_fit_refuses_strings_which_it_would_take_for_their_characters(stream):
    with pytest.raises(TypeError, match=r"lists of tokens, found the string b?'[ab]+'"):
        Vocabulary.fit(stream)


def test_max_size_counts_the_special_tokens():
    stream = [list("aabbcd")]
    assert len(Vocabulary.fit(stream, max_size=6)) == 6
    assert len(Vocabulary.fit(stream, max_size=2)) == 4


def test_fit_passes_over_special_and_empty_tokens():
    stream = [["<EOS>", "", "<UNK>", "a", "<SOS>", "<PAD>"]]
    assert Vocabulary.fit(stream).ordinary_tokens == ["a"]


def test_fit_counts_broken_bytes_as_replacement_characters():
    stream = [tf.constant([b"\xff", b"\xfe", b"a"])]
    assert Vocabulary.fit(stream).ordinary_tokens == ["\ufffd", "a"]


@pytest.mark.parametrize("shape", ["scalar", "vector", "matrix", "ragged"])
def test_ids_and_tokens_keep_their_shape(shape):
    of = Vocabulary(["a", "b", "\\"])
    tokens, ids = {
        "scalar": (tf.constant("b"), 5),
        "vector": (tf.constant(["b", "?"]), [5, 1]),
        "matrix": (tf.constant([["b", "a"], ["\\", "<PAD>"]]), [[5, 4], [6, 0]]),
        "ragged": (tf.ragged.constant([["b"], [], ["\\", "a"]]), [[5], [], [6, 4]]),
    }[shape]
    found = of.ids(tokens)
    assert found.dtype == tf.int32
    assert found.shape.as_list() == tokens.shape.as_list()
    back = of.lookup(found)
    if shape == "ragged":
        assert found.to_list() == ids
        assert back.to_list() == tokens.to_list()
    else:
        np.testing.assert_array_equal(found, ids)
        unknown = tf.where(found == 1, "<UNK>", tokens)
        np.testing.assert_array_equal(back, unknown)


def test_id_that_is_none_is_unknown():
    of = Vocabulary(["a"])
    for dtype in (tf.int32, tf.int64):
        tokens = of.lookup(tf.constant([4, 5, -1, 999], dtype))
        assert tokens.numpy().tolist() == [b"a", b"<UNK>", b"<UNK>", b"<UNK>"]


def test_no_token_has_no_id():
    of = Vocabulary(["\n"])
    assert of.ids(tf.constant([], tf.string)).shape == (0,)
    assert of.ids(tf.ragged.constant([[]], tf.string)).to_list() == [[]]


def test_empty_vocabulary_knows_the_special_tokens():
    ids, _ = back_and_forth(Vocabulary([]), [*SPECIAL, "a"])
    assert ids == [0, 1, 2, 3, 1]


@settings(max_examples=40, deadline=None)
@given(token_lists)
@example(AWKWARD)
def test_every_token_has_its_own_id_and_comes_back_from_a_file(tokens):
    of = Vocabulary(tokens)
    with tempfile.NamedTemporaryFile() as file:
        of.save(file.name)
        loaded = Vocabulary.load(file.name)
    assert loaded.tokens == of.tokens == (*SPECIAL, *tokens)
    expected = list(range(len(tokens) + 4)), [*SPECIAL, *tokens]
    assert back_and_forth(of, [*SPECIAL, *tokens]) == expected
    assert back_and_forth(loaded, [*SPECIAL, *tokens]) == expected


@pytest.mark.parametrize(
    "tokens",
    [["\0", "a\0b"], ["\\", "\0"]],
)
def test_nul_character_comes_back(tokens):
    assert back_and_forth(Vocabulary(tokens), tokens) == ([4, 5], tokens)


def test_token_that_looks_like_an_escape_is_not_one():
    of = Vocabulary(["\n"])
    assert back_and_forth(of, ["\n", "\\n", "n"])[0] == [4, 1, 1]


def test_file_has_a_readable_token_a_line(tmp_path):
    tokens = ["the", "l'été", "👍", " ", "\n", "\\n", "\r"]
    Vocabulary(tokens).save(tmp_path / "vocabulary.txt")
    text = (tmp_path / "vocabulary.txt").read_bytes().decode("utf-8")
    lines = [*SPECIAL, "the", "l'été", "👍", " ", r"\n", r"\\n", r"\r"]
    assert text == "".join(f"{line}\n" for line in lines)


def test_saved_file_loads(tmp_path):
    Vocabulary(AWKWARD).save(tmp_path / "words")
    assert Vocabulary.load(str(tmp_path / "words")).ordinary_tokens == AWKWARD


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("words.txt", "words"),
        ("my-words.v1.txt", "my_words_v1"),
        ("2 Wörter", "_2_W_rter"),
        (".txt", "_txt"),
    ],
)
def test_a_file_may_have_any_name(file, name, tmp_path):
    Vocabulary(["a"]).save(tmp_path / file)
    loaded = Vocabulary.load(tmp_path / file)
    assert loaded.name == name
    assert back_and_forth(loaded, ["a"]) == ([4], ["a"])


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["a", "b", "a"], r"'a' is 2 times"),
        (["a", "<EOS>"], r"'<EOS>' is 2 times"),
        (["a", "", "b"], r"Token 5 .* is empty"),
    ],
)
def test_repeated_or_empty_token_is_named(tokens, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(tokens)


@pytest.mark.parametrize("content", ["", "the\ncat\n", "<UNK>\n<PAD>\n<SOS>\n<EOS>\n"])
def test_foreign_file_is_named(content, tmp_path):
    (tmp_path / "words.txt").write_text(content)
    with pytest.raises(ValueError, match=r"words\.txt is no vocabulary of the zoo"):
        Vocabulary.load(tmp_path / "words.txt")


def test_file_that_is_cut_off_is_named(tmp_path):
    path = tmp_path / "words.txt"
    Vocabulary(["the", "cat"]).save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"words\.txt is cut off: .* 'cat', has no end"
    ):
        Vocabulary.load(path)


def test_graph_looks_up_what_eager_execution_does():
    of = Vocabulary(["a", "\\n", "\n"])
    tokens = tf.ragged.constant([["a", "\n"], [], ["\\n", "?"]])
    ids = tf.function(of.ids)(tokens)
    assert ids.to_list() == of.ids(tokens).to_list() == [[4, 6], [], [5, 1]]
    back = tf.function(of.lookup)(ids)
    assert back.to_list() == [[b"a", b"\n"], [], [b"\\n", b"<UNK>"]]


def test_file_of_the_tables_goes_with_the_vocabulary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    of = Vocabulary(["a"])
    assert [file.name for file in tmp_path.glob("*/*")] == ["vocabulary.txt"]
    del of
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_file_that_was_tidied_away_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    of = Vocabulary(AWKWARD)
    [folder] = tmp_path.iterdir()
    expected = (folder / "vocabulary.txt").read_bytes()
    for tidy in (lambda: shutil.rmtree(folder), (folder / "vocabulary.txt").unlink):
        tidy()
        of.keep_file()
        assert (folder / "vocabulary.txt").read_bytes() == expected
        of.keep_file()
    del of
    gc.collect()
    assert not list(tmp_path.iterdir())
