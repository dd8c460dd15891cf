"""Presets by URL: fetched once into Keras' cache, checked, unpacked, and then local.

An archive's SHA-256 is the one that `SHA256SUMS` beside it names, or that the URL does:
`https://…/NAME.zip#sha256=…`. Each content has a folder of its own in the cache, which
takes its name when it is whole: half a download is never used.
"""

import contextlib
import http.client
import io
import os
import re
import secrets
import socket
import string
import sys
import tempfile
import urllib.error
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from zoo.errors import PresetError
from zoo.files import shared_folder
from zoo.preset_archives import SUMS, is_plain, read_sums, unpack

# The folder of archives that names are looked up in, behind the local ones.
VARIABLE = "ZOO_PRESETS_URL"
# The folder in Keras' cache, `~/.keras` or `$KERAS_HOME`.
_CACHE = "zoo"
# A server that says nothing for so long, in seconds, has gone.
TIMEOUT = 60.0
# What an unpacked preset is from; `ORIGIN` lies beside its folder.
_ORIGIN = "origin.txt"


class UnreachableError(PresetError):
    """A server that doesn't answer, or breaks off."""


def is_url(name: str | os.PathLike) -> bool:
    """Says whether a preset's name is a URL."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*://", os.fspath(name), re.IGNORECASE))


def named(name: str) -> Path | None:
    """Returns the folder of a preset of `$ZOO_PRESETS_URL`; None if it has none.

    Args:
        name: the preset's name.

    Raises:
        PresetError: see `fetched`.
    """
    place = os.environ.get(VARIABLE)
    if not place or not is_plain(name):
        return None
    url = f"{place.rstrip('/')}/{name}.zip"
    try:
        return fetched(url)
    except _UnlistedError:
        return None


class _UnlistedError(PresetError):
    """An archive that `SHA256SUMS` doesn't name."""


def fetched(url: str) -> Path:
    """Returns the folder of the preset in an archive, which is fetched if it is new.

    What was fetched is asked for again only where `SHA256SUMS` names another content;
    where that can't be reached, it is taken as it is, with a warning.

    Args:
        url: `https://…/NAME.zip` or `http://…`, perhaps with `#sha256=…` behind it.

    Raises:
        PresetError: there is no such archive; it isn't what its SHA-256 says, or can't
            be unpacked; or no SHA-256 of it is known.
        UnreachableError: the server doesn't answer, or broke off.
    """
    try:
        url, fragment = urldefrag(url)
        parts = urlsplit(url)
    except ValueError as error:  # of brackets, which are an address' of IPv6
        raise PresetError(f"{url} is no URL: {error}.") from error
    name = _name(url, parts.scheme.lower(), parts.path)
    digest = _digest(fragment, url)
    if digest is None:
        try:
            digest = _listed(url, name)
        except UnreachableError as error:
            return _known(url, name, error)
    folder = _cache() / f"{name}-{digest[:16]}"
    if not (folder / _ORIGIN).is_file():
        with (
            _downloaded(url, _writable(folder.parent), digest) as archive,
            # Several processes begin at once, as servers' workers do.
            shared_folder(folder, _ORIGIN) as new,
        ):
            (new / name).mkdir()
            unpack(archive, new / name, url)
            (new / _ORIGIN).write_text(f"{url}\n", "utf-8")
    return folder / name


def is_fetched(folder: str | os.PathLike) -> bool:
    """Says whether a preset's folder is one that `fetched` has returned."""
    return (Path(folder).parent / _ORIGIN).is_file()


def _name(url, scheme, path):
    """Returns the name of the preset in an archive."""
    if scheme not in ("http", "https"):
        raise PresetError(
            f"{url} can't be fetched: presets come by https:// or http://, or from a "
            "folder."
        )
    stem, ending = os.path.splitext(unquote(path.rpartition("/")[2]))
    if ending != ".zip" or not is_plain(stem):
        raise PresetError(
            f"{url} is no preset's URL: that ends with /NAME.zip, an archive as "
            "`python -m tasks.<template> pack` writes it."
        )
    return stem


def _digest(fragment, url):
    """Returns the SHA-256 that a URL names, if it names one."""
    if not fragment:
        return None
    found = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if not found:
        raise PresetError(
            f"{url}#{fragment}: a SHA-256 is given as #sha256=<64 digits>."
        )
    return found[1].lower()


