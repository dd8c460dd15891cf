"""Files and folders that are either the old ones or the new ones, never half."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def written_to(path: str | os.PathLike) -> Path:
    """Returns the path by which a file is written: of a link, what it points to."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)


@contextlib.contextmanager
def replaced_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a file to write beside `path`; it takes `path`'s place at the end.

    Whatever happens before the end leaves `path` as it was. Of a link, that is the file
    that it points to.

    Raises:
        FileExistsError: there is a device, a pipe or a folder, which is left alone.
    """
    # What a link such as /dev/stdout leads to may have no path of its own.
    if os.path.exists(path) and not os.path.isfile(path):
        raise FileExistsError(errno.EEXIST, "is no file, and stays", os.fspath(path))
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    written = Path(name)
    try:
        yield written
        written.chmod(0o644)
        os.replace(written, path)
    finally:
        written.unlink(missing_ok=True)


@contextlib.contextmanager
def replaced_folder(path: str | os.PathLike, sign: str) -> Iterator[Path]:
    """Yields a folder to fill beside `path`; it takes `path`'s place at the end.

    Whatever happens before the end leaves `path` as it was. Of a link, that is the
    folder that it points to. The exchange takes two renames; a process killed between
    them leaves the old folder under another name, from where `whole_folder` brings it
    back.

    Args:
        path: the folder.
        sign: a file in it by which an older one is known.

    Raises:
        FileExistsError: there is a file, or a folder with other things in it, or the
            one that this process is in, which is left alone.
    """
    given, path = os.fspath(path), Path(os.path.realpath(whole_folder(path)))
    if path.exists() and not (path.is_dir() and _replaceable(path, sign)):
        raise FileExistsError(errno.EEXIST, f"is in the way: it has no {sign}", given)
    if path.exists() and _holds_this_process(path):
        raise FileExistsError(errno.EEXIST, "is the folder that you are in", given)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    old = _old(path)
    try:
        yield written
        written.chmod(0o755)
        _remove(old)
        if path.exists():
            os.replace(path, old)
        os.replace(written, path)
        _remove(old)
    finally:
        shutil.rmtree(written, ignore_errors=True)


def whole_folder(path: str | os.PathLike) -> Path:
    """Returns `path`, after undoing an exchange that was killed half-way.

    Of a link, that was one of the folder that it points to.
    """
    path = Path(path)
    if not path.exists():
        place = Path(os.path.realpath(path))
        if _old(place).exists():
            os.replace(_old(place), place)
    return path


def _replaceable(path, sign):
    return (path / sign).is_file() or not any(path.iterdir())


def _holds_this_process(path):
    """Says whether the current folder is in a folder: it would go with it."""
    try:
        return Path.cwd().is_relative_to(path)
    except FileNotFoundError:  # it has gone before
        return False


def _remove(path):
    """Removes a folder, if it is there, or a link, which older versions left there."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _old(path):
    return path.with_name(f".{path.name}.old")
