"""Tagged sentences in column files, as CoNLL's tasks have them: a token a line."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from tasks.data import text_files
from tasks.errors import UserError
from tasks.ner import conll_columns
from tasks.ner.conll_columns import Columns

# What lines of their own between documents begin with.
_DOCUMENTS = "-DOCSTART-", "#begin document", "#end document", "###MEDLINE:"
_JSON = '{"', "[{", '[["', '["'
_GLOBAL_COLUMNS = "# global.columns"  # CoNLL-U Plus names them so
_NO_TOKEN = "_"  # CoNLL-U's sign for an empty field
_NO_BREAK_SPACE = "\u00a0"


class Sentence(NamedTuple):
    """Tokens, and the tag of each."""

    tokens: list[str]
    tags: list[str]


class _Row(NamedTuple):
    """A token's line: its number, from 1, and its fields."""

    number: int
    fields: list[str]


class _Table(NamedTuple):
    """The lines of a file that have tokens.

    Attributes:
        sentences: the rows of each, none of them empty.
        names: what the first line calls the columns; () if it doesn't.
        numbered: whether the first column numbers the tokens.
        tabs: whether tabs separate columns, or else spaces.
    """

    sentences: list[list[_Row]]
    names: tuple[str, ...]
    numbered: bool
    tabs: bool

    def rows(self) -> list[_Row]:
        """Returns all rows."""
        return [row for sentence in self.sentences for row in sentence]


def read(
    path: str | os.PathLike,
    token_column: int | str | None = None,
    tag_column: int | str | None = None,
    encoding: str = text_files.UTF_8,
) -> list[Sentence]:
    """Reads sentences with a token and its tag a line.

    Columns are separated by tabs where the file has tabs between them, so that a
    token may hold spaces; else by spaces. Blank lines, also with spaces or tabs in
    them, separate sentences, and so do lines that begin with `-DOCSTART-`. A line that
    begins with `# ` is a comment, as in CoNLL-U, if it has another number of columns
    than the first line without a `#`; else `#` is its token.

    A first line that names the columns is known by usual names, or by those that are
    asked for. Where the first column numbers the tokens, as in CoNLL-U, it is none of
    the tokens', every line that begins with `#` is a comment, and ranges of words
    (`1-2`) and empty nodes (`1.1`) are left out.

    Args:
        path: the file.
        token_column: the token's column: its number, from 0, or negative from the last;
            or its name. By default see `tasks.ner.conll_columns.choose`.
        tag_column: the tag's column, likewise.
        encoding: what the file is encoded in.

    Raises:
        UserError: the file can't be read, isn't in its encoding or has no sentence; a
            line has no token or tag, or other columns than the first; there is no such
            column, or there are words where tags are expected.
    """
    return read_with_columns(path, token_column, tag_column, encoding)[0]


def read_with_columns(
    path: str | os.PathLike,
    token_column: int | str | None = None,
    tag_column: int | str | None = None,
    encoding: str = text_files.UTF_8,
) -> tuple[list[Sentence], Columns]:
    """Returns what `read` does, and which columns it was read from."""
    lines = text_files.read_lines(Path(path), encoding)
    token, tag = (
        column if column is None else str(column)
        for column in (token_column, tag_column)
    )
    table = _table(lines, token, tag, path)
    rows = table.rows()
    _check_width(table, rows, token, tag, path)
    fields = [row.fields for row in rows]
    columns = conll_columns.choose(
        fields, table.names, table.numbered, token, tag, path
    )
    for row in rows:
        if not (row.fields[columns.token] and row.fields[columns.tag]):
            raise UserError(_lacks(row, columns.token, columns.tag, table.tabs, path))
    if token is None or tag is None:
        tokens, tags = (
            [row[column] for row in fields] for column in (columns.token, columns.tag)
        )
        conll_columns.check(tokens, tags, path)
    sentences = [
        Sentence(
            [row.fields[columns.token] for row in sentence],
            [row.fields[columns.tag] for row in sentence],
        )
        for sentence in table.sentences
    ]
    return sentences, columns


def read_tokens(
    lines: Iterable[str], token_column: str, source: str
) -> list[list[str]]:
    """Reads the tokens of sentences, a token a line; see `read`.

    Args:
        lines: a file's lines, without what ends them.
        token_column: the token's column, its number or its name.
        source: the file's name, for messages.

    Raises:
        UserError: there is no sentence or no such column, or a line lacks its token.
    """
    table = _table(lines, token_column, None, source, least=2)
    rows = table.rows()
    place = conll_columns.number(token_column)
    for row in rows:
        if place is not None and not -len(row.fields) <= place < len(row.fields):
            raise UserError(_lacks(row, place, None, table.tabs, source))
    column = conll_columns.choose_tokens(
        rows[0].fields, table.names, table.numbered, token_column, source
    ).token
    for row in rows:
        if len(row.fields) <= column or not row.fields[column]:
            raise UserError(_lacks(row, column, None, table.tabs, source))
    return [[row.fields[column] for row in sentence] for sentence in table.sentences]


def write(
    file: TextIO,
    tokens: Sequence[Sequence[str]],
    true: Sequence[Sequence[str]] | None,
    predicted: Sequence[Sequence[str]],
) -> None:
    """Writes sentences in the columns that `conlleval` expects.

    A line is `token true predicted`, or `token predicted` where there is no truth,
    with single spaces; an empty line follows each sentence. Spaces within a token or
    tag become no-break spaces (U+00A0), and an empty token `_`: a file of predictions
    shouldn't fail at one odd token, whose text no score depends on. A sentence
    without tokens leaves but an empty line, so that `read` won't find it.

    Args:
        file: to write to, as text; UTF-8 if `read` shall read it.
        tokens: the tokens of each sentence.
        true: their true tags, if known.
        predicted: their predicted tags.

    Raises:
        ValueError: tokens and tags differ in number.
    """
    columns = [tokens, predicted] if true is None else [tokens, true, predicted]
    for sentence in zip(*columns, strict=True):
        for fields in zip(*sentence, strict=True):
            file.write(" ".join(map(_field, fields)) + "\n")
        file.write("\n")


