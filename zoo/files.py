"""Files and folders that are either the old ones or the new ones, never half.

Who may read them is for the user to say: what is new has the mode that the umask leaves
it, what takes the place of something old has its mode, and its owner and group where
that may be.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

# `gs://bucket/run`, or what `Path` makes of it, `gs:/bucket/run`; no drive, `C:/`.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)/+")
LONGEST_NAME = 255
"""So many bytes a file's or a folder's name may have."""
# So many characters of a name are in that of what is written beside it.
_SHOWN = 40
# What ends a process by its own way or Python's. (Windows has no SIGHUP.)
_ENDING = "SIGINT", "SIGTERM", "SIGHUP"
# So often others may bring an old folder back that is being exchanged.
_TRIES = 100


def written_to(path: str | os.PathLike) -> Path:
    """Returns the path by which a file is written: of a link, what it points to."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)


def check_local(path: str | os.PathLike) -> None:
    """Raises a ValueError where something would be written to a URL.

    A folder `gs:` would be made here, and in it all the others.

    Args:
        path: of a file or a folder.
    """
    if _URL.match(os.fspath(path)):
        url = _URL.sub(r"\1//", os.fspath(path), count=1)
        raise ValueError(
            f"{url} is a URL, and files are written on this machine: give a path here, "
            "and copy what is there."
        )


def check_utf8(path: str | os.PathLike) -> None:
    """Raises a ValueError where TensorFlow can't read or write: it takes UTF-8 alone.

    Args:
        path: of a file or a folder.
    """
    try:
        os.path.realpath(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{os.fspath(path)!a} is no name in UTF-8, and TensorFlow takes no other: "
            "give another, or rename the folder."
        ) from error


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Has Ctrl-C, and signals that Python handles, wait for what mustn't be done half.

    It is to take no longer than some renames. In other threads than the main one no
    signal is heard anyway.
    """
    waiting: list[Any] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, each) for each in _ENDING if hasattr(signal, each)]
        handlers = {number: signal.getsignal(number) for number in numbers}
        handlers = {n: handler for n, handler in handlers.items() if callable(handler)}
    try:
        for number in handlers:
            signal.signal(number, lambda *told: waiting.append(told))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in waiting[:1]:
            handlers[number](number, frame)


@contextlib.contextmanager
def replaced_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a file to write beside `path`; it takes `path`'s place at the end.

    Whatever happens before the end leaves `path` as it was. Of a link, that is the file
    that it points to. A file that is mounted by itself, into a container say, can't be
    replaced: it is written over at the end.

    Raises:
        FileExistsError: there is a device, a pipe or a folder, which is left alone.
        ValueError: it is a URL.
    """
    check_local(path)
    # What a link such as /dev/stdout leads to may have no path of its own.
    _check_file(path)
    given, path = path, Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path, lambda new: new.touch(exist_ok=False)) as written:
        yield written
        _check_file(given)  # meanwhile something may have come
        take_over(written, path)
        with undisturbed():
            try:
                os.replace(written, path)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                shutil.copyfile(written, path)


@contextlib.contextmanager
def replaced_folder(path: str | os.PathLike, sign: str) -> Iterator[Path]:
    """Yields a folder to fill beside `path`; it takes `path`'s place at the end.

    Whatever happens before the end leaves `path` as it was. Of a link, that is the
    folder that it points to. The exchange takes two renames; a process killed between
    them leaves the old folder under another name, from where `whole_folder` brings it
    back. A folder that is mounted, into a container say, can't be renamed: at the end
    what is in it goes, and the new files come.

    Args:
        path: the folder.
        sign: a file in it by which an older one is known.

    Raises:
        FileExistsError: there is a file, or a folder with other things in it, or the
            one that this process is in, which is left alone.
        ValueError: it is a URL.
    """
    check_local(path)
    given, path = os.fspath(path), Path(os.path.realpath(whole_folder(path)))
    _check_folder(path, sign, given)
    path.parent.mkdir(parents=True, exist_ok=True)
    is_mounted = os.path.ismount(path)
    with _beside(path / path.name if is_mounted else path, Path.mkdir) as written:
        yield written
        if not is_mounted:
            _check_folder(path, sign, given)  # meanwhile something may have come
            take_over(written, path)
        with undisturbed():
            if is_mounted:
                _exchange_files(written, path)
            elif not _exchange(written, path):
                raise FileExistsError(errno.EEXIST, "comes back again and again", given)


@contextlib.contextmanager
def shared_folder(path: str | os.PathLike, sign: str) -> Iterator[Path]:
    """Yields a folder to fill beside `path`; at the end it is `path`, if none is there.

    For what several processes may make at the same time, each the same: that of the
    first one stays, for it may be in use.

    Args:
        path: the folder.
        sign: a file in it by which one that another process has made is known.

    Raises:
        FileExistsError: there is something else, which is left alone.
        ValueError: it is a URL.
    """
    check_local(path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path, Path.mkdir) as written:
        yield written
        with undisturbed():
            try:
                os.rename(written, path)
            except OSError as error:
                if not path.exists():
                    raise
                _remove(written)
                if not (path / sign).is_file():
                    told = f"is in the way: it has no {sign}"
                    given = os.fspath(path)
                    raise FileExistsError(errno.EEXIST, told, given) from error


