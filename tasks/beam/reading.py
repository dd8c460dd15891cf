"""Texts out of files, on a worker: lines, a table's column, or records.

What can't be read is no reason to stop: it is told in the text's place.
"""

import codecs
import csv
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from tasks.data import tables, text_files
from tasks.errors import UserError

LINES, RECORDS = "lines", "tfrecord"
_BLOCK = 2**16
# The name of a file of records, or a pattern of such names: perhaps a part of several,
# `train.tfrecord-00000-of-00010`.
_OF_RECORDS = re.compile(r"\.tfrecords?(?:-of-|\.gz|[-\d?*\[\]!])*$")
# How gzip's data begin: two bytes of a sign, and its only method.
_GZIP = b"\x1f\x8b\x08"


class Format(NamedTuple):
    """How texts lie in files.

    Attributes:
        kind: `LINES`, `RECORDS`, or a table's of `tasks.data.tables`.
        column: of a table, or the feature of records that are `tf.train.Example`s;
            None where a line or a record is a text.
        encoding: of the texts, one that ends lines with the byte LF.
    """

    kind: str
    column: str | None
    encoding: str


class Read(NamedTuple):
    """What stands at a place of a file.

    Attributes:
        line: the line that it begins in, or the record, counted from 1.
        text: the text; None where there is none.
        error: why there is none.
    """

    line: int
    text: str | None
    error: str | None = None


def holds_records(name: str) -> bool:
    """Says whether a file holds records, by its name, or a pattern of names."""
    return _OF_RECORDS.search(name) is not None


def texts(opened: Callable[[], BinaryIO], path: str, form: Format) -> Iterator[Read]:
    """Yields the texts of a file, and in their place what is wrong with others.

    Where it is damaged, or none of text, that is told behind what stands before.

    Args:
        opened: opens it for bytes, those of gzip as they are.
        path: its name, by which TensorFlow reads records.
        form: how the texts lie in it.
    """
    if form.kind == RECORDS:
        yield from _of_records(path, form)
        return
    with opened() as file:
        lines = _Lines(file, path, form.encoding)
        try:
            quoted = form.kind != tables.TSV or _quotes_fit(opened, path, form)
            yield from _of_lines(lines, path, form, quoted)
        except UserError as error:  # nothing behind it can be found
            yield Read(lines.count + 1, None, str(error))


def _of_lines(lines, path, form, quoted):
    if form.kind == LINES:
        for number, line in enumerate(lines, start=1):
            yield _checked(number, line, form)
    elif form.kind == tables.JSON_LINES:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _of_object(number, line, path, form)
    else:
        yield from _of_table(lines, path, form, quoted)


class _Lines:
    """Yields a file's lines; bytes that aren't in the encoding are lone surrogates.

    Attributes:
        count: how many were read.
    """

    def __init__(self, file, path, encoding):
        self.count = 0
        self._lines = _decoded(file, path, encoding)

    def __iter__(self):
        return self

    def __next__(self):
        line = next(self._lines)
        self.count += 1
        return line


def _decoded(file, path, encoding):
    blocks = iter(lambda: file.read(_BLOCK), b"")
    blocks = text_files.unpacked(blocks, path, encoding)
    # A character for each byte: lines are decoded one by one, for what is wrong in one
    # says nothing of the others.
    lines = text_files.in_lines(block.decode("latin-1") for block in blocks)
    for number, line in enumerate(lines):
        text = _leniently(line.encode("latin-1"), encoding)
        yield text.removeprefix("\N{BYTE ORDER MARK}") if number == 0 else text


def _leniently(content, encoding):
    """Returns text with a lone surrogate for each byte that isn't in the encoding."""
    codecs.register_error(_SURROGATES, _surrogates)  # here: workers import nothing
    return content.decode(encoding, _SURROGATES)


_SURROGATES = "zoo.surrogates"


def _surrogates(error):
    """Does what "surrogateescape" does, but of ASCII's bytes, too."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


def _checked(number, text, form):
    """Returns a text as it was read, or what is wrong with it."""
    wrong = None
    if "\0" in text:
        wrong = "it holds a NUL: it is no text, or in another encoding."
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        wrong = f"character {error.start:,} is not {form.encoding.upper()}."
    return Read(number, None, wrong) if wrong else Read(number, text)


def _of_object(number, line, path, form):
    try:
        record = tables.parsed(number, line, path)
        return Read(number, tables.text_of(record, form.column, path))
    except UserError as error:
        return Read(number, None, str(error))


def _quotes_fit(opened, path, form):
    """Says whether quotes are no text in a file of TSV, as the commands see it."""
    with opened() as file:
        lines = _Lines(file, path, form.encoding)
        delimiter, names, _ = tables.head(lines, form.kind)
        return tables.quotes_fit(itertools.chain([names], lines), delimiter)


def _of_table(lines, path, form, quoted):
    """Yields a column's texts."""
    delimiter, names, header = tables.head(lines, form.kind)
    rows = tables.Reader(itertools.chain([names], lines), delimiter, quoted)
    records = _records(rows, header)
    begins, columns, wrong = next(records)
    count = columns.count(form.column)
    if wrong is None and count != 1:
        several = f"{count} columns" if count else "no column"
        wrong = f"{path} has {several} {form.column!r}."
    if wrong is not None:
        yield Read(begins, None, wrong)
        return
    place = columns.index(form.column)
    for begins, cells, wrong in records:
        if wrong is None and len(cells) not in (0, len(columns)):
            wrong = f"{len(cells)} cells, but the first line names {len(columns)}."
        if wrong is not None:
            yield Read(begins, None, wrong)
        elif cells:  # blank lines are none
            yield _checked(begins, cells[place], form)


def _records(rows, header):
    """Yields of each record the line it begins in, its cells, and what is wrong."""
    while True:
        begins = header + rows.line_num + 1
        try:
            yield begins, next(rows), None
        except StopIteration:
            return
        except csv.Error as error:
            wrong, last = tables.wrong_quotes(error), header + rows.line_num
            if last > begins:
                wrong += f": nothing up to line {last:,} is read"
            yield begins, [], f"{wrong}. {tables.QUOTES_HINT}"


def _of_records(path, form):
    import tensorflow as tf

    with tf.io.gfile.GFile(path, "rb") as file:
        packed = "GZIP" if file.read(len(_GZIP)) == _GZIP else ""
    records = iter(tf.data.TFRecordDataset(path, packed).as_numpy_iterator())
    number = 0
    while True:
        number += 1
        try:
            record = next(records)
        except StopIteration:
            return
        except tf.errors.DataLossError as error:  # nothing behind it can be found
            yield Read(number, None, f"{path} is damaged: {error.message}")
            return
        yield _of_record(number, record, form)


def _of_record(number: int, record: bytes, form: Format) -> Read:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    if form.column is not None:
        try:
            features = tf.train.Example.FromString(record).features.feature
        except DecodeError:
            return Read(number, None, "the record is no tf.train.Example.")
        values: Any = features[form.column].bytes_list.value
        if len(values) != 1:
            wrong = f"the record has {len(values)} texts in {form.column!r}, not one."
            return Read(number, None, wrong)
        record = values[0]
    return _checked(number, _leniently(record, form.encoding), form)
