"""Texts from the command line, a file or standard input, as they were given."""

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from tasks.errors import UserError


class Texts(Iterator[bytes]):
    """Texts one after the other, as they are read.

    Args:
        texts: the texts.
        count: says how many there are in all, or None if nobody can know.
    """

    def __init__(self, texts: Iterator[bytes], count: Callable[[], int | None]):
        self._texts = texts
        self.count = count

    def __next__(self) -> bytes:
        return next(self._texts)


def texts(given: Sequence[str], path: str | None) -> Texts:
    """Returns texts as bytes, whatever they are encoded in.

    Args:
        given: texts from the command line.
        path: a file with a text a line, read as it is used; "-", or None where no
            text is given, for standard input.

    Raises:
        UserError: there are texts and a file; there is neither; the file can't be
            read or is empty.
    """
    if given and path:
        raise UserError("Give texts, or a file with --input, not both.")
    if given:
        return Texts(map(os.fsencode, given), lambda: len(given))
    file = None
    if path in (None, "-"):
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("Nothing to predict: give a TEXT, or a file with --input.")
        lines = _lines(sys.stdin.buffer)
        path = "Standard input"
    else:
        lines, file = _lines_of(path), path
    try:
        first = next(lines, None)  # now, to find what is wrong before the work
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    if first is None:
        raise UserError(f"{path} is empty: a text a line is expected.")
    return Texts(itertools.chain([first], lines), lambda: file and _count(file))


def _lines_of(path):
    with open(path, "rb") as file:
        yield from _lines(file)


def _count(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def _lines(file):
    for line in file:
        yield line.rstrip(b"\r\n")
