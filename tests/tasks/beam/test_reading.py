"""Texts out of lines, tables and records, and what is told of what is none."""

import gzip
import io

import numpy as np
import pytest
import tensorflow as tf

from tasks.beam.reading import LINES, RECORDS, Format, Read, holds_records, texts
from tasks.data import tables
from tasks.errors import UserError


def read(content, kind=LINES, column=None, encoding="utf-8", path="in.txt"):
    form = Format(kind, column, encoding)
    return list(texts(lambda: io.BytesIO(content), path, form))


def told(rows):
    return [(row.line, row.text) for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        b"one\n\nthr\xc3\xa9\n",
        b"\xef\xbb\xbfone\r\n\r\nthr\xc3\xa9",
        b"one\r\rthr\xc3\xa9",
    ],
)
def test_a_line_is_a_text_whatever_ends_it_and_empty_ones_stay(content):
    assert told(read(content)) == [(1, "one"), (2, ""), (3, "thré")]


def test_an_empty_file_has_no_text_and_an_encoding_is_kept_to():
    assert read(b"") == []
    assert told(read(b"\xe9t\xe9\n", encoding="latin-1")) == [(1, "été")]


@pytest.mark.parametrize("wrong", [b"a\xff", b"a\0b"])
def test_what_is_no_text_is_told_in_its_place_and_the_others_are_read(wrong):
    found = read(b"one\n" + wrong + b"\nthree\n")
    assert told(found) == [(1, "one"), (2, None), (3, "three")]
    assert ("NUL" if b"\0" in wrong else "character 1 is not UTF-8") in found[1].error


@pytest.mark.parametrize("encoding", ["utf-7", "iso2022_jp"])
def test_bytes_of_ascii_may_be_wrong_too(encoding):
    wrong = {"utf-7": b"+\xff!", "iso2022_jp": b"\x1b$Ba"}[encoding]
    with pytest.raises(UnicodeDecodeError):
        wrong.decode(encoding, "surrogateescape")
    found = read(b"one\n" + wrong + b"\nthree\n", encoding=encoding)
    assert told(found) == [(1, "one"), (2, None), (3, "three")]


random = np.random.default_rng(0)
PACKED_LINES = ["text", *(random.bytes(8).hex() for _ in range(20_000))]


def in_gzip(lines):
    """Returns lines packed by gzip, in two members."""
    half = len(lines) // 2
    parts = (
        "".join(f"{line}\n" for line in part) for part in (lines[:half], lines[half:])
    )
    return b"".join(gzip.compress(part.encode()) for part in parts)


