"""Tables of a user's own, a record after the other: CSV, TSV and JSON lines.

CSV is as Excel writes and quotes it, with commas or semicolons. TSV is too, unless its
quotes don't fit together: then they are text, as in the corpora of the field. The first
line of both names the columns. In JSON lines, each is an object. A carriage return that
ends no line is a cell's, in quotes or not: scraped texts have some, and Python's csv
writes them without quotes.
"""

import csv
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tasks.data import json_lines, text_files
from tasks.errors import UserError, did_you_mean

CSV, TSV, JSON_LINES = "csv", "tsv", "jsonl"
_ENDINGS = {".csv": CSV, ".tsv": TSV, ".tab": TSV} | dict.fromkeys(
    (".jsonl", ".ndjson", ".json"), JSON_LINES
)
_DELIMITERS = ",", ";", "\t"
# A cell may be as long as C's long allows anywhere; the default is 128 KiB.
_LONGEST_CELL = 2**31 - 1
# Stands for a carriage return before `csv.reader`, to which it ends a line: half of a
# surrogate pair, which no text holds.
_RETURN = "\ud800"


@dataclasses.dataclass(frozen=True)
class Record:
    """A record of a table.

    Attributes:
        line: the line that it begins in, counted from 1.
        cells: what it holds, by column: strings, or what JSON has.
    """

    line: int
    cells: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table in a file.

    Attributes:
        path: the file.
        kind: CSV, TSV or JSON_LINES.
        columns: what the first line names.
        encoding: what the file is encoded in.
        delimiter: what stands between cells; "" in JSON lines.
        quoted: whether cells in quotes are taken out of them.
        header: the lines before the first record.
    """

    path: Path
    kind: str
    columns: tuple[str, ...]
    encoding: str = text_files.UTF_8
    delimiter: str = ""
    quoted: bool = True
    header: int = 0

    def records(self) -> Iterator[Record]:
        """Yields the records as they are read.

        Raises:
            UserError: one has more or fewer cells than there are columns, or is
                malformed, or the file is in another encoding; told with the line.
        """
        if self.kind == JSON_LINES:
            yield from _objects(self.path, self.encoding)
            return
        for line, row in _rows(self):
            if len(row) != len(self.columns):
                raise UserError(
                    f"{self.path}, line {line:,}: {len(row)} cells, but the first line "
                    f"names {len(self.columns)} columns. A cell with "
                    f"{_DELIMITER_NAMES[self.delimiter]} in it needs quotes."
                )
            yield Record(line, dict(zip(self.columns, row, strict=True)))

    def column(self, role: str, chosen: str | None, usual: Sequence[str] = ()) -> str:
        """Returns the column that plays a role.

        Args:
            role: what it is for, "text" or "label": the flag is `--text-column`.
            chosen: what the user chose, if anything.
            usual: names that it usually has, in lower case, the most likely first.

        Raises:
            UserError: it isn't there, or none can be told.
        """
        if chosen is not None:
            if chosen not in self.columns:
                message = did_you_mean("column", chosen, self.columns)
                raise UserError(f"{self.path}: {message}")
            return chosen
        by_name = {name.strip().lower(): name for name in reversed(self.columns)}
        found = next((by_name[name] for name in usual if name in by_name), None)
        if found is None:
            raise UserError(
                f"{self.path} has the columns {', '.join(self.columns)}: none is "
                f"known for a {role}'s. Choose one with --{role}-column."
            )
        return found


_DELIMITER_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


def kind_of(path: str | Path) -> str:
    """Returns what kind of table a file is, by its ending, `.gz` left out.

    Raises:
        UserError: by its ending it is none.
    """
    endings = [ending.lower() for ending in Path(path).suffixes]
    endings = [ending for ending in endings if ending != ".gz"]
    kind = _ENDINGS.get(endings[-1]) if endings else None
    if kind is None:
        raise UserError(
            f"{path} is no table by its name: CSV ends with .csv, TSV with .tsv, JSON "
            "lines with .jsonl. Name it so, or convert it."
        )
    return kind


def is_json_lines(path: str | Path) -> bool:
    """Says whether a file is JSON lines by its ending."""
    return _ENDINGS.get(Path(path).suffix.lower()) == JSON_LINES


def read(path: str | Path, encoding: str = text_files.UTF_8) -> Table:
    """Returns a file's table, whose records are yet to be read.

    Args:
        path: the file, packed by gzip or not.
        encoding: what it is encoded in.

    Raises:
        UserError: it can't be read, or not twice, is empty or malformed, or two
            columns have one name.
    """
    kind, path = kind_of(path), Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(
            f"{path} is a pipe or a device, and a table is read more than once: write "
            "it into a file first."
        )
    if kind == JSON_LINES:
        first = next(_objects(path, encoding), None)
        if first is None:
            raise UserError(f"{path} is empty: a JSON object a line is expected.")
        return Table(path, kind, tuple(first.cells), encoding)
    lines = text_files.read_lines(path, encoding)
    delimiter, names, header = head(lines, kind)
    if not names.strip():
        what = "begins with a blank line" if any(map(str.strip, lines)) else "is empty"
        raise UserError(f"{path} {what}: a first line that names columns is missing.")
    table = Table(path, kind, (), encoding, delimiter, header=header)
    if kind == TSV and not _quotes_of_file_fit(table):
        table = dataclasses.replace(table, quoted=False)
    _, columns = next(_rows(table, header=True))
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice == "":
        raise UserError(
            f"{path} has several columns without a name, which Excel may write behind "
            "the others. Name them, or delete them."
        )
    if twice is not None:
        raise UserError(f"{path} has two columns {twice!r}. Rename one.")
    return dataclasses.replace(table, columns=tuple(columns))


def head(lines: Iterator[str], kind: str) -> tuple[str, str, int]:
    """Returns what a table of CSV or TSV begins with, read from its lines.

    Args:
        lines: the file's. What is returned is taken from them.
        kind: CSV or TSV.

    Returns:
        What stands between cells; the line that names the columns, "" if there is
        none; and how many lines are before it.
    """
    delimiter, header, names = "\t" if kind == TSV else None, 0, next(lines, "")
    if names.startswith("sep=") and names[4:] in _DELIMITERS:  # Excel's own
        delimiter, header, names = names[4:], 1, next(lines, "")
    delimiter = delimiter or max(_DELIMITERS, key=_outside_quotes(names).count)
    return delimiter, names, header


def _outside_quotes(line):
    return "".join(line.split('"')[::2])


def quotes_fit(lines: Iterable[str], delimiter: str) -> bool:
    """Says whether all rows of a table have equally many cells if quotes are no text.

    Args:
        lines: the table's, from the one on that names the columns.
        delimiter: what stands between cells.
    """
    try:
        return len({len(row) for row in Reader(lines, delimiter, True) if row}) == 1
    except csv.Error:
        return False


class Reader:
    """Yields the rows of a table's lines, each a list of cells.

    Where quotes don't fit together it raises `csv.Error`, see `wrong_quotes`, and the
    next row begins in the line behind.

    Args:
        lines: as they are without their ends.
        delimiter: what stands between cells.
        quoted: whether cells in quotes are taken out of them; or quotes are text.
    """

    def __init__(self, lines: Iterable[str], delimiter: str, quoted: bool):
        csv.field_size_limit(_LONGEST_CELL)
        quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        whole = (line.replace("\r", _RETURN) + "\n" for line in lines)
        self._rows = csv.reader(
            whole, delimiter=delimiter, quoting=quoting, strict=True
        )

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        return [cell.replace(_RETURN, "\r") for cell in next(self._rows)]

    @property
    def line_num(self) -> int:
        """How many lines were read."""
        return self._rows.line_num


def wrong_quotes(error: csv.Error) -> str:
    """Returns what is wrong with a row's quotes, by what a `Reader` raised."""
    if "unexpected end" in str(error):
        return "a quote that begins a cell there is never closed"
    return "behind a closing quote there is more text"