def _table(lines, token, tag, source, least=3):
    """Returns the rows of a file's lines, in sentences.

    With `least` columns at least the first one may number the tokens.
    """
    lines = list(lines)
    body = [line for line in lines if not _is_aside(line)]
    if not body:
        raise UserError(
            f"{source} has no sentence: a token and its tag a line are expected."
        )
    if body[0].lstrip().startswith(_JSON):
        raise UserError(f"{source} is JSON: a token and its tag a line are expected.")
    tabs = any("\t" in line.strip(" \t") for line in body)
    rows = [_columns(line, tabs) for line in body]
    used = _used(rows)
    rows = [row[:used] for row in rows]
    names = ()
    if conll_columns.is_header(rows[0], token, tag):
        names = tuple(rows.pop(0))
        lines[lines.index(body[0])] = ""
    told = next((line for line in lines if line.startswith(_GLOBAL_COLUMNS)), "")
    names = tuple(told.partition("=")[2].split()) or names
    is_first_free = token != "0" and conll_columns.sentence_column(names) != 0
    numbered = is_first_free and conll_columns.are_numbered(rows, least)
    width = len(rows[0]) if rows else None
    begins = _beginnings(names, numbered)
    sentences = [[]]
    for number, line in enumerate(lines, 1):
        if _ends_sentence(line):
            sentences.append([])
            continue
        fields = _columns(line, tabs)
        fields, beyond = fields[:used], fields[used:]
        fits = len(fields) == width and not any(beyond)
        if _is_comment(line, fits, numbered):
            continue
        if numbered and not conll_columns.is_word(fields):
            continue
        if sentences[-1] and begins(fields, sentences[-1][0].fields):
            sentences.append([])
        sentences[-1].append(_Row(number, fields))
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        raise UserError(f"{source} has no sentence, but a line that names columns.")
    return _Table(sentences, names, numbered, tabs)


def _beginnings(names, numbered):
    """Returns a function that says where a sentence begins without a blank line.

    It takes a row's fields and those of the first row of the sentence before.
    """
    column = conll_columns.sentence_column(names)
    if numbered:
        return lambda fields, first: int(fields[0]) <= int(first[0])
    if column is not None:
        return lambda fields, first: (
            fields[column : column + 1] not in ([""], first[column : column + 1])
        )
    return lambda fields, first: False


def _check_width(table, rows, token, tag, source):
    """Raises a UserError where a row's columns can't be told from those of others."""
    places = [
        conll_columns.number(column) if column else None for column in (token, tag)
    ]
    for row in rows:
        count = len(row.fields)
        if count < 2 or any(p is not None and not -count <= p < count for p in places):
            raise UserError(_lacks(row, *places, table.tabs, source))
    is_counted_from_last = any(place is not None and place < 0 for place in places)
    is_last = tag is None and not table.numbered and not table.names
    if not (is_counted_from_last or is_last):
        return  # the columns behind may be as many as they like
    width = len(rows[0].fields)
    for row in rows:
        if len(row.fields) < width:
            raise UserError(_lacks(row, *places, table.tabs, source))
        if len(row.fields) > width:
            tip = "" if table.tabs else " Tokens with spaces want tabs between columns."
            raise UserError(
                f"{source}, line {row.number}, has {len(row.fields)} columns, line "
                f"{rows[0].number} has {width}: found {row.fields}. "
                f"{_separated(table.tabs)}{tip}"
            )


def _lacks(row, token, tag, tabs, source):
    """Returns the message that a row has no token or no tag."""

    def shown(kind, place):
        return f"a {kind}" if place is None else f"a {kind} in column {place}"

    line, tip = row.fields[0], ""
    counted = "" if token is tag is None else " (counted from 0)"
    if len(row.fields) == 1 and re.search("[,;]", line[1:]) and not tabs:
        tip = " Is it CSV? Save it with tabs between the columns instead."
    return (
        f"{source}, line {row.number}, lacks {shown('token', token)} or "
        f"{shown('tag', tag)}{counted}: found {row.fields}. "
        f"{_separated(tabs)}{tip}"
    )


def _separated(tabs):
    by = "tabs, for the file has some" if tabs else "spaces"
    return f"Columns are separated by {by}."


def _ends_sentence(line):
    return not line.strip() or line.startswith(_DOCUMENTS)


def _is_aside(line):
    """Says whether a line may have other columns than a token's."""
    return _ends_sentence(line) or line.startswith("#")


def _is_comment(line, fits, numbered):
    """Says whether a line is a comment: by `fits`, whether its columns are as many."""
    return line.startswith("#") and (numbered or (line[1:2] == " " and not fits))


def _columns(line, tabs):
    # Not `split()`, which would part a token at a no-break space.
    if not tabs:
        return [column for column in re.split("[ \t]+", line) if column]
    return [column.strip(" ") for column in line.split("\t")]


def _used(rows):
    """Returns how many columns anything stands in: spreadsheets add empty ones."""
    return max(
        place for row in rows for place, field in enumerate(row, 1) if field.strip()
    )


def _field(text):
    return _NO_BREAK_SPACE.join(text.split()) or _NO_TOKEN
