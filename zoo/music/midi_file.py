"""Standard MIDI Files as events at ticks, and back: what is written, not its music.

```
file  = "MThd" 6 format tracks division, chunk*
chunk = "MTrk" length event*                        others are kept as they are
event = delta message                               delta: ticks since the last one
```

Source: The Complete MIDI 1.0 Detailed Specification, "Standard MIDI Files 1.0". What
programs write beside the rules, and players play, is read too: a file within a RIFF
(RMID) or after a MacBinary header, unknown chunks, bytes after the last chunk, tracks
that are empty or lack their end or have a wrong length before it, a running status that
goes on after other messages, system messages.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from zoo.errors import MidiError
from zoo.music import file_kinds

LARGEST = 16 * 2**20
"""Bytes of a file that is read: the longest pieces take one MiB or two."""

META, SYSEX, ESCAPE = 0xFF, 0xF0, 0xF7
END_OF_TRACK = 0x2F
_LONGEST_WAIT = 2**28 - 1
_PREAMBLE = 1024  # bytes of another program's before the file


class Event(NamedTuple):
    """A message at its time.

    Attributes:
        tick: ticks since the beginning.
        status: the message's first byte, always the one that it stands for.
        data: what follows it, without lengths. A meta event's first byte is its type.
    """

    tick: int
    status: int
    data: bytes


class MidiFile(NamedTuple):
    """A file.

    Attributes:
        format: 0, 1 or 2.
        ticks_per_quarter: the ticks in a quarter note.
        tracks: their events, each track's in order, without its end.
        ends: the tick at which each track ends.
        others: whole chunks of other kinds.
    """

    format: int
    ticks_per_quarter: int
    tracks: tuple[tuple[Event, ...], ...]
    ends: tuple[int, ...]
    others: tuple[bytes, ...] = ()


class _DamageError(Exception):
    """What is wrong with bytes."""


def parse(name: str, content: bytes) -> MidiFile:
    """Reads a file's events.

    Args:
        name: what to call it in an error.
        content: its bytes.

    Raises:
        MidiError: it is something else (the error says what), too large, is damaged or
            cut off, counts time in film frames, or holds several sequences.
    """
    content = _standard(name, content)
    try:
        return _file(name, content)
    except _DamageError as error:
        raise MidiError(
            f"{name} is a damaged or unfinished MIDI file ({error}). Get it again."
        ) from error


def encode(file: MidiFile) -> bytes:
    """Returns a file's bytes. It is of format 1 if it has several tracks."""
    several = len(file.tracks) != 1 or file.format == 1
    header = struct.pack(">HHH", several, len(file.tracks), file.ticks_per_quarter)
    parts = [b"MThd", struct.pack(">I", 6), header]
    for events, end in zip(file.tracks, file.ends, strict=True):
        body = _encoded(events, end)
        parts += [b"MTrk", struct.pack(">I", len(body)), body]
    return b"".join([*parts, *file.others])


def _standard(name, content):
    """Returns the bytes from "MThd" on, or says what else they are."""
    if not content:
        raise MidiError(f"{name} is empty. Give a MIDI file.")
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        content = _unwrapped(content)
    what = file_kinds.kind(content)
    if what:
        raise MidiError(f"{name} is no MIDI file but {what}.")
    if len(content) > LARGEST:
        raise MidiError(
            f"{name} has more than {LARGEST // 2**20} MiB, and a piece of music as "
            "MIDI has one or two: is it a recording, or damaged?"
        )
    if content[:4] == b"MThd":
        return content
    begins = content.find(b"MThd\0\0\0\x06", 0, _PREAMBLE)
    if begins > 0:
        return content[begins:]
    raise MidiError(
        f"{name} is no MIDI file: it should begin with 'MThd', and begins with "
        f"{content[:4]!r}. Give a .mid file."
    )


