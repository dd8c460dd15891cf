"""A MIDI file that stays as it is, but for what is cut off and what is added."""

from collections.abc import Collection, Sequence
from math import gcd

from zoo.music.midi_file import META, Event, MidiFile
from zoo.music.midi_notes import (
    CONTROL,
    DRUM_CHANNEL,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    SET_TEMPO,
    PlayedNote,
    note_events,
    played_notes,
)

_MOST_TICKS = 0x7FFF  # in a quarter note
_NAME = 0x03
_PEDAL = 64


def on_grid(file: MidiFile, steps_per_quarter: int) -> MidiFile:
    """Returns a file in whose ticks a grid's steps begin, by more ticks if needed.

    All times stay what they are. If that takes more ticks than a file can have, it is
    left alone: it has so many that none is heard.
    """
    factor = steps_per_quarter // gcd(steps_per_quarter, file.ticks_per_quarter)
    if factor == 1 or factor * file.ticks_per_quarter > _MOST_TICKS:
        return file
    return file._replace(
        ticks_per_quarter=factor * file.ticks_per_quarter,
        tracks=tuple(
            tuple(event._replace(tick=factor * event.tick) for event in events)
            for events in file.tracks
        ),
        ends=tuple(factor * end for end in file.ends),
    )


def all_ended(file: MidiFile) -> MidiFile:
    """Returns a file whose notes all end: those that don't, with their track."""
    tracks = list(map(list, file.tracks))
    for note in played_notes(file):
        if not note.ended:
            tracks[note.track].append(note_events(note)[1])
    return file._replace(tracks=tuple(map(tuple, tracks)))


def cut(file: MidiFile, tick: int) -> tuple[MidiFile, int]:
    """Returns a file without what comes at a tick or later.

    Notes and pedals that are held there end there.

    Returns:
        The file, and how many notes were held longer.
    """
    held = [note for note in played_notes(file) if note.start < tick <= note.end]
    tracks = []
    for number, events in enumerate(file.tracks):
        kept = [event for event in events if event.tick < tick]
        kept += [
            note_events(note._replace(end=tick))[1]
            for note in held
            if note.track == number
        ]
        pedals = {}
        for _, status, data in kept:
            if status & 0xF0 == CONTROL and data[0] == _PEDAL:
                pedals[status] = data[1]
        up = bytes([_PEDAL, 0])
        kept += [Event(tick, status, up) for status, down in pedals.items() if down]
        tracks.append(tuple(kept))
    ends = tuple(min(end, tick) for end in file.ends)
    ends = tuple(
        max(end, track[-1].tick if track else 0)
        for end, track in zip(ends, tracks, strict=True)
    )
    longer = sum(note.end > tick for note in held)
    return file._replace(tracks=tuple(tracks), ends=ends), longer


def without(file: MidiFile, notes: Collection[PlayedNote]) -> MidiFile:
    """Returns a file without some of its notes.

    Args:
        file: the file.
        notes: some of `played_notes(file)`, all of which end.
    """
    kept = [note for note in played_notes(file) if note not in notes]
    tracks = []
    for number, events in enumerate(file.tracks):
        others = [e for e in events if e.status & 0xF0 not in (NOTE_OFF, NOTE_ON)]
        for note in kept:
            others += note_events(note) if note.track == number else []
        # What ends, ends first; what begins, begins in the instrument of its tick.
        tracks.append(tuple(sorted(others, key=_place)))
    return file._replace(tracks=tuple(tracks))


def _place(event):
    kind = event.status & 0xF0
    return event.tick, (kind == NOTE_ON) - (kind == NOTE_OFF)


def in_tempo(file: MidiFile, tempo: float) -> MidiFile:
    """Returns a file in one tempo, quarter notes a minute."""
    tracks = tuple(
        tuple(e for e in events if not (e.status == META and e.data[0] == SET_TEMPO))
        for events in file.tracks
    )
    return with_tempo(file._replace(tracks=tracks), tempo, 0)


def with_tempo(file: MidiFile, tempo: float, tick: int) -> MidiFile:
    """Returns a file that goes on in a tempo, quarter notes a minute, from a tick."""
    microseconds = min(max(round(60e6 / tempo), 1), 2**24 - 1)
    data = bytes([SET_TEMPO]) + microseconds.to_bytes(3, "big")
    first = sorted([*file.tracks[0], Event(tick, META, data)], key=lambda e: e.tick)
    ends = (max(file.ends[0], tick), *file.ends[1:])
    return file._replace(tracks=(tuple(first), *file.tracks[1:]), ends=ends)


def free_channel(file: MidiFile) -> int | None:
    """Returns the first channel without a message, the drums' left out, if any."""
    used = {
        status & 0x0F
        for events in file.tracks
        for _, status, _ in events
        if NOTE_OFF <= status < 0xF0
    }
    free = [c for c in range(16) if c != DRUM_CHANNEL and c not in used]
    return free[0] if free else None


def with_part(file: MidiFile, name: str, notes: Sequence[PlayedNote]) -> MidiFile:
    """Returns a file with one more track.

    Args:
        file: the file.
        name: the track's.
        notes: its notes, of one channel and program.
    """
    events = [event for note in notes for event in note_events(note)]
    # What ends, ends before what begins there.
    events.sort(key=lambda event: (event.tick, event.status & 0xF0 == NOTE_ON))
    if notes and not notes[0].is_drum:
        note = min(notes)
        status = PROGRAM | note.channel
        events.insert(0, Event(note.start, status, bytes([note.program])))
    title = Event(0, META, bytes([_NAME]) + name.encode("ascii", "replace"))
    end = max((event.tick for event in events), default=0)
    return file._replace(
        format=1, tracks=(*file.tracks, (title, *events)), ends=(*file.ends, end)
    )
