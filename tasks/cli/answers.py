"""Answers to texts: printed, written into a file, or added to the texts' table."""

import collections
import contextlib
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tasks.cli import inputs, outputs
from tasks.data import tables, text_files
from tasks.errors import UserError
from zoo.errors import PresetError
from zoo.files import replaced_file


class Answer(NamedTuple):
    """What is found for a text.

    Attributes:
        shown: lines for people or programs, without the last line end.
        cells: the same by column, for a table.
    """

    shown: str
    cells: dict[str, Any]


class TableTexts(inputs.Texts):
    """The texts in a table's column.

    Args:
        table: the table. It is looked through before the first text is given out.
        column: the column.

    Attributes:
        columns: of all records. In JSON lines each may have others.
        other: the first record with other columns than the first one's, if there is
            one.

    Raises:
        UserError: a record is malformed, or its text is none; or there is no record.
    """

    def __init__(self, table: tables.Table, column: str):
        self.table = table
        self.column = table.column("text", column)
        self.columns = {*table.columns}
        self.other: tables.Record | None = None
        self._waiting: collections.deque[dict] = collections.deque()
        count = self._look_through()
        if not count:
            raise UserError(f"{table.path} names columns, but holds no record.")
        super().__init__(self._read(), lambda: count, str(table.path))

    def _look_through(self):
        """Returns how many records there are."""
        count, usual = 0, {*self.table.columns}
        for record in self.table.records():
            count += 1
            tables.text_of(record, self.column, self.table.path)
            if record.cells.keys() != usual:
                self.columns.update(record.cells)
                self.other = self.other or record
        return count

    def _read(self) -> Iterator[bytes]:
        for record in self.table.records():
            text = tables.text_of(record, self.column, self.table.path)
            self._waiting.append(record.cells)
            yield text.encode("utf-8")

    def next_record(self) -> dict[str, Any]:
        """Returns the record of the first text that none was returned for yet."""
        return self._waiting.popleft()


def texts(
    given: Sequence[str], path: str | None, encoding: str, column: str | None
) -> inputs.Texts:
    """Returns texts as `tasks.cli.inputs.texts`, or those in a table's column.

    Args:
        given: texts from the command line.
        path: a file.
        encoding: what the file is encoded in.
        column: the table's column; None where the file has a text a line.

    Raises:
        UserError: see `inputs.texts`; or there is no such table or column.
    """
    if column is None:
        return inputs.texts(given, path, encoding)
    if given and path:
        raise UserError(inputs.not_both(given))
    if given or path in (None, "-"):
        raise UserError("--text-column is of a table: give its file with --input.")
    encoding = text_files.encoding_name(encoding)
    inputs.check_not_output(path)
    return TableTexts(tables.read(path, encoding), column)


def check(texts: inputs.Texts, settings, columns: Sequence[str]) -> None:
    """Raises a UserError where answers can't be written, before there is work.

    Args:
        texts: the texts.
        settings: a `tasks.cli.config.TablePredictionConfig`.
        columns: what will be added to a table.
    """
    if settings.output:
        outputs.check_file(settings.output, "--output", [texts.path])
    if not isinstance(texts, TableTexts):
        output = settings.output
        if output and not settings.json and tables.is_json_lines(output):
            raise UserError(
                f"--output {output} is JSON lines by its name: give --json, or another "
                "name."
            )
        return
    kind = _kind(texts, settings)
    if kind != tables.JSON_LINES:
        if settings.output and settings.json:
            raise UserError(
                f"--json and --output {settings.output} say different things: name it "
                ".jsonl, or leave --json out."
            )
        if texts.other is not None:
            which = f"{texts.path}, line {texts.other.line:,}"
            tables.check_alike(texts.other.cells, texts.table.columns, which)
    taken = [name for name in columns if name in texts.columns]
    if taken:
        raise UserError(
            f"{texts.path} has a column {taken[0]!r} already, which would be added. "
            "Rename it, or leave it out."
        )


def check_numbers(name: str | os.PathLike, numbers: Iterable[float]) -> None:
    """Raises a PresetError where a model answers NaN.

    Args:
        name: the preset's name or folder.
        numbers: what it answers: probabilities, or log P.
    """
    if any(map(math.isnan, numbers)):
        raise no_numbers(name)


def no_numbers(name: str | os.PathLike = "The preset") -> PresetError:
    """Returns the error that a model answers NaN, which is no answer.

    Args:
        name: the preset's name or folder.
    """
    return PresetError(
        f"{name} gives NaN for probabilities, as a model does whose training has "
        "diverged. Train or fetch it again."
    )


def write(answers: Iterable[Answer], texts: inputs.Texts, settings) -> None:
    """Writes answers, in their texts' order, as they come.

    To texts from a table they are added as columns, behind those that it has. A file
    takes its name when it is whole.

    Args:
        answers: one for each text.
        texts: the texts, as they were given.
        settings: a `tasks.cli.config.TablePredictionConfig`.

    Raises:
        UserError: records of a table don't go together.
    """
    with _opened(settings.output) as put:
        for line in _lines(answers, texts, settings):
            put(line)
    if settings.output:
        print(f"answers     {settings.output}", file=sys.stderr)


@contextlib.contextmanager
def _opened(path: str | None) -> Iterator[Callable[[str], None]]:
    """Yields what takes lines, with their line ends."""
    if path is None:
        yield lambda line: print(line, end="", flush=True)
        return
    with (
        replaced_file(Path(path)) as part,
        # Other cells of JSON may hold half a surrogate pair, which UTF-8 lacks.
        part.open("w", -1, "utf-8", outputs.ESCAPES, newline="") as file,
    ):
        yield lambda line: file.write(line) and None


def _lines(answers, texts, settings):
    if not isinstance(texts, TableTexts):
        for answer in answers:
            yield f"{answer.shown}\n"
        return
    table = texts.table
    records = (texts.next_record() | answer.cells for answer in answers)
    first = next(records)
    delimiter = table.delimiter if table.kind == tables.CSV else ","
    form = _kind(texts, settings), delimiter, table.quoted
    yield from tables.written(itertools.chain([first], records), tuple(first), *form)


def _kind(texts, settings):
    """Returns what kind of table answers are written as."""
    if settings.output:
        return tables.kind_of(settings.output)
    return tables.JSON_LINES if settings.json else texts.table.kind
