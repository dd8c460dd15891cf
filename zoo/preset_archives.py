"""Presets as ZIP archives, and archives as presets, of which nothing is trusted.

`NAME.zip` holds the folder `NAME`. Beside archives lies `SHA256SUMS`, as `sha256sum`
writes and checks it: a line an archive, its SHA-256 and its name.
"""

import contextlib
import hashlib
import lzma
import os
import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from zoo.errors import PresetError
from zoo.files import check_local, locked, replaced_file, undisturbed, whole_folder

SUMS = "SHA256SUMS"
_CONFIG = "config.json"
# What a damaged archive raises, a strange one (its names, its compression, its
# encryption), or a file that can't be written.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(UnicodeDecodeError, NotImplementedError, RuntimeError, OSError),
)
# So often a folder is packed anew that another process writes meanwhile.
_TRIES = 3
# The earliest that ZIP knows: the same preset is the same archive, to the byte.
_TIME = (1980, 1, 1, 0, 0, 0)


def is_plain(name: str) -> bool:
    """Says whether a preset's name is one that can be a file's, and a URL's."""
    return bool(re.fullmatch(r"\w[\w.-]*", name))


def pack(folder: str | os.PathLike, path: str | os.PathLike) -> str:
    """Writes a preset's folder as an archive, and its line into `SHA256SUMS` beside it.

    Args:
        folder: the preset's folder.
        path: the archive, `NAME.zip`; in place of what was there.

    Returns:
        The archive's SHA-256, in hexadecimal digits.

    Raises:
        PresetError: the archive couldn't be asked for by such a name, or another
            process goes on writing the folder.
        ValueError: it is a URL.
    """
    folder, path = Path(folder), Path(path)
    check_name(path)
    check_local(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sums = path.with_name(SUMS)
    with (
        locked(path.parent),  # others may pack into the same folder
        contextlib.ExitStack() as ending,
        replaced_file(sums) as written_sums,
        replaced_file(path) as written,
    ):
        _write_of_one_time(folder, path.stem, written)
        digest = sha256(written)
        known = read_sums(sums.read_text("utf-8")) if sums.is_file() else {}
        known[path.name] = digest
        lines = (f"{known[name]}  {name}\n" for name in sorted(known))
        written_sums.write_text("".join(lines), "utf-8")
        ending.enter_context(undisturbed())  # neither is there without the other
    return digest


def _write_of_one_time(folder, name, path):
    """Writes a folder into an archive: never old files of it and new ones."""
    for _ in range(_TRIES):
        before = _state(whole_folder(folder))
        with contextlib.suppress(FileNotFoundError):
            _write(folder, name, path)
            if _state(folder) == before:
                return
    raise PresetError(
        f"{os.fspath(folder)!r} is being written by another process. Pack it again "
        "when that has ended."
    )


def _state(folder):
    """Returns what is another where one of a folder's files is."""
    files = (file for file in folder.rglob("*") if file.is_file())
    found = {file.relative_to(folder): file.stat() for file in files}
    return {name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in found.items()}


def _write(folder, name, path):
    """Writes a folder's files into an archive, under a name."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            place = f"{name}/{file.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo(place, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            with file.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)


def check_name(path: str | os.PathLike) -> None:
    """Raises a PresetError where an archive of such a name couldn't be asked for."""
    name = Path(path).name
    if not (name.endswith(".zip") and is_plain(name.removesuffix(".zip"))):
        raise PresetError(
            f"{name!r} can be no archive's name, which is the preset's in URLs: give "
            "NAME.zip, of letters, digits, '_', '-' and '.', the last two not first."
        )


def sha256(path: str | os.PathLike) -> str:
    """Returns a file's SHA-256, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sums(text: str) -> dict[str, str]:
    """Returns SHA-256 sums by the files' names, from what `sha256sum` writes."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return {
        pair[1].strip().removeprefix("*").removeprefix("./"): pair[0].lower()
        for pair in pairs
        if len(pair) == 2
    }


def unpack(path: str | os.PathLike, folder: str | os.PathLike, source: str) -> None:
    """Writes what an archive holds into a folder, and never outside of it.

    Args:
        path: the archive.
        folder: the preset's folder, empty.
        source: where the archive is from, for messages.

    Raises:
        PresetError: it is no ZIP archive, or damaged; it holds no preset, or several;
            or a name in it leads out of the folder, or is no plain file's.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            entries = [each for each in entries if not each.filename.endswith("/")]
            _check(entries, folder, source)
            root = _root(entries, source)
            for entry in entries:
                place = PurePosixPath(entry.filename)
                if not place.is_relative_to(root):
                    raise _refused(source, entry, f"lies beside the preset, {root}")
                file = Path(folder, place.relative_to(root))
                file.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed, file.open("xb") as target:
                    shutil.copyfileobj(packed, target)
    except _DAMAGES as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else "cut off"
        raise PresetError(
            f"{source} can't be unpacked: {reason}. It must be a ZIP archive as "
            "`pack` writes it."
        ) from error


def _root(entries, source):
    """Returns the folder in the archive that is the preset."""
    found = [PurePosixPath(e.filename).parent for e in entries if _is_config(e)]
    if len(found) != 1:
        count = len(found) or "no"
        raise PresetError(
            f"{source} holds {count} presets: one is needed, a folder with {_CONFIG}."
        )
    return found[0]


def _is_config(entry):
    parts = PurePosixPath(entry.filename).parts
    return parts[-1] == _CONFIG and len(parts) <= 2


def _check(entries, folder, source):
    """Raises a PresetError where something in an archive isn't to be unpacked."""
    names = set()
    for entry in entries:
        name = entry.filename
        parts = PurePosixPath(name).parts
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise _refused(source, entry, "leads out of its folder")
        if not parts:
            raise _refused(source, entry, "is no file's name")
        if kind not in (0, stat.S_IFREG):
            raise _refused(source, entry, "is no plain file")
        if name.casefold() in names:
            raise _refused(source, entry, "is there twice")
        names.add(name.casefold())
    size, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder)
    if size > free.free:
        raise PresetError(
            f"{source} unpacks to {size / 1e6:,.0f} MB, more than is free in {folder}, "
            f"{free.free / 1e6:,.0f} MB."
        )


def _refused(source, entry, reason):
    return PresetError(
        f"{source} isn't unpacked: {entry.filename!r} in it {reason}. `pack` writes no "
        "such archive: don't trust it."
    )
