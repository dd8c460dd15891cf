"""Text files: unpacked, decoded, in lines; what is no text is told, and where.

A file's lines end with LF or CRLF; those of a file without any LF end with CR. A byte
order mark at its beginning is no part of it. What gzip packed is unpacked.
"""

import codecs
import itertools
import zlib
from collections.abc import Iterable, Iterator
from encodings.aliases import aliases
from pathlib import Path

from tasks.errors import UserError, did_you_mean

UTF_8 = "utf-8"
_BLOCK = 2**16
_GZIP = b"\x1f\x8b"
# The longer ones first: UTF-32's begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_FORMATS = {
    b"PK\x03\x04": "a ZIP archive, or a document that is one (.docx, .odt, .xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"%PDF-": "a PDF",
    b"\xfd7zXZ\x00": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"BZh91AY&SY": "packed by bzip2",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"MThd": "a MIDI file",
}
_LONGEST_SIGN = max(map(len, [*_MARKS, *_FORMATS]))
# Python's own escapes and those of host names, by which no file is written.
_NO_FILES = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}


def encoding_name(name: str) -> str:
    """Returns Python's name of an encoding, `utf-8` of "UTF8" say.

    Raises:
        UserError: there is no such encoding of text.
    """
    found = _codec(name)
    if found is None:
        known = {each.replace("_", "-") for each in filter(_codec, aliases.values())}
        usual = ["utf-8", "utf-16", "latin-1", "cp1252", "cp1251", "shift-jis", "gbk"]
        raise UserError(did_you_mean("encoding", name, [*usual, *sorted(known)]))
    return UTF_8 if found.name == "utf-8-sig" else found.name


def _codec(name):
    """Returns what files of text are written by; None if there is none of the name."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):  # the latter of what can't be a name
        return None
    usable = found._is_text_encoding and found.incrementaldecoder
    return found if usable and found.name.replace("-", "_") not in _NO_FILES else None


def read(path: Path, encoding: str = UTF_8) -> str:
    r"""Returns a file's text, without a byte order mark, its line ends as "\n".

    Args:
        path: the file.
        encoding: what it is encoded in.

    Raises:
        UserError: the file can't be read, isn't in this encoding, or is no text; or
            there is no such encoding.
    """
    text = "".join(_decoded(_blocks(path), str(path), encoding))
    text = text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def lines(text: str) -> list[str]:
    """Returns a text's lines, without what ends them."""
    return list(in_lines([text]))


def read_lines(path: Path, encoding: str = UTF_8) -> Iterator[str]:
    """Yields a file's lines as they are read, without what ends them.

    Raises:
        UserError: as `read`, where it is found.
    """
    return in_lines(_decoded(_blocks(path), str(path), encoding))


def stream_lines(
    blocks: Iterable[bytes], source: str, encoding: str = UTF_8
) -> Iterator[str]:
    """Yields the lines of bytes that come in blocks of any size.

    Args:
        blocks: the bytes. A line is yielded once the block with its end is there.
        source: what they come from, for messages.
        encoding: what they are encoded in.

    Raises:
        UserError: as `read`, where it is found.
    """
    return in_lines(_decoded(_readable(blocks, source), source, encoding))


def unpacked(
    blocks: Iterable[bytes], source: str, encoding: str = UTF_8
) -> Iterator[bytes]:
    """Returns a text file's bytes in blocks, unpacked where gzip has packed them.

    Args:
        blocks: the file's bytes, in blocks of any size.
        source: what they come from, for messages.
        encoding: Python's name of what they are to be encoded in.

    Raises:
        UserError: by its first bytes the file is something else; or, where it is found,
            what gzip packed is damaged or cut off.
    """
    head, blocks = _head(iter(blocks), len(_GZIP))
    if head.startswith(_GZIP) or source.endswith(".gz"):
        blocks = _unzipped(blocks, source)
    head, blocks = _head(blocks, _LONGEST_SIGN)
    _check_head(head, source, encoding)
    return blocks


