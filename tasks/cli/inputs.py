"""Texts from the command line, a file or standard input, as UTF-8."""

import itertools
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tasks.cli import outputs
from tasks.data import text_files
from tasks.errors import UserError

_STANDARD_INPUT = "Standard input"
# Its name as a file: it may be one, redirected.
_STREAM = "/dev/stdin"


class Texts(Iterator[bytes]):
    """Texts one after the other, as they are read.

    Args:
        texts: the texts, in UTF-8.
        count: says how many there are in all, or None if nobody can know.
        path: the file that they are read from, if they are.
    """

    def __init__(
        self,
        texts: Iterator[bytes],
        count: Callable[[], int | None],
        path: str | None = None,
    ):
        self._texts = texts
        self.count = count
        self.path = path

    def __next__(self) -> bytes:
        return next(self._texts)


def texts(
    given: Sequence[str], path: str | None, encoding: str = text_files.UTF_8
) -> Texts:
    """Returns texts as bytes, in UTF-8.

    A file is looked through before the first text is given out, so that nothing is
    done of one that is damaged at its end. Standard input and pipes are read as they
    come: what is wrong in them is told when its line is reached.

    Args:
        given: texts from the command line.
        path: a file with a text a line, packed by gzip perhaps; "-", or None where no
            text is given, for standard input.
        encoding: what the file or standard input is encoded in.

    Raises:
        UserError: there are texts and a file; there is neither; a text, the file or
            standard input isn't in its encoding; the file can't be read, is empty or
            is what the results are written to; or there is no such encoding.
    """
    encoding = text_files.encoding_name(encoding)
    if given and path:
        raise UserError(not_both(given))
    if given:
        if "-" in given:
            outputs.note("'-' is taken for a text. --input - reads standard input.")
        encoded = [argument(text, "TEXT").encode("utf-8") for text in given]
        return Texts(iter(encoded), lambda: len(encoded))
    count = None
    if path in (None, "-"):
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("Nothing to predict: give a TEXT, or a file with --input.")
        path = _STANDARD_INPUT
        lines = text_files.stream_lines(sys.stdin.buffer, path, encoding)
    else:
        check_not_output(path)
        if _can_be_read_twice(path):
            count = sum(1 for _ in text_files.read_lines(Path(path), encoding))
        lines = text_files.read_lines(Path(path), encoding)
    first = next(lines, None)  # now, to find what is wrong before the work
    if first is None:
        raise UserError(f"{path} is empty: a text a line is expected.")
    lines = (line.encode("utf-8") for line in itertools.chain([first], lines))
    return Texts(lines, lambda: count, _STREAM if path == _STANDARD_INPUT else path)


def argument(text: str, name: str) -> str:
    """Returns a text that was given on the command line.

    Args:
        text: as Python hands it over: what the terminal's encoding lacks is escaped.
        name: of the argument, for the message.

    Raises:
        UserError: it isn't UTF-8, nor in the terminal's encoding.
    """
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        pass
    try:
        content = os.fsencode(text)
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start:,} (0x{content[error.start]:02x}) is wrong"
    except UnicodeEncodeError as error:
        reason = f"character {error.start:,} is half of a surrogate pair"
    raise UserError(
        f"{name} {_shown(text)} is not UTF-8: {reason}. Texts in other encodings are "
        "read from files: --input, with --encoding."
    )


def _shown(text):
    shown = text if len(text) <= 40 else text[:39] + "…"
    return "'" + shown.encode("utf-8", "backslashreplace").decode("utf-8") + "'"


def not_both(given: Sequence[str]) -> str:
    """Says that texts and a file were given, and what to do.

    Args:
        given: the texts. Some may be files' names, as a shell makes them of a pattern.
    """
    # `Path.is_file` raises of a text that is too long for a name.
    files = [text for text in given if os.path.isfile(text)]
    if not files:
        return "Give texts, or a file with --input, not both."
    return (
        "Give texts, or a file with --input, not both: --input takes one file, and "
        f"{files[0]} is taken for a text. Put several files together first, by cat "
        "say: cat FILE … | …"
    )


def _can_be_read_twice(path):
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False  # reading it tells why


def check_not_output(path: str) -> None:
    """Raises a UserError where results would be appended to what is read.

    Args:
        path: the file that is read.
    """
    try:
        written = os.fstat(sys.stdout.fileno())
        same = os.path.samestat(os.stat(path), written)
    except (OSError, ValueError, AttributeError):  # no such file; no real stdout
        return
    if same and stat.S_ISREG(written.st_mode):
        raise UserError(
            f"{path} is both what is read and what is written to: redirect the "
            "results to another file."
        )