@contextlib.contextmanager
def locked(folder: str | os.PathLike) -> Iterator[None]:
    """Lets one process at a time change what several of them may keep in a folder.

    A process that ends, however it does, has unlocked it. Where there are no such locks
    (on Windows, on some shared disks) nobody waits.

    Args:
        folder: that is there.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, ImportError):
            import fcntl  # not on Windows

            descriptor = os.open(folder, os.O_RDONLY)  # not that of a folder on Windows
            held.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def is_free(file: IO | int) -> bool:
    """Takes an open file for this process, unless another one has it: says whether.

    A folder, too, by its descriptor.

    It is free again when it is closed, or the process ends, however it does. Where
    there are no such locks (see `locked`) every file is.
    """
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, ImportError):
        pass
    return True


@contextlib.contextmanager
def _beside(path: Path, make: Callable) -> Iterator[Path]:
    """Yields a file or folder that `make` makes beside a path; it is gone after."""
    written = path.with_name(f".{path.name[:_SHOWN]}.{secrets.token_hex(8)}")
    try:
        make(written)
        # What is private is so meanwhile, and what is read-only isn't yet.
        take_over(written, path, stat.S_IRWXU)
        yield written
    finally:
        _remove(written)


def take_over(written: Path, path: Path, more: int = 0) -> None:
    """Gives what is written the mode, and the owner, of what it takes the place of.

    Args:
        written: the new file or folder.
        path: the old one, which may not be there.
        more: bits of the mode that it gets as well.
    """
    try:
        old = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    # Only a superuser gives files away, but anybody to a group of their own. (Windows
    # knows no owners.)
    for user, group in ((-1, old.st_gid), (old.st_uid, -1)):
        with contextlib.suppress(PermissionError, AttributeError):
            os.chown(written, user, group)
    written.chmod(stat.S_IMODE(old.st_mode) | more)


def _exchange(written, path):
    """Puts a folder in the place of another, if there is one; says whether it could."""
    old = _old(path)
    for _ in range(_TRIES):
        if path.exists():
            _remove(old)
            # Others may exchange it at the same time: it may have gone, or another one
            # be aside already.
            with contextlib.suppress(FileNotFoundError):
                _took_its_place(path, old)
        if _took_its_place(written, path):
            _remove(old)
            return True
    return False


def _exchange_files(written, path):
    """Puts what is in a folder within `path` in the place of all else in it."""
    for old in path.iterdir():
        if old != written:
            _remove(old)
    for new in written.iterdir():
        os.replace(new, path / new.name)
    written.rmdir()


def whole_folder(path: str | os.PathLike) -> Path:
    """Returns `path`, after undoing an exchange that was killed half-way.

    Of a link, that was one of the folder that it points to.
    """
    path = Path(path)
    if not path.exists():
        place = Path(os.path.realpath(path))
        if place.name and _old(place).exists():
            # Another process may have brought it back, or an exchange be going on.
            with contextlib.suppress(FileNotFoundError):
                _took_its_place(_old(place), place)
    return path


def _took_its_place(folder, place):
    """Moves a folder to where none is; says whether none was."""
    try:
        os.replace(folder, place)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def _check_file(path):
    """Raises a FileExistsError where something else is that isn't to be replaced."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise FileExistsError(errno.EEXIST, "is no file, and stays", os.fspath(path))


def _check_folder(path, sign, given):
    """Raises a FileExistsError where something else is that isn't to be replaced."""
    told = None
    # Another process may take it away meanwhile.
    with contextlib.suppress(FileNotFoundError):
        if path.exists() and not (path.is_dir() and _replaceable(path, sign)):
            told = f"is in the way: it has no {sign}"
        elif path.exists() and _holds_this_process(path):
            told = "is the folder that you are in"
    if told:
        raise FileExistsError(errno.EEXIST, told, given)


def _replaceable(path, sign):
    return (path / sign).is_file() or not any(path.iterdir())


def _holds_this_process(path):
    """Says whether the current folder is in a folder: it would go with it."""
    try:
        return Path.cwd().is_relative_to(path)
    except FileNotFoundError:  # it has gone before
        return False


def _remove(path):
    """Removes a file, a folder or a link, if it is there."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def _old(path):
    return beside(path, ".old", start=".")


def beside(path: Path, ending: str, start: str = "") -> Path:
    """Returns where something of a file or folder lies, in the same folder.

    It has that one's name within its own, or of a name that leaves no room for more
    the beginning, and a number that is no other name's.

    Args:
        path: the file or folder.
        ending: what comes behind the name.
        start: what comes before it.
    """
    name = os.fsencode(path.name)
    if len(name) + len(os.fsencode(start + ending)) <= LONGEST_NAME:
        return path.with_name(f"{start}{path.name}{ending}")
    digest = hashlib.sha256(name).hexdigest()[:16]
    return path.with_name(f"{start}{path.name[:_SHOWN]}.{digest}{ending}")
