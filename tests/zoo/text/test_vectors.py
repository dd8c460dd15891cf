"""Word vectors read from text, against the numbers that were written."""

import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.text import read_vectors

GLOVE = "the 0.25 -1 2e-3\n. . . 1 2 3\nat name@domain.com 4 5 6\ncat 7 8 9\n"
TOKENS = ["the", ". . .", "at name@domain.com", "cat"]
MATRIX = [[0.25, -1, 2e-3], [1, 2, 3], [4, 5, 6], [7, 8, 9]]

odd = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1)
single = odd.filter(lambda token: " " not in token)
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


def write(folder, content, name="vectors.txt"):
    path = folder / name
    content = content if isinstance(content, bytes) else content.encode("utf-8")
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["glove.txt", "glove.vec", "glove.txt.gz"])
def test_tokens_may_hold_spaces_and_files_be_compressed(name, tmp_path):
    tokens, matrix = read_vectors(write(tmp_path, GLOVE, name))
    assert tokens == TOKENS
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, np.float32(MATRIX))


@pytest.mark.parametrize(
    "content",
    [
        "2 3\nthe 1 2 3\ncat 4 5 6\n",
        "2 3\nthe 1 2 3 \ncat 4 5 6 \n",  # as word2vec writes it
        "2 3\r\nthe 1 2 3\r\ncat 4 5 6\r\n",
        "the 1 2 3\ncat 4 5 6",
    ],
)
def test_header_trailing_space_and_line_end_make_no_difference(content, tmp_path):
    tokens, matrix = read_vectors(write(tmp_path, content, "words.vec"))
    assert tokens == ["the", "cat"]
    assert matrix.tolist() == [[1, 2, 3], [4, 5, 6]]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(single, unique=True, min_size=1, max_size=5).flatmap(
        lambda tokens: st.tuples(
            st.just(tokens),
            st.lists(
                st.lists(numbers, min_size=2, max_size=2),
                min_size=len(tokens),
                max_size=len(tokens),
            ),
        )
    )
)
@example((["\u0085", "\u2028", "\xa0", "\t", "\ufeff", "1", "nan"], [[1.5, -0.0]] * 7))
@pytest.mark.parametrize("header", [True, False])
def test_what_is_written_is_read(tmp_path_factory, header, vectors):
    tokens, rows = vectors
    lines = [f"{len(tokens)} 2"] if header else []
    lines += [
        f"{token} {a!r} {b!r}" for token, (a, b) in zip(tokens, rows, strict=True)
    ]
    path = write(tmp_path_factory.getbasetemp(), "\n".join(lines))
    read, matrix = read_vectors(path)
    assert read == tokens
    np.testing.assert_array_equal(matrix, np.float32(rows))


def test_only_the_tokens_asked_for_are_kept_in_the_files_order(tmp_path):
    path = write(tmp_path, GLOVE)
    tokens, matrix = read_vectors(path, iter(["dog", "cat", ". . .", "Cat"]))
    assert tokens == [". . .", "cat"]
    assert matrix.tolist() == [[1, 2, 3], [7, 8, 9]]
    tokens, matrix = read_vectors(path, [])
    assert tokens == []
    assert matrix.shape == (0, 3)
    assert matrix.dtype == np.float32


def test_first_of_repeated_vectors_counts(tmp_path):
    path = write(tmp_path, "3 1\na 1\nb 2\na 3\n")
    tokens, matrix = read_vectors(path)
    assert tokens == ["a", "b"]
    assert matrix.tolist() == [[1], [2]]


def test_matrix_can_be_written_to(tmp_path):
    _, matrix = read_vectors(write(tmp_path, GLOVE))
    matrix += 1
    assert matrix[3, 2] == 10


def test_what_is_not_kept_needs_no_memory(tmp_path):
    row = " ".join(["0.125"] * 50)
    path = write(tmp_path, "".join(f"token{n} {row}\n" for n in range(2000)))
    tracemalloc.start()
    read_vectors(path, ["token7"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size / 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dog 1 2", "expected a token and 3 numbers, found 2 fields after 'dog'"),
        ("dog 1 2 3 4", "expected a token and 3 numbers, found 4 fields after 'dog'"),
        ("dog", "expected a token and 3 numbers, found 0 fields after 'dog'"),
        ("", "expected a token and 3 numbers, found 0 fields after ''"),
        (" 1 2 3", "expected a token and 3 numbers, found 3 fields after ''"),
        ("dog 1 zwei 3", "number 2 must be finite in float32, found 'zwei'"),
        ("dog 1  3", "number 2 must be finite in float32, found ''"),
        ("dog 1 2 nan", "number 3 must be finite in float32, found 'nan'"),
        ("dog -inf 2 3", "number 1 must be finite in float32, found '-inf'"),
        ("dog 1 1e39 3", "number 2 must be finite in float32, found '1e39'"),
        (b"d\xe4g 1 2 3", "must be UTF-8: .*0xe4 in position 1"),
    ],
)
@pytest.mark.parametrize("header", ["", "5 3\n"])
@pytest.mark.parametrize("name", ["words.txt", "words.txt.gz"])
def test_line_that_is_malformed_is_named(line, message, header, name, tmp_path):
    line = line if isinstance(line, bytes) else line.encode("utf-8")
    content = f"{header}{GLOVE}".encode() + line + b"\nmore 1 2 3\n"
    number = content[: content.index(line + b"\nmore")].count(b"\n") + 1
    path = write(tmp_path, content, name)
    with pytest.raises(ValueError, match=rf"{name}, line {number}:? {message}"):
        read_vectors(path)


def test_number_in_a_line_that_is_passed_over_is_not_read(tmp_path):
    path = write(tmp_path, "the 1 2\ncat one two\n")
    assert read_vectors(path, ["the"])[0] == ["the"]
    with pytest.raises(ValueError, match="line 2: expected a token and 2 numbers"):
        read_vectors(write(tmp_path, "the 1 2\ncat 1\n"), ["the"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"words\.txt is empty: each line must be a token and its numbers"),
        ("the\n", r"words\.txt, line 1: expected a token and its numbers, .*'the'"),
        ("2 0\n", r"words\.txt, line 1: .* their dimension, found '2 0'"),
        ("3 1\na 1\nb 2\n", r"words\.txt: the first line promises 3 vectors, found 2"),
        ("1 1\na 1\nb 2\n", r"words\.txt: the first line promises 1 vectors, found 2"),
        ("1 1\n", r"words\.txt: the first line promises 1 vectors, found 0"),
    ],
)
def test_file_that_holds_something_else_is_named(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_vectors(write(tmp_path, content, "words.txt"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-4],
        lambda data: data[:-10] + b"\0\0" + data[-8:],
        lambda data: b"PK" + data[2:],
    ],
)
def test_damaged_compression_is_named(damage, tmp_path):
    path = tmp_path / "words.gz"
    path.write_bytes(damage(gzip.compress(GLOVE.encode("utf-8"))))
    with pytest.raises(ValueError, match=r"words\.gz, after line \d: .* are damaged"):
        read_vectors(path)
