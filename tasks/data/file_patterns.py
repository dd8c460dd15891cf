"""Files by their names, or by patterns of them."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from tasks.errors import UserError

# How many names are listed of the files that something is of.
_LISTED = 3


def expand(patterns: str | Sequence[str], flag: str) -> list[Path]:
    """Returns the files that names and patterns stand for, none of them twice.

    Args:
        patterns: a name, or a pattern with wildcards, `books/**/*.txt`, or several.
            One that is the name of a file stands for that file, whatever brackets are
            in it. What a pattern stands for comes in the order of the names.
        flag: what they were given with, for messages.

    Raises:
        UserError: one is a folder, or stands for no file.
    """
    found = []
    for pattern in _several(patterns):
        path = Path(os.path.expanduser(pattern))  # as it is, for want of such a home
        if path.is_dir():
            raise UserError(
                f"{flag}: {pattern} is a folder. Give its files: '{path / '*'}'."
            )
        fitting = [path] if path.exists() else _fitting(str(path))
        if not fitting:
            raise UserError(f"No file fits {flag} {pattern!r}.")
        found += fitting
    return list(dict.fromkeys(found))


def listed(patterns: str | Sequence[str]) -> str:
    """Returns patterns for people, the first and the last if they are many."""
    patterns = _several(patterns)
    if len(patterns) <= _LISTED:
        return ", ".join(patterns)
    return f"{patterns[0]}, … {patterns[-1]} ({len(patterns):,} files)"


def names(paths: Sequence[Path]) -> str:
    """Returns the names of files, as `listed`; a preset keeps no folders."""
    return listed([path.name for path in paths])


def _several(patterns):
    return [patterns] if isinstance(patterns, str) else patterns


def _fitting(pattern):
    found = map(Path, sorted(glob.glob(pattern, recursive=True)))
    return [path for path in found if path.is_file()]
