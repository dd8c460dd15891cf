"""Labelled texts from a user's own files: CSV, TSV or JSON lines."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tasks.data import label_classes, splits, tables
from tasks.data.corpus import UNREPORTED
from tasks.errors import UserError
from tasks.sentiment import corpus as labelled_texts
from tasks.sentiment import label_reading
from tasks.sentiment.corpus import LabelledCorpus, LabelledTexts


def read(
    path: str,
    encoding: str,
    text_column: str | None,
    label_column: str | None,
    label_columns: Sequence[str] | None = None,
    class_names: tuple[str, ...] | None = None,
    renamed: Mapping[str, str] | None = None,
    known_by: str = "the model",
) -> LabelledTexts:
    """Reads a file's texts and their classes.

    The source is the file's name, without its folder: it gets into presets.

    Args:
        path: the file.
        encoding: what it is encoded in.
        text_column: the column with the texts, if it is chosen.
        label_column: the column with the classes, likewise.
        label_columns: the columns of several labels, where a text may have any of them.
        class_names: the classes that are known; by default those that occur, whole
            numbers in their order, else by code points.
        renamed: other names for classes.
        known_by: who knows them, for messages.

    Raises:
        UserError: the file can't be read or is malformed; a column isn't there; a
            label is missing, or none of `class_names`; or the labels are no classes.
    """
    table = tables.read(path, encoding)
    text, label = columns(table, text_column, label_column, label_columns)
    records = _records(table)
    texts = [tables.text_of(record, text, path).encode("utf-8") for record in records]
    known = class_names, renamed or {}, known_by
    labelled = _classes if isinstance(label, str) else _sets
    labels, class_names = labelled(records, label, path, *known)
    return LabelledTexts(
        np.array(texts, object), labels, class_names, Path(path).name, ""
    )


def _records(table):
    records = list(table.records())
    if not records:
        raise UserError(f"{table.path} names columns, but holds no record.")
    return records


def _classes(records, column, path, class_names, renamed, known_by):
    """Returns each record's class, and the classes' names."""
    found, places = _named(records, column, path, any_number=class_names is not None)
    found = labelled_texts.renamed_classes(found, renamed, path)
    class_names = class_names or found
    for place, name in enumerate(found):
        if name not in class_names:
            line = records[int(np.flatnonzero(places == place)[0])].line
            raise UserError(
                f"{path}, line {line:,}: {known_by} doesn't know the class "
                f"{label_classes.listed([name])!r}. "
                f"It knows {label_classes.listed(class_names)}."
            )
    known = np.array([class_names.index(name) for name in found], np.int32)
    return known[places], class_names


def _named(records, column, path, any_number):
    """Returns the classes' names as a file has them, and each record's class."""
    labels = [_class(tables.cell(r, column, path), r, column, path) for r in records]
    where = f"Column {column!r} of {path}"
    return label_classes.named(labels, where, numbers=True, any_number=any_number)


def _sets(records, columns, path, class_names, renamed, known_by):
    """Returns which labels each record has, and the labels' names."""
    rows = [
        [label_reading.truth(tables.cell(r, n, path), r.line, n, path) for n in columns]
        for r in records
    ]
    found = labelled_texts.renamed_classes(columns, renamed, path)
    return label_reading.placed(
        np.array(rows, np.float32), found, class_names, path, known_by
    )


def columns(
    table: tables.Table,
    text: str | None,
    label: str | None,
    labels: Sequence[str] | None = None,
) -> tuple[str, str | tuple[str, ...]]:
    """Returns the columns of a table's texts and classes.

    Args:
        table: the table.
        text: the user's choice, if there is one.
        label: the user's choice, if there is one.
        labels: the user's choice of several labels: then these are returned.

    Raises:
        UserError: one isn't there, or none can be told, or both are the same.
    """
    text = table.column("text", text, labelled_texts.TEXT_COLUMNS)
    if labels:
        for name in labels:
            table.column("label", name)
        return text, label_reading.distinct(labels)
    label = table.column("label", label, labelled_texts.LABEL_COLUMNS)
    if text == label:
        raise UserError(
            f"{table.path}: column {text!r} can't be the text and its class as well. "
            "Choose another with --label-column."
        )
    return text, label


def read_corpus(settings, renamed: Mapping[str, str]) -> LabelledCorpus:
    """Reads the files that a training is told to use.

    Without a file to validate on, that is cut from those to train on.

    Args:
        settings: a `tasks.sentiment.config.Config` with a `train_file`.
        renamed: other names for classes.

    Raises:
        UserError: see `read`; or there is one class only.
    """
    chosen = settings.text_column, settings.label_column, settings.label_columns
    train = read(settings.train_file, settings.encoding, *chosen, renamed=renamed)
    labelled_texts.check_classes(train)
    known = train.class_names, renamed, train.source
    validation, test = (
        name and read(name, settings.encoding, *chosen, *known)
        for name in (settings.validation_file, settings.test_file)
    )
    if validation is None:
        train, validation = splits.hold_out(train)
    table = tables.read(settings.train_file, settings.encoding)
    text, label = columns(table, *chosen)
    record = {
        "text_column": text,
        **labelled_texts.label_record(label),
        "train": train.source,
        "chosen_on": validation.source,
        "test": test.source if test else UNREPORTED,
    }
    return LabelledCorpus(train, (validation,), (test,) if test else (), record)


def class_names(
    path: str,
    encoding: str,
    text_column: str | None,
    label_column: str | None,
    label_columns: Sequence[str] | None = None,
    any_number: bool = False,
) -> tuple[str, ...]:
    """Returns the classes of a file as the file calls them: see `read`.

    Args:
        path: the file.
        encoding: what it is encoded in.
        text_column: the column with the texts, if it is chosen.
        label_column: the column with the classes, likewise.
        label_columns: the columns of several labels.
        any_number: see `tasks.data.label_classes.classes`.
    """
    table = tables.read(path, encoding)
    _, label = columns(table, text_column, label_column, label_columns)
    if not isinstance(label, str):
        return label
    return _named(_records(table), label, path, any_number)[0]


def _class(value, record, column, path):
    """Returns what a label calls its class."""
    name = _name(value)
    if name is None or not name.strip():
        found = "empty" if name is not None else json.dumps(value)[:40]
        raise UserError(
            f"{path}, line {record.line:,}: {column!r} is {found}. "
            f"{label_classes.ACCEPTED}: give the text one, or leave its line out."
        )
    tables.check_unicode(name, record, column, path)
    return name


def _name(value):
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str | bool | int):
        return str(value)
    return None
