"""Where results go: to the terminal whatever it can print, to files that may be."""

import codecs
import contextlib
import contextvars
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from tasks.errors import UserError
from zoo.files import check_local, check_utf8, written_to

ESCAPES = "zoo.escapes"
r"""How to write what an encoding lacks, `errors=` of `open`: as JSON does, `\u00e9`."""
# The last ones write what follows the other way round.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# Endings by which others take a file for packed, and unpack it.
_PACKED = ".gz", ".bz2", ".xz", ".zst", ".lzma"


class Told(NamedTuple):
    """What would have been told on the terminal: see `collected`.

    Attributes:
        lines: those of stdout.
        notes: those of stderr, without "note: ".
    """

    lines: list[str]
    notes: list[str]


_collecting: contextvars.ContextVar[Told | None] = contextvars.ContextVar(
    "collecting", default=None
)


@contextlib.contextmanager
def collected() -> Iterator[Told]:
    """Yields what `tell` and `note` are told in this context, and in no other thread.

    For who shows it elsewhere than on the terminal, which then hears nothing of it.
    """
    told = Told([], [])
    token = _collecting.set(told)
    try:
        yield told
    finally:
        _collecting.reset(token)


def tell(line: str) -> None:
    """Prints a line about what was done."""
    told = _collecting.get()
    if told is None:
        print(line, flush=True)
    else:
        told.lines.append(line)


def shortened(text: str) -> str:
    """Returns a text as it is shown beside what was found for it: see `in_a_line`."""
    text = in_a_line(text[:101])
    return text if len(text) <= 100 else text[:99] + "…"


def in_a_line(text: str) -> str:
    """Returns a text with spaces for line ends and other control characters.

    By these a terminal would do something else than show them.
    """
    return _CONTROLS.sub(" ", text)


def note(text: str) -> None:
    """Prints on stderr what a user may not expect, and isn't wrong."""
    told = _collecting.get()
    if told is None:
        print(f"note: {text}", file=sys.stderr, flush=True)
    else:
        told.notes.append(text)


def open_streams() -> None:
    """Opens stdout and stderr where the caller has closed them, `2>&-`: to nowhere."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != descriptor and not _is_open(descriptor):
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
            nowhere = descriptor
        setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))


def _is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def print_anything(stream: TextIO | None) -> None:
    r"""Has a stream write what its encoding lacks as JSON does, `\u00e9`.

    So that no character ends a program, and JSON stays JSON.
    """
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=ESCAPES)


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """Takes it for no error that stdout's reader, `head` perhaps, has had enough.

    Raises:
        UserError: what was printed can't be written at the end, to a full disk say.
    """
    try:
        try:
            yield
        finally:
            _flush()
    except BrokenPipeError:
        _abandon()


def _flush():
    """Writes what is still to be written of what was printed."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _abandon()
        told = f"What was printed can't be written: {error.strerror}."
        raise UserError(told) from error


def _abandon():
    """Has nothing more written to stdout, or Python would try it again at its end."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


def _escaped(error):
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return json.dumps(text)[1:-1], error.end


codecs.register_error(ESCAPES, _escaped)


def check_file(
    path: str | os.PathLike, flag: str, read: Sequence[str | os.PathLike | None] = ()
) -> None:
    """Raises a UserError where a file can't be written, before there is work.

    Args:
        path: the file.
        flag: what it was given with.
        read: what the results are made from, `None` left out: it isn't to be replaced.
    """
    _check_local(path, flag)
    if os.fspath(path) == "-":
        raise UserError(
            f"{flag} - would be a file called '-'. To have it printed leave {flag} "
            "out; for such a file give ./-"
        )
    if os.fspath(path).endswith(os.sep):
        raise UserError(f"{flag}: {path} is a folder by its name: give a file.")
    path = Path(path)
    ending = path.suffix.lower()
    if ending in _PACKED:
        raise UserError(
            f"{flag} {path}: by its name it is packed, but files are written as they "
            f"are. Leave {ending} out, and pack the file afterwards."
        )
    if path.is_dir():
        raise UserError(f"{flag}: {path} is a folder: give a file.")
    if path.exists() and not path.is_file():
        # To write it whole or not at all would be to take its place.
        raise UserError(
            f"{flag}: {path} is a device or a pipe, which can't be replaced: give a "
            "file. What is printed can be redirected."
        )
    if stream := _printed_to(path):
        raise UserError(
            f"{flag} {path} is where {stream} goes, whose lines would be lost: leave "
            f"{flag} out, or give another name."
        )
    for other in filter(None, read):
        if is_same_file(path, other):
            raise UserError(
                f"{flag} {path} is the same file as {other}, which is read: it would "
                "be replaced. Give another name."
            )
    check_folder(written_to(path).parent, flag)


def _printed_to(path):
    """Returns which stream goes to a file, `/dev/stdout` for example, or None."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        try:
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return name
        except OSError:  # one isn't there
            continue
    return None


def check_folder(path: str | os.PathLike, flag: str) -> None:
    """Raises a UserError where nothing can be written into a folder, new or old.

    Args:
        path: the folder.
        flag: what it, or a file in it, was given with.
    """
    _check_local(path, flag)
    path = Path(path)
    nearest = next(
        p for p in (path, *path.parents) if p.exists() or p == Path(p.anchor)
    )
    if not nearest.is_dir():
        raise UserError(f"{flag}: {nearest} is a file, not a folder.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{flag}: nothing can be written in {nearest}: no permission.")


def check_tensorflow_folder(path: str | os.PathLike, flag: str) -> None:
    """Raises a UserError where TensorFlow can't write a folder: see `check_folder`.

    Args:
        path: the folder.
        flag: what it was given with.
    """
    check_folder(path, flag)
    try:
        check_utf8(path)
    except ValueError as error:
        raise UserError(f"{flag}: {error}") from error


def _check_local(path, flag):
    try:
        check_local(path)
    except ValueError as error:
        raise UserError(f"{flag}: {error}") from error
    name = os.fspath(path)
    is_home = os.path.expanduser(name) != name
    if is_home and not os.path.lexists(Path(name).parts[0]):
        raise UserError(
            f"{flag} {name}: no shell has put the folder in place of ~, as behind a =, "
            f"and one of that name would be made. Put a space there: {flag} {name}"
        )


def is_same_file(path: str | os.PathLike, other: str | os.PathLike) -> bool:
    """Says whether two names, links included, are of one file."""
    try:
        return os.path.samefile(path, other)
    except OSError:  # one isn't there
        return os.path.realpath(path) == os.path.realpath(other)
