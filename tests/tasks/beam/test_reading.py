"""Texts out of lines, tables and records, and what is told of what is none."""

import io

import pytest
import tensorflow as tf

from tasks.beam.reading import LINES, RECORDS, Format, Read, texts
from tasks.data import tables


def read(content, kind=LINES, column=None, encoding="utf-8"):
    form = Format(kind, column, encoding)
    return list(texts(lambda: io.BytesIO(content), "in.txt", form))


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
    path = tmp_path / "in.tsv"
    path.write_bytes(content)
    expected = [(row.line, row.cells["text"]) for row in tables.read(path).records()]
    assert told(read(content, tables.TSV, "text")) == expected


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


def test_what_stands_before_damage_is_read(records):
    found = records([b"one", b"two"], damage=3)
    assert found[0] == Read(1, "one")
    assert [row.text for row in found[1:]] == [None]
    assert "damaged" in found[1].error
