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

    Whatever happens before the end leaves `path` as it was. The exchange takes
    two renames; a process killed between them leaves the old folder under
    another name, from where `whole_folder` brings it back.

    Args:
        path: the folder.
        sign: a file in it by which an older one is known.

    Raises:
        FileExistsError: there is a file, or a folder with other things in it, which
            is left alone.
    """
    path = whole_folder(path)
    if path.exists() and not (path.is_dir() and _replaceable(path, sign)):
        raise FileExistsError(errno.EEXIST, f"is in the way: it has no {sign}", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    old = _old(path)
    try:
        yield written
        written.chmod(0o755)
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            os.replace(path, old)
        os.replace(written, path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(written, ignore_errors=True)


def whole_folder(path: str | os.PathLike) -> Path:
    """Returns `path`, after undoing an exchange that was killed half-way."""
    path = Path(path)
    if not path.exists() and _old(path).exists():
        os.replace(_old(path), path)
    return path


def _replaceable(path, sign):
    return (path / sign).is_file() or not any(path.iterdir())


def _old(path):
    return path.with_name(f".{path.name}.old")