def in_lines(texts: Iterable[str]) -> Iterator[str]:
    """Yields the lines of a text that comes in pieces, without what ends them."""
    pieces, any_end = [], False
    for text in texts:
        first, *others = text.split("\n")
        pieces.append(first)
        if others:
            any_end = True
            for line in ("".join(pieces), *others[:-1]):
                yield line.rstrip("\r")
            pieces = others[-1:]
    last = "".join(pieces)
    if not any_end:
        yield from last.removesuffix("\r").split("\r") if last else ()
    elif last:
        yield last.rstrip("\r")


def _blocks(path):
    def read():
        with open(path, "rb") as file:
            while block := file.read1(_BLOCK):
                yield block

    return _readable(read(), str(path))


def _readable(blocks, source):
    """Yields blocks of bytes, or says why they can't be read."""
    try:
        yield from blocks
    except OSError as error:
        raise UserError(f"{source} can't be read: {error.strerror}.") from error


def _decoded(blocks, source, encoding):
    """Yields blocks of bytes as text, without a byte order mark."""
    encoding = encoding_name(encoding)
    blocks = unpacked(blocks, source, encoding)
    texts = _strictly_decoded(blocks, source, encoding)
    first = next((text for text in texts if text), "")
    return itertools.chain([first.removeprefix("\N{BYTE ORDER MARK}")], texts)


def _head(blocks, size):
    """Returns the first bytes, that many if there are, and all blocks still."""
    taken, count = [], 0
    for block in blocks:
        taken.append(block)
        count += len(block)
        # What comes from a pipe is not waited for, once there is a line.
        if count >= size or block.endswith(b"\n"):
            break
    return b"".join(taken)[:size], itertools.chain(taken, blocks)


def _unzipped(blocks, source):
    """Yields what gzip packed, one member of the file after the other."""
    unzip = None
    try:
        for block in blocks:
            # Zeros may fill a file up behind its members.
            block = block if unzip else block.lstrip(b"\0")
            while block:
                unzip = unzip or zlib.decompressobj(wbits=31)  # 31: with gzip's header
                yield unzip.decompress(block)
                block = unzip.unused_data.lstrip(b"\0")
                unzip = None if unzip.eof else unzip
    except zlib.error as error:
        reason = str(error).rpartition(": ")[2]
        raise UserError(
            f"{source} can't be unpacked: gzip's data are damaged ({reason})."
        ) from error
    if unzip:
        raise UserError(
            f"{source} can't be unpacked: gzip's data are cut off. Fetch it again."
        )


def _check_head(head, source, encoding):
    """Raises a UserError where a file's first bytes say that it is something else."""
    for mark, kind in _MARKS.items():
        if head.startswith(mark):
            if not encoding.startswith(kind):
                raise UserError(
                    f"{source} is {kind.upper()} by its byte order mark, not "
                    f"{encoding.upper()}. Read it with --encoding {kind}."
                )
            return
    for sign, kind in _FORMATS.items():
        if head.startswith(sign):
            raise UserError(
                f"{source} is {kind}, no text file. Save it as plain text, in UTF-8."
            )


def _strictly_decoded(blocks, source, encoding):
    decoder = codecs.getincrementaldecoder(encoding)()
    line, place = 1, 0
    for block in itertools.chain(blocks, [None]):
        state = decoder.getstate()
        try:
            text = decoder.decode(block or b"", final=block is None)
        except UnicodeDecodeError as error:
            block = block or b""
            # Where the wrong byte is in the block; below 0 if it was in one before.
            start = error.start - (len(error.object) - len(block))
            decoder.setstate(state)
            line += decoder.decode(block[: max(0, start)]).count("\n")
            raise UserError(
                f"{source} is not {encoding.upper()}: in line {line:,}, byte "
                f"{place + start:,} of the file (0x{error.object[error.start]:02x}) is "
                f"wrong: {error.reason}. Say what it is in by --encoding, latin-1 or "
                "cp1252 say, or convert it, by iconv for example."
            ) from error
        except UnicodeError as error:  # of a UTF-16 stream without its mark
            raise UserError(f"{source} is not {encoding.upper()}: {error}.") from error
        if "\0" in text:
            line += text[: text.index("\0")].count("\n")
            raise UserError(
                f"{source} holds a NUL in line {line:,}: it is no text, or in another "
                "encoding, UTF-16 say, which --encoding tells."
            )
        line += text.count("\n")
        place += len(block or b"")
        yield text
