"""A file of lines that takes long to write, and can be gone on with."""

import os
from pathlib import Path

from tasks.errors import UserError


class PartialFile:
    """Writes a file line by line; it is `FILE.partial` until it is whole.

    Killed at any moment, it can be opened again to be gone on with: what is more than
    whole lines, and whole groups of lines, is cut off. To be used by `with`, whose end
    gives the file its name, but not after an exception.

    Args:
        path: the file. One that is there stays until the new one is whole.
        resume: whether to go on with what is there.
        group: how many lines belong together.

    Attributes:
        done: how many groups were there already.
        path: the file.
        partial: where it is until it is whole.

    Raises:
        UserError: there is something to go on with, but `resume` is false, or the
            reverse; or `path` is a folder.
    """

    def __init__(self, path: str | os.PathLike, resume: bool, group: int = 1):
        self.path = Path(path)
        self.partial = partial_name(self.path)
        self.done = 0
        if self.path.is_dir():
            raise UserError(f"{self.path} is a folder: give a file.")
        if resume and not self.partial.exists():
            raise UserError(f"Nothing to resume: there is no {self.partial}.")
        if self.partial.exists() and not resume:
            raise UserError(
                f"{self.partial} is of an interrupted run. Go on with it by --resume, "
                "or delete it."
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.partial, "r+b" if resume else "xb")  # noqa: SIM115
        if resume:
            self.done, end = _whole_groups(self._file, group)
            self._file.truncate(end)
            self._file.seek(end)

    def write(self, line: str) -> None:
        """Writes a line, of which no line break is a part."""
        self._file.write(line.encode("utf-8", "replace") + b"\n")
        self._file.flush()

    def __enter__(self) -> "PartialFile":
        return self

    def __exit__(self, kind, error, trace):
        self._file.close()
        if kind is None:
            os.replace(self.partial, self.path)


def partial_name(path: str | os.PathLike) -> Path:
    """Returns where a file is until it is whole."""
    path = Path(path)
    return path.with_name(f"{path.name}.partial")


def _whole_groups(file, group):
    """Returns how many groups of whole lines a file has, and where they end."""
    lines = place = end = 0
    for line in file:
        place += len(line)
        lines += line.endswith(b"\n")
        if line.endswith(b"\n") and lines % group == 0:
            end = place
    return lines // group, end