@pytest.mark.parametrize("kind", [LINES, tables.CSV, tables.TSV])
@pytest.mark.parametrize(
    ("damaged", "sign"),
    [
        (lambda content: content[: -len(content) // 3], "are cut off. Fetch it again."),
        (lambda content: content[:-3], "are cut off"),
        (lambda content: content[:-8] + bytes(8), "are damaged (incorrect data check)"),
        (lambda content: content + b"more", "are damaged (incorrect header check)"),
    ],
)
def test_what_gzip_has_packed_is_read_up_to_the_damage(kind, damaged, sign):
    content = damaged(in_gzip(PACKED_LINES))
    *whole, end = read(content, kind, None if kind == LINES else "text", path="in.gz")
    assert end.text is None
    assert end.error.startswith("in.gz can't be unpacked: gzip's data ")
    assert sign in end.error
    if kind == tables.TSV:  # whose quotes aren't known then
        assert (whole, end.line) == ([], 1)
        return
    lines = list(enumerate(PACKED_LINES, start=1))[kind == tables.CSV :]
    assert told(whole) == lines[: len(whole)]
    assert len(whole) > len(lines) / 3
    assert end.line == whole[-1].line + 1


def test_gzip_is_known_by_its_data_and_zeros_may_stand_behind_it():
    content = in_gzip(PACKED_LINES)
    for path in ("in.gz", "in.txt"):
        for more in (b"", bytes(512)):
            found = read(content + more, path=path)
            assert [row.text for row in found] == PACKED_LINES
    [row] = read(b"plain\ntext\n", path="in.gz")
    assert (row.line, row.text) == (1, None)
    assert "in.gz can't be unpacked" in row.error


@pytest.mark.parametrize(
    ("content", "encoding", "sign"),
    [
        (b"PK\x03\x04\na\nb", "utf-8", "is a ZIP archive"),
        ("a\nb".encode("utf-16"), "utf-8", "--encoding utf-16"),
        ("\ufeffé\nb".encode(), "latin-1", "--encoding utf-8"),
    ],
)
def test_a_file_that_is_something_else_is_told_once(content, encoding, sign):
    [row] = read(content, encoding=encoding)
    assert (row.line, row.text) == (1, None)
    assert sign in row.error


def test_objects_have_their_text_in_a_column():
    lines = b'{"t": "one"}\n\n[1]\n{"t": 3}\n{"u": ""}\nno\n{"t": "\xc3\xa9"}\n'
    found = read(lines, tables.JSON_LINES, "t")
    assert told(found) == [
        (1, "one"), (3, None), (4, None), (5, None), (6, None), (7, "é")
    ]  # fmt: skip
    for row, sign in zip(
        found[1:5], ["a list", "is 3, not", "has no 't'", "no JSON"], strict=True
    ):
        assert sign in row.error


def test_cells_may_hold_lines_and_rows_of_another_length_are_told():
    content = b'sep=;\nid;text\n1;"a;\nb ""c"""\n2\n\n3;d\n'
    found = read(content, tables.CSV, "text")
    assert told(found) == [(3, 'a;\nb "c"'), (5, None), (7, "d")]
    assert "1 cells, but the first line names 2" in found[1].error


def read_by_commands(content, path):
    """Returns the lines and texts that the commands find in a table."""
    path.write_bytes(content)
    return [(row.line, row.cells["text"]) for row in tables.read(path).records()]


@pytest.mark.parametrize(
    "content",
    [
        b'id\ttext\n1\ta "b\n',
        b'id\ttext\n1\t"a ""b"""\n\n2\t"c\td"\n3\t"e\nf"\n4\tg\n',
        b'id\t"text"\r\n1\t"a"\r\n',
        b'id\ttext\n1\t"a" b\n2\t"c"\n',  # they don't fit together
        b'sep=;\nid;text\n1;"a;b"\n',
        b"id\ttext\n",
    ],
)
def test_quotes_of_tsv_are_taken_as_the_commands_take_them(content, tmp_path):
    expected = read_by_commands(content, tmp_path / "in.tsv")
    assert told(read(content, tables.TSV, "text")) == expected


@pytest.mark.parametrize(
    ("content", "expected", "sign"),
    [
        # A quote that is never closed.
        (
            b'id,text\n1,good\n2,"He said hi\n3,bad\n4,fine\n',
            [(2, "good"), (3, None)],
            "never closed: nothing up to line 5 is read",
        ),
        (
            b'text,id\ngood,1\n"He said hi,2\nbad,3\n',
            [(2, "good"), (3, None)],
            "never closed: nothing up to line 4 is read",
        ),
        # More text behind one, in a line and in the second of two.
        (
            b'id,text\n1,"a" b\n2,c\n',
            [(2, None), (3, "c")],
            "behind a closing quote there is more text. A quote in",
        ),
        (
            b'id,text\n1,"a\nb" c\n2,"d"\n',
            [(2, None), (4, "d")],
            "more text: nothing up to line 3 is read",
        ),
        # What names the columns.
        (b"text,id,text\na,1,b\n", [(1, None)], "has 2 columns 'text'"),
        (b'id,"text" \n1,a\n', [(1, None)], "behind a closing quote"),
        (b"", [(1, None)], "no column 'text'"),
    ],
)
def test_quotes_of_csv_that_do_not_fit_together_are_told_in_their_place(
    content, expected, sign, tmp_path
):
    found = read(content, tables.CSV, "text")
    assert told(found) == expected
    [wrong] = (row.error for row in found if row.error)
    assert sign in wrong
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(UserError):  # the commands read no such file
        list(tables.read(tmp_path / "in.csv").records())


@pytest.mark.parametrize(
    "content",
    [
        b'"a\nb",text\n1,one\n',
        b'sep=;\n"a\nb";"text"\n\n1;"one\n""two"""\n\n2;three\n',
        b"id,text\n1,a\rb\n2,c\n",
        b'id,text\r\n1,"a\rb"\r\n',
        b"id,text\r1,a\r2,b",
    ],
)
def test_csv_is_read_as_the_commands_read_it(content, tmp_path):
    expected = read_by_commands(content, tmp_path / "in.csv")
    assert told(read(content, tables.CSV, "text")) == expected
    assert expected


def test_of_columns_that_are_not_asked_for_two_may_have_one_name():
    assert told(read(b"id,text,id\n1,a,2\n", tables.CSV, "text")) == [(2, "a")]


def test_a_carriage_return_in_a_cell_ends_nothing():
    for kind, delimiter in ((tables.CSV, b","), (tables.TSV, b"\t")):
        content = b"id,text\n1,a\rb\n2,c\n".replace(b",", delimiter)
        assert told(read(content, kind, "text")) == [(2, "a\rb"), (3, "c")]


def test_a_cell_may_be_long():
    content = b"id,text\n1," + b"a" * 200_000 + b"\n"
    assert told(read(content, tables.CSV, "text")) == [(2, "a" * 200_000)]


def test_a_missing_column_is_told_once():
    [row] = read(b"id,text\n1,a\n2,b\n", tables.CSV, "review")
    assert row.text is None
    assert "no column 'review'" in row.error


def example(**features):
    made = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        for name, values in features.items()
    }
    return tf.train.Example(
        features=tf.train.Features(feature=made)
    ).SerializeToString()


@pytest.fixture
def records(tmp_path):
    """Writes records, and returns what is read of them."""

    def write(contents, column=None, damage=0, packed=False):
        path = str(tmp_path / f"in.tfrecord{'.gz' if packed else ''}")
        options = tf.io.TFRecordOptions("GZIP" if packed else "")
        with tf.io.TFRecordWriter(path, options) as file:
            for content in contents:
                file.write(content)
        if damage:
            content = (tmp_path / "in.tfrecord").read_bytes()
            (tmp_path / "in.tfrecord").write_bytes(content[:-damage])
        return list(texts(None, path, Format(RECORDS, column, "utf-8")))

    return write


@pytest.mark.parametrize("packed", [False, True])
def test_records_are_texts_or_examples_with_one(records, packed):
    found = records([b"one", b"", b"\xff"], packed=packed)
    assert told(found) == [(1, "one"), (2, ""), (3, None)]
    rows = [example(text=[b"one"], id=[b"1"]), example(id=[b"2"]), b"\xff\xff"]
    found = records(rows, column="text", packed=packed)
    assert told(found) == [(1, "one"), (2, None), (3, None)]
    assert "0 texts in 'text'" in found[1].error
    assert "no tf.train.Example" in found[2].error


def test_records_are_known_to_be_packed_by_their_data(tmp_path):
    path = str(tmp_path / "in.tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as file:
        file.write(b"one")
    assert told(texts(None, path, Format(RECORDS, None, "utf-8"))) == [(1, "one")]


def test_records_are_in_files_of_their_names():
    names = [
        *("in/data.tfrecord", "in/*.tfrecords", "in/data.tfrecord.gz", "*.tfrecord*"),
        *("in/data.tfrecord-00000-of-00010", "in/data.tfrecord-00000-of-00010.gz"),
        *("in/*.tfrecord-?????-of-*", "in/*.tfrecords-[0-9]*-of-00010", "*.tfrecord-*"),
    ]
    assert [name for name in names if not holds_records(name)] == []
    others = "in/tfrecords/*.txt", "in/tfrecord", "a.tfrecord.txt", "a.csv.gz", "in/*"
    assert not any(map(holds_records, others))


def test_what_stands_before_damage_is_read(records):
    found = records([b"one", b"two"], damage=3)
    assert found[0] == Read(1, "one")
    assert [row.text for row in found[1:]] == [None]
    assert "damaged" in found[1].error
