"""Texts from the command line, a file or standard input, as they were given."""

import itertools
import os
import sys
from collections.abc import Iterator, Sequence

from tasks.errors import UserError


def texts(given: Sequence[str], path: str | None) -> Iterator[bytes]:
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
        return iter([os.fsencode(text) for text in given])
    if path in (None, "-"):
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("Nothing to predict: give a TEXT, or a file with --input.")
        lines = _lines(sys.stdin.buffer)
        path = "Standard input"
    else:
        lines = _lines_of(path)
    try:
        first = next(lines, None)  # now, to find what is wrong before the work
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    if first is None:
        raise UserError(f"{path} is empty: a text a line is expected.")
    return itertools.chain([first], lines)


def _lines_of(path):
    with open(path, "rb") as file:
        yield from _lines(file)


def _lines(file):
    for line in file:
        yield line.rstrip(b"\r\n")