def _unwrapped(content):
    """Returns the MIDI file within a RIFF, whose lengths have their low byte first."""
    place = 12
    while place + 8 <= len(content):
        length = int.from_bytes(content[place + 4 : place + 8], "little")
        if content[place : place + 4] == b"data":
            return content[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
    return content


def _file(name, content):
    if len(content) < 14:
        raise _DamageError(f"it ends after {len(content)} bytes")
    length, form, count, division = struct.unpack(">IHHH", content[4:14])
    if length < 6:
        raise _DamageError(f"its header has {length} bytes, not 6")
    if division >= 0x8000:
        raise MidiError(
            f"{name} counts time in film frames, not in beats. Save it again with "
            "ticks per quarter note."
        )
    if not division:
        raise _DamageError("a quarter note has 0 ticks")
    tracks, ends, others = _chunks(content, 8 + length)
    if len(tracks) < count:
        raise _DamageError(f"it should have {count} tracks and has {len(tracks)}")
    if form == 2 and len(tracks) > 1:
        raise MidiError(
            f"{name} holds {len(tracks)} sequences of their own (MIDI's format 2). "
            "Save each as a file."
        )
    return MidiFile(form, division, tuple(tracks), tuple(ends), tuple(others))


def _chunks(content, place):
    """Returns the tracks, their ends and the other chunks from a place on."""
    tracks, ends, others = [], [], []
    while place + 8 <= len(content):
        kind = content[place : place + 4]
        if not kind.isascii() or not kind.decode("ascii").isprintable():
            break  # bytes that follow the file
        begins = place + 8
        place = begins + int.from_bytes(content[begins - 4 : begins], "big")
        if kind == b"MTrk":
            body = content[begins:place]
            events, end, ended = _events(body, f"track {len(tracks) + 1}")
            if place > len(content) and not ended:
                raise _DamageError(
                    f"track {len(tracks) + 1} should have {place - begins} bytes and "
                    f"has {len(body)}"
                )
            tracks.append(events)
            ends.append(end)
        elif place <= len(content):
            others.append(content[begins - 8 : place])
    return tracks, ends, others


def _events(body, name):
    """Returns a track's events, its last tick, and whether its end is there."""
    events, tick, place, running = [], 0, 0, None
    while place < len(body):
        begins = place
        try:
            wait, place = _number(body, place)
            tick += wait
            status = body[place]
            if status >= 0x80:
                place += 1
                running = status if status < 0xF0 else running
            else:
                status = running
            data, place = _data(body, place, status)
        except (IndexError, _DamageError) as error:
            if not any(body[begins:]):
                break  # a track filled up with zeros
            reason = str(error) if isinstance(error, _DamageError) else "it is cut off"
            raise _DamageError(f"{name}, at byte {place}: {reason}") from error
        if status == META and data[0] == END_OF_TRACK:
            return tuple(events), tick, True
        events.append(Event(tick, status, data))
    return tuple(events), tick, False


def _number(body, place):
    """Returns a number of one to four bytes of seven bits, and what follows it."""
    value = 0
    for number in range(4):
        byte = body[place + number]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + number + 1
    raise _DamageError("a number has more than four bytes")


def _data(body, place, status):
    """Returns what a message says after its status, and the place after it."""
    if status is None:
        raise _DamageError(f"{body[place]} begins no message")
    begins = place
    if status in (META, SYSEX, ESCAPE):
        begins = place + (status == META)
        length, begins = _number(body, begins)
        kind = body[place : place + 1] if status == META else b""
        data = kind + body[begins : begins + length]
        length += len(kind)
    else:
        length = _length(status)
        data = body[begins : begins + length]
        if any(byte >= 0x80 for byte in data):
            raise _DamageError(f"{max(data)} is no value of a message, 0 to 127")
    if len(data) < length:
        raise IndexError
    return data, begins + length - (status == META)


def _length(status):
    """Returns how many bytes follow the status of a message without its length."""
    if status < 0xF0:
        return 1 if 0xC0 <= status < 0xE0 else 2
    return {0xF1: 1, 0xF2: 2, 0xF3: 1}.get(status, 0)


def _encoded(events: Iterable[Event], end: int) -> bytes:
    parts, now = [], 0
    for tick, status, data in events:
        parts += _wait(tick - now)
        now = tick
        parts.append(bytes([status]))
        if status == META:
            parts += [data[:1], _packed(len(data) - 1), data[1:]]
        elif status in (SYSEX, ESCAPE):
            parts += [_packed(len(data)), data]
        else:
            parts.append(data)
    parts += [*_wait(max(0, end - now)), bytes([META, END_OF_TRACK, 0])]
    return b"".join(parts)


def _wait(ticks):
    """Returns the bytes of a delta; a text without letters makes it longer."""
    parts = []
    while ticks > _LONGEST_WAIT:
        parts += [_packed(_LONGEST_WAIT), bytes([META, 1, 0])]
        ticks -= _LONGEST_WAIT
    return [*parts, _packed(ticks)]


def _packed(value):
    """Returns a number as bytes of seven bits."""
    packed = [value & 0x7F]
    while value := value >> 7:
        packed.insert(0, value & 0x7F | 0x80)
    return bytes(packed)
