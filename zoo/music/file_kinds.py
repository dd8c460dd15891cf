"""What a file is that should be MIDI and isn't, from its first bytes."""

import io
import re
import zipfile

_SOUND = "a recording, which has no notes: give what it was played from, as MIDI"
_SCORE = "a score: export it as MIDI from a notation program, MuseScore for one"
_PACKED = "unpack it, and give the MIDI file in it"
_PICTURE = "a picture has no notes: give what it shows as MIDI"

_STARTS = (
    (rb"RIFF....WAVE", f"a WAV file, {_SOUND}"),
    (rb"FORM....AIF[FC]", f"an AIFF file, {_SOUND}"),
    (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", f"an MP3 file, {_SOUND}"),
    (rb"fLaC", f"a FLAC file, {_SOUND}"),
    (rb"OggS", f"an Ogg file, {_SOUND}"),
    (rb"....ftyp", f"an MP4 file, {_SOUND}"),
    (rb"\x1f\x8b", f"compressed by gzip: {_PACKED}"),
    (rb"7z\xbc\xaf|Rar!", f"an archive: {_PACKED}"),
    (rb"SMF2CLIP", "a MIDI 2.0 clip: save it as a Standard MIDI File, .mid"),
    (rb"%PDF", f"a PDF: {_PICTURE}"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", f"an image: {_PICTURE}"),
    (rb".FICHIER GUITAR PRO|BCF[ZS]", f"a Guitar Pro file, {_SCORE}"),
    (rb"version https://git-lfs", "a pointer to a file in Git LFS: git lfs pull"),
)
_TEXTS = (
    (r"<score-(partwise|timewise)|<!DOCTYPE score-", f"MusicXML, {_SCORE}"),
    (r"<museScore", f"a MuseScore file, {_SCORE}"),
    (r"<!doctype html|<html", "a web page: was it saved in place of the file?"),
    (r"^\s*\\version ", f"a LilyPond file, {_SCORE}"),
    (r"^X:\s*\d[\s\S]*^K:", f"ABC notation, {_SCORE}"),
)
_BEGINNING = 4096


def kind(content: bytes) -> str | None:
    """Returns what a file is and what to do with it: "a WAV file, …", or None.

    Args:
        content: the file's bytes.
    """
    if content[:4] == b"PK\x03\x04":
        return _archive(content)
    for start, what in _STARTS:
        if re.match(start, content, re.DOTALL):
            return what
    begin = content[:_BEGINNING]
    if begin[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = begin.decode("utf-16", "replace")
    else:
        text = begin.decode("latin-1")
    for pattern, what in _TEXTS:
        if re.search(pattern, text, re.MULTILINE | re.IGNORECASE):
            return what
    return None


def _archive(content):
    """Returns what a zip archive is: two formats of scores are archives too."""
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        names = []
    if "META-INF/container.xml" in names:
        return f"compressed MusicXML, {_SCORE}"
    if any(name.endswith(".mscx") for name in names):
        return f"a MuseScore file, {_SCORE}"
    return f"a zip archive: {_PACKED}"