# What helps against it.
QUOTES_HINT = (
    'A quote in a cell is written twice, and the cell in quotes: "so ""quoted""".'
)


def _quotes_of_file_fit(table):
    try:
        return quotes_fit(_lines(table), table.delimiter)
    except UserError:  # of the encoding: told where the rows are read
        return False


def _lines(table):
    """Returns a table's lines, from the one on that names the columns."""
    lines = text_files.read_lines(table.path, table.encoding)
    return itertools.islice(lines, table.header, None)


def _rows(table, header=False):
    """Yields the rows of CSV or TSV, each with the line that it begins in."""
    rows = Reader(_lines(table), table.delimiter, table.quoted)
    line = table.header + 1
    try:
        for number, row in enumerate(rows):
            if row and (number or header):  # blank lines are none
                yield line, row
            line = table.header + rows.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{table.path}: {wrong_quotes(error)}, in the record from line {line:,} "
            f"on. {QUOTES_HINT}"
        ) from error


def _objects(path, encoding):
    """Yields the objects of JSON lines."""
    for number, line in enumerate(text_files.read_lines(path, encoding), start=1):
        if line.strip():
            yield parsed(number, line, path)


def parsed(number: int, line: str, path: str | Path) -> Record:
    """Returns the record in a line of JSON lines.

    Raises:
        UserError: it is no JSON, or no object.
    """
    try:
        cells = json.loads(line)
    except ValueError as error:
        raise UserError(
            f"{path}, line {number:,} is no JSON: {error}. An object a line is "
            "expected."
        ) from error
    except RecursionError as error:
        raise UserError(f"{path}, line {number:,} is nested too deeply.") from error
    if not isinstance(cells, dict):
        kind = "a list" if isinstance(cells, list) else repr(cells)[:40]
        raise UserError(
            f"{path}, line {number:,} is {kind}, no object: expected is "
            '{"text": "…", …} in each line.'
        )
    return Record(number, cells)


