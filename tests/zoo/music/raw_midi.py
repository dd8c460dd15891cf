"""MIDI files for the tests, byte by byte, as no library would write them."""

import struct

END = b"\x00\xff\x2f\x00"


def chunk(kind, body):
    return kind + struct.pack(">I", len(body)) + body


def header(tracks=1, form=1, division=100, more=b""):
    return chunk(b"MThd", struct.pack(">HHH", form, tracks, division) + more)


def song(*bodies, **arguments):
    """A file of tracks, each the bytes of its events."""
    tracks = (chunk(b"MTrk", body) for body in bodies)
    return header(len(bodies), **arguments) + b"".join(tracks)


def played(key, ticks=100, after=0, channel=0, velocity=64):
    """The bytes of a note."""
    on = number(after) + bytes([0x90 | channel, key, velocity])
    return on + number(ticks) + bytes([0x80 | channel, key, 0])


def meta(kind, data, after=0):
    return number(after) + bytes([0xFF, kind]) + number(len(data)) + data


def number(value):
    packed = [value & 0x7F]
    while value := value >> 7:
        packed.insert(0, value & 0x7F | 0x80)
    return bytes(packed)
