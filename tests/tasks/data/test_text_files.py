"""Text files: packed or not, in any encoding; what is wrong is told with its place."""

import functools
import gzip
import re
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data import text_files
from tasks.errors import UserError

LINES = ["é", "", "漢字 😀", "a\u2028b\x85c", "end"]
TEXT = "\n".join(LINES)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk"]

# Without the time: tests that are named by it would be others in each process.
zipped = functools.partial(gzip.compress, mtime=0)


def in_blocks(content, size):
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lines_are_those_that_were_written(tmp_path, encoding, packed, size):
    text = TEXT if encoding != "gbk" else "漢字\n\nb"
    content = text.encode(encoding)
    content = gzip.compress(content) if packed else content
    blocks = in_blocks(content, size)
    assert list(text_files.stream_lines(blocks, "x", encoding)) == text.split("\n")
    path = tmp_path / "x"
    path.write_bytes(content)
    assert text_files.read(path, encoding) == text
    assert list(text_files.read_lines(path, encoding)) == text.split("\n")


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff")),
    size=st.integers(1, 7),
    encoding=st.sampled_from(ENCODINGS[:-1]),
)
def test_blocks_of_any_size_change_nothing(text, size, encoding):
    blocks = in_blocks(text.encode(encoding), size)
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    assert list(text_files.stream_lines(blocks, "x", encoding)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\rc", ["a", "b", "c"]),
        (b"a\r\rb\r", ["a", "", "b"]),
        (b"a\rb\nc\r\n", ["a\rb", "c"]),  # where there are LFs, CR ends no line
        (b"\r", [""]),
        (b"\n", [""]),
        (b"", []),
        (b"a", ["a"]),
        (b"\n\na", ["", "", "a"]),
    ],
)
def test_lf_and_crlf_end_lines_and_cr_where_there_is_no_lf(tmp_path, content, expected):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert list(text_files.read_lines(path)) == expected
    assert text_files.lines(content.decode()) == expected
    whole = text_files.read(path)
    assert text_files.lines(whole) == expected
    assert "\r\n" not in whole


def test_byte_order_marks_are_no_part_of_the_text(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbfa\n\xef\xbb\xbfb")
    assert text_files.read(path) == "a\n\ufeffb"  # only at the beginning it is one


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        (
            b"a\nb\ncaf\xe9 d\n",
            "utf-8",
            "not UTF-8: in line 3, byte 7 of the file (0xe",
        ),
        (b"a\ncaf\xc3", "utf-8", "in line 2, byte 5 of the file (0xc3)"),
        (b"\xc3\n", "utf-8", "in line 1, byte 0 of the file (0xc3)"),
        (b"\xed\xa0\x80", "utf-8", "in line 1, byte 0 of the file (0xed)"),
        (b"a\n\x81", "cp1252", "not CP1252: in line 2, byte 2 of the file (0x81)"),
        (b"a\nb\xff", "ascii", "not ASCII: in line 2, byte 3"),
        ("a\nb".encode("utf-16") + b"x", "utf-16", "not UTF-16: in line 2, byte 8"),
        ("a\nb".encode("utf-16"), "utf-8", "is UTF-16 by its byte order mark"),
        ("a".encode("utf-32"), "utf-8", "--encoding utf-32"),
        ("\ufeffa".encode(), "latin-1", "is UTF-8 by its byte order mark, not ISO8859"),
        ("a\nb".encode("utf-16-le"), "utf-8", "holds a NUL in line 1"),
        (b"a\nb\nc\0\n", "utf-8", "holds a NUL in line 3"),
        (b"PK\x03\x04rest", "utf-8", "is a ZIP archive"),
        (b"%PDF-1.7\n", "utf-8", "is a PDF"),
        (zipped(b"a\nb\n")[:-9], "utf-8", "are cut off"),
        (zipped(b"a\nb\n")[:5], "utf-8", "are cut off"),
        (
            zipped(b"abc")[:-8] + bytes(8),
            "utf-8",
            "damaged (incorrect data",
        ),
        (
            zipped(b"abc") + b"rest",
            "utf-8",
            "damaged (incorrect header",
        ),
        (zipped(b"a\nb\xff"), "utf-8", "in line 2, byte 3 of the file"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 2**16])
def test_what_is_no_text_is_told_with_its_place(content, encoding, told, size):
    with pytest.raises(UserError) as caught:
        list(text_files.stream_lines(in_blocks(content, size), "my file", encoding))
    assert str(caught.value).startswith("my file ")
    assert told in str(caught.value)


def test_what_is_before_the_mistake_has_been_given_out():
    blocks = [b"one\n", b"two\n", b"\xff\n"]
    lines = text_files.stream_lines(iter(blocks), "x")
    assert [next(lines), next(lines)] == ["one", "two"]
    with pytest.raises(UserError, match="line 3"):
        next(lines)


def test_members_of_a_packed_file_are_one_text(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\n") + bytes(512))
    assert list(text_files.read_lines(path)) == ["a", "bc"]


def test_what_is_unpacked_are_bytes_up_to_the_damage():
    blocks = text_files.unpacked(in_blocks(zipped(b"a\n\xff") + bytes(99), 3), "x")
    assert b"".join(blocks) == b"a\n\xff"
    found = []
    with pytest.raises(UserError, match="cut off"):
        found.extend(text_files.unpacked([zipped(b"a" * 99)[:-4]], "x"))
    assert b"".join(found) == b"a" * 99


def test_a_name_that_says_gzip_is_believed(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(b"plain")
    with pytest.raises(UserError, match=r"x.gz can't be unpacked: .*incorrect header"):
        text_files.read(path)
    path.write_bytes(zlib.compress(b"plain", wbits=31))
    assert text_files.read(path) == "plain"


@pytest.mark.parametrize(
    ("name", "found"),
    [("UTF8", "utf-8"), ("utf_8_sig", "utf-8"), ("Latin1", "iso8859")],
)
def test_encodings_have_many_names(name, found):
    assert text_files.encoding_name(name).startswith(found)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("utf9", "Did you mean 'utf-8'"),
        ("latin-x", "'latin-1'"),
        ("rot13", "Unknown encoding 'rot13'"),
        ("base64", "Unknown encoding"),
        ("idna", "Unknown encoding"),
        ("unicode_escape", "Unknown encoding"),
        ("", "There are: utf-8, utf-16"),
        ("a\0b", "Unknown encoding"),
        ("é", "Unknown encoding"),
        ("ü" * 500, "Unknown encoding"),
    ],
)
def test_an_unknown_encoding_is_told(name, told):
    with pytest.raises(UserError, match="Unknown encoding") as caught:
        text_files.encoding_name(name)
    assert told in str(caught.value)


def test_a_line_comes_as_soon_as_it_is_there():
    given = []

    def slowly():
        for number in range(3):
            given.append(number)
            yield b"text %d\n" % number

    lines = text_files.stream_lines(slowly(), "x")
    assert next(lines) == "text 0"
    assert given == [0]


@pytest.mark.parametrize("name", ["rot13", "base64", "bz2", "hex", "zip", "x"])
def test_only_encodings_of_text_are_proposed(name):
    with pytest.raises(UserError) as caught:
        text_files.encoding_name(name)
    proposed = re.findall(r"'([^']+)'", str(caught.value))[1:]
    assert all(text_files.encoding_name(each) for each in proposed)
    assert "rot" not in str(caught.value).partition(".")[2]