def text_of(record: Record, column: str, path: str | Path) -> str:
    """Returns a record's text.

    Raises:
        UserError: it has none there, or no string, or one that isn't Unicode.
    """
    found = cell(record, column, path)
    if not isinstance(found, str):
        shown = json.dumps(found, ensure_ascii=False)[:40]
        raise UserError(
            f"{path}, line {record.line:,}: {column!r} is {shown}, not a text."
        )
    check_unicode(found, record, column, path)
    return found


def check_unicode(text: str, record: Record, column: str, path: str | Path) -> None:
    """Raises a UserError where a string of JSON can't be encoded, as a text has to be.

    Args:
        text: what `record` has in `column`.
        record: the record, for the message.
        column: the column, likewise.
        path: the table's file, likewise.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{path}, line {record.line:,}: character {error.start:,} of {column!r} is "
            "half of a surrogate pair, no text."
        ) from error


def cell(record: Record, column: str, path: str | Path) -> Any:
    """Returns what a record has in a column.

    Raises:
        UserError: it has no such column, as an object of JSON lines may.
    """
    if column not in record.cells:
        raise UserError(f"{path}, line {record.line:,} has no {column!r}.")
    return record.cells[column]


def written(
    records: Iterable[dict],
    columns: Sequence[str],
    kind: str,
    delimiter: str = ",",
    quoted: bool = True,
) -> Iterator[str]:
    r"""Yields a table's records as they are written, each with its line end.

    Args:
        records: what is written, by column.
        columns: of CSV and TSV, in order; every record has these and no others.
        kind: CSV, TSV or JSON_LINES.
        delimiter: of CSV.
        quoted: of TSV, whether cells that need it are put into quotes; or quotes are
            text, and of tabs and line ends in a cell there are escapes, `\t`.

    Raises:
        UserError: a record has other columns, in CSV or TSV.
    """
    if kind == JSON_LINES:
        for cells in records:
            yield json_lines.line(cells) + "\n"
        return
    line = _unquoted if kind == TSV and not quoted else _quoting(kind, delimiter)
    yield line(columns)
    for cells in records:
        check_alike(cells, columns, "A record")
        yield line([_shown(cells[name]) for name in columns])


def check_alike(cells: Iterable[str], columns: Sequence[str], which: str) -> None:
    """Raises a UserError where a record can't be a row among others.

    Args:
        cells: the columns that it has.
        columns: those that it has to have.
        which: the record, for the message.
    """
    others = [name for name in cells if name not in columns]
    others += [name for name in columns if name not in cells]
    if others:
        raise UserError(
            f"{which} has other columns than the first one, {', '.join(others)}: "
            "no CSV or TSV. Write JSON lines, to a name with .jsonl."
        )


def _quoting(kind, delimiter):
    """Returns what makes a line of a row, cells that need it in quotes."""
    # Others end rows at CR as well, and csv quotes what is in `lineterminator`.
    delimiter = "\t" if kind == TSV else delimiter
    writer = csv.writer(_Lines(), delimiter=delimiter, lineterminator="\r\n")
    return lambda row: writer.writerow(row).removesuffix("\r\n") + "\n"


def _unquoted(row):
    """Returns the line of a row in whose cells quotes are text."""
    return "\t".join(cell.translate(_ESCAPES) for cell in row) + "\n"


_ESCAPES = str.maketrans({"\t": r"\t", "\n": r"\n", "\r": r"\r"})


class _Lines:
    """A file of which what is written to it is returned."""

    def write(self, text):
        return text


def _shown(value):
    """Returns a cell of CSV: strings as they are, else JSON."""
    return value if isinstance(value, str) else json_lines.line(value)
