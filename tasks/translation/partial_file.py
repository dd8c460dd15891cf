"""A file of lines that takes long to write, and can be gone on with."""

import collections
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import UserError
from zoo.files import beside, is_free, take_over, undisturbed, written_to


class PartialFile:
    """Writes a file, some lines for each text; it is `FILE.partial` until it is whole.

    Killed at any moment, it can be opened again to be gone on with: what is more than
    whole lines, and whole groups of lines, is cut off. Beside it lies a record,
    `FILE.partial.record`, of what it is made with and of the texts so far, so that two
    runs are never mixed. To be used by `with`, whose end gives the file its name and
    takes the record away, but not after an exception.

    Args:
        path: the file. One that is there stays until the new one is whole. Of a link,
            it is the file that it points to, and what is partial lies beside that.
        resume: whether to go on with what is there.
        group: how many lines a text has.
        made_with: what the lines depend on beside the texts, by flag or name.

    Attributes:
        done: how many texts were done already.
        path: the file.
        partial: where it is until it is whole.
        record: what lies beside it.

    Raises:
        UserError: there is something to go on with, but `resume` is false, or the
            reverse; another process is writing it; it was made with something else; its
            record is missing or damaged; or `path` is a folder.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        resume: bool,
        group: int = 1,
        made_with: dict | None = None,
    ):
        self.path = written_to(path)
        self.partial, self.record = partial_names(self.path)
        self.done = 0
        self._group, self._lines = group, 0
        self._ahead = collections.deque()
        if self.path.is_dir():
            raise UserError(f"{self.path} is a folder: give a file.")
        if resume and not self.partial.exists():
            raise UserError(f"Nothing to resume: there is no {self.partial}.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._made_with = json.dumps(made_with or {}, sort_keys=True)
        self._file = self._opened(resume)
        try:
            self._begin(resume and os.path.getsize(self.partial) > 0)
        except BaseException:
            self._file.close()
            raise

    def _opened(self, resume):
        """Returns what is partial, open for this process alone."""
        is_there = resume or self.partial.exists()
        try:
            file = open(self.partial, "r+b" if is_there else "xb")  # noqa: SIM115
        except FileExistsError:  # since a moment ago
            is_there, file = True, open(self.partial, "r+b")  # noqa: SIM115
        if not is_free(file):
            told = "being written by another process. Wait for it, or give another name"
        elif is_there and not resume:
            told = "of an interrupted run. Go on with it by --resume, or delete it"
        else:
            return file
        file.close()
        raise UserError(f"{self.partial} is {told}.")

    def _begin(self, goes_on):
        """Opens the record, and goes to where both files go on."""
        self._digests = self._read_record() if goes_on else []
        self._record = open(self.record, "r+b" if goes_on else "wb")  # noqa: SIM115
        if goes_on:
            self.done, end = _whole_groups(self._file, self._group)
            self._check_digests()
            _cut(self._file, end)
            _cut(self._record, self._end_of_record())
        else:
            self._note(self._made_with)

    def remaining(self, texts: Iterator[bytes]) -> Iterator[bytes]:
        """Yields the texts that are left to do.

        Args:
            texts: all of them.

        Raises:
            UserError: those that are done are not the first ones of them.
        """
        for number in range(self.done):
            text = next(texts, None)
            if text is None:
                raise UserError(
                    f"{self.partial} holds {self.done:,} texts' lines already, but "
                    f"there are {number:,} texts only: it is of others."
                )
            if _digest(text) != self._digests[number]:
                raise UserError(
                    f"{self.partial} is of other texts: the one in line {number + 1:,} "
                    "has changed since. Give the same texts, or delete it."
                )
        for text in texts:
            self._ahead.append(_digest(text))
            yield text

    def write(self, line: str) -> None:
        """Writes a line, of which no line break is a part."""
        if self._lines % self._group == 0:
            self._note(self._ahead.popleft() if self._ahead else "")
        self._lines += 1
        self._file.write(line.encode("utf-8", "replace") + b"\n")
        self._file.flush()

    def __enter__(self) -> "PartialFile":
        return self

    def __exit__(self, kind, error, trace):
        self._file.close()
        self._record.close()
        if kind is None:
            take_over(self.partial, self.path)
            with undisturbed():
                os.replace(self.partial, self.path)
                self.record.unlink(missing_ok=True)

    def _note(self, line):
        self._record.write(line.encode("utf-8") + b"\n")
        self._record.flush()

    def _read_record(self):
        """Returns the digests of the texts so far."""
        try:
            made_with, *digests = self.record.read_text("utf-8").split("\n")
            before = json.loads(made_with)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.partial} can't be gone on with: {self.record}, which says what "
                "it is of, is missing or damaged. Delete it."
            ) from error
        now = json.loads(self._made_with)
        for name in dict.fromkeys([*before, *now]):
            if before.get(name) != now.get(name):
                then = f"{name} {before.get(name)}, not {now.get(name)}"
                if not name.startswith("--"):
                    then = f"another {name}"
                raise UserError(
                    f"{self.partial} began with {then}: --resume goes on with the same "
                    "only. Give the same, or delete it."
                )
        return digests[:-1]  # what follows the last line end is not whole

    def _check_digests(self):
        if self.done > len(self._digests):
            raise UserError(
                f"{self.partial} can't be gone on with: it has more lines than "
                f"{self.record}, which says what it is of. Delete it."
            )

    def _end_of_record(self):
        lines = [self._made_with, *self._digests[: self.done]]
        return sum(len(line.encode("utf-8")) + 1 for line in lines)


def partial_names(path: str | os.PathLike) -> tuple[Path, Path]:
    """Returns where a file is until it is whole, and its record."""
    path = written_to(path)
    return beside(path, ".partial"), beside(path, ".partial.record")


def _digest(text):
    return hashlib.sha256(text).hexdigest()[:16]


def _cut(file, end):
    file.truncate(end)
    file.seek(end)


def _whole_groups(file, group):
    """Returns how many groups of whole lines a file has, and where they end."""
    lines = place = end = 0
    for line in file:
        place += len(line)
        lines += line.endswith(b"\n")
        if line.endswith(b"\n") and lines % group == 0:
            end = place
    return lines // group, end
