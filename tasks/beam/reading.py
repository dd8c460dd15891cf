"""Texts out of files, on a worker: lines, a table's column, or records.

What can't be read is no reason to stop: it is told in the text's place.
"""

import codecs
import itertools
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from tasks.data import tables
from tasks.errors import UserError

LINES, RECORDS = "lines", "tfrecord"


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


def texts(opened: Callable[[], BinaryIO], path: str, form: Format) -> Iterator[Read]:
    """Yields the texts of a file, and in their place what is wrong with others.

    Args:
        opened: opens it for bytes, unpacked.
        path: its name, by which TensorFlow reads records.
        form: how the texts lie in it.
    """
    if form.kind == RECORDS:
        yield from _of_records(path, form)
        return
    quoted = form.kind != tables.TSV or _quotes_fit(opened, form)
    with opened() as file:
        yield from _of_lines(_lines(file, form.encoding), path, form, quoted)


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


def _lines(file, encoding):
    """Yields lines; bytes that aren't in the encoding are lone surrogates there."""
    for number, line in enumerate(iter(file.readline, b"")):  # Beam's aren't iterable
        line = line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
        ended = line.endswith(b"\n")
        text = line.rstrip(b"\r\n").decode(encoding, "surrogateescape")
        # A file without any LF ends its lines with CR.
        yield from [text] if ended or number else text.split("\r")


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


def _quotes_fit(opened, form):
    """Says whether quotes are no text in a file of TSV, as the commands see it."""
    with opened() as file:
        lines = _lines(file, form.encoding)
        delimiter, names, _ = tables.head(lines, form.kind)
        return tables.quotes_fit(itertools.chain([names], lines), delimiter)


def _of_table(lines, path, form, quoted):
    """Yields a column's texts."""
    delimiter, head, header = tables.head(lines, form.kind)
    columns = next(tables.reader([head], delimiter, quoted, strict=False), [])
    if form.column not in columns:
        yield Read(header + 1, None, f"{path} has no column {form.column!r}.")
        return
    place = columns.index(form.column)
    rows = tables.reader(lines, delimiter, quoted, strict=False)
    begins = header + 2
    for row in rows:
        if len(row) == len(columns):
            yield _checked(begins, row[place], form)
        elif row:
            wrong = f"{len(row)} cells, but the first line names {len(columns)}."
            yield Read(begins, None, wrong)
        begins = header + 2 + rows.line_num


def _of_records(path, form):
    import tensorflow as tf

    packed = "GZIP" if path.endswith(".gz") else ""
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
    return _checked(number, record.decode(form.encoding, "surrogateescape"), form)