def _listed(url, name):
    """Returns the SHA-256 that an archive has by the list beside it."""
    place = urljoin(url, SUMS)
    told = f"give its SHA-256 by {url}#sha256=…"
    try:
        # Not in the cache, which may be one that others fill.
        with (
            tempfile.TemporaryDirectory(prefix="zoo-") as folder,
            _downloaded(place, Path(folder)) as file,
        ):
            sums = read_sums(file.read_text("utf-8", "replace"))
    except _MissingError as error:
        raise PresetError(
            f"{url} can't be checked: there is no {place}. Let it be put there, or "
            f"{told}"
        ) from error
    digest = sums.get(f"{name}.zip")
    if digest is None or not re.fullmatch("[0-9a-f]{64}", digest):
        listed = ", ".join(sorted(sums)) or "none"
        raise _UnlistedError(
            f"{url} can't be checked: {place} doesn't list {name}.zip. It lists: "
            f"{listed}."
        )
    return digest


def _known(url, name, error):
    """Returns what was fetched from a URL that can't be reached now."""
    found = [
        origin.parent
        for origin in _cache().glob(f"{name}-*/{_ORIGIN}")
        if origin.read_text("utf-8").strip() == url
    ]
    if not found:
        raise error
    newest = max(found, key=lambda folder: (folder / _ORIGIN).stat().st_mtime)
    warnings.warn(
        f"{error} Taken is what was fetched before, {newest.name}.", stacklevel=4
    )
    return newest / name


def _cache():
    """Returns the folder in Keras' cache, where `keras.utils.get_file` has it."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    folder = os.path.expanduser(home)
    if folder.startswith("~"):  # as in a container, whose users may be mere numbers
        raise PresetError(
            "There is no home folder for presets to be kept in. Set $KERAS_HOME to a "
            "folder that can be written."
        )
    return Path(folder) / _CACHE


def _writable(cache):
    """Returns the cache, made if it is new; raises where nothing can be kept in it."""
    reason = "it can't be written"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return cache
    except OSError as error:
        reason = error.strerror
    raise PresetError(
        f"Presets can't be kept in {cache}: {reason}. Set $KERAS_HOME to a folder that "
        "can be written."
    )


class _MissingError(PresetError):
    """A file that the server doesn't have."""


@contextlib.contextmanager
def _downloaded(url: str, folder: Path, digest: str | None = None) -> Iterator[Path]:
    """Yields a file of a URL, under a name that nobody else has; it is gone after.

    Args:
        url: of the file.
        folder: where it is put.
        digest: its SHA-256, if that is known.
    """
    import keras  # imports TensorFlow, which takes seconds

    path = folder.absolute() / f".{secrets.token_hex(8)}.part"
    # `get_file` tells on stdout, where a program's results go, how far it is.
    shown = sys.stderr if digest and sys.stderr.isatty() else io.StringIO()
    try:
        with _told(url), _impatient(), contextlib.redirect_stdout(shown):
            keras.utils.get_file(
                path.name,
                # Names may have letters that no request may have as they are.
                quote(url, safe=string.punctuation),
                file_hash=digest,
                hash_algorithm="sha256",
                # By its path: of another one `get_file` takes /tmp/.keras if the
                # folder above can't be written.
                cache_subdir=str(path.parent),
            )
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _impatient():
    """Gives up servers that say nothing, for which `get_file` would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _told(url):
    """Raises what `get_file` raises as a PresetError, a sentence."""
    try:
        yield
    except Exception as error:  # `get_file` raises no other class
        # What urllib raised, of which `get_file` keeps the words alone.
        cause = error.__context__ or error
        raise _translated(url, cause if _is_known(cause) else error) from error


def _is_known(error):
    return isinstance(error, OSError | http.client.HTTPException)


def _translated(url, error):
    if isinstance(error, urllib.error.HTTPError):
        told = f"{url} can't be fetched: the server says {error.code} {error.reason}."
        if error.code in (404, 410):
            return _MissingError(f"{told} Is the address right?")
        return UnreachableError(told)
    if isinstance(error, http.client.InvalidURL):
        return PresetError(f"{url} is no URL: {error}.")
    if isinstance(error, urllib.error.ContentTooShortError | http.client.HTTPException):
        return UnreachableError(f"{url} was cut off. Fetch it again.")
    if isinstance(error, ValueError) and "hash" in str(error):
        return PresetError(
            f"{url} isn't what its SHA-256 says: it was damaged or changed on its way, "
            f"or {SUMS} is of another version. It isn't used."
        )
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        reason = f"the server said nothing for {TIMEOUT:g} s"
    return UnreachableError(f"{url} can't be fetched: {reason}.")
