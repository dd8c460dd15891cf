"""The notes of a MIDI file, and its time: ticks as seconds and as bars."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.music.midi import TEMPO
from zoo.music.midi_file import META, Event, MidiFile

DRUM_CHANNEL = 9  # counted from 0
SET_TEMPO, TIME_SIGNATURE = 0x51, 0x58
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
SOUND_OFF, NOTES_OFF = 120, 123
_SHORTEST_UNIT = 6  # a 64th


class PlayedNote(NamedTuple):
    """A note as a file has it.

    Attributes:
        start: the tick it begins at.
        end: the tick it has ended at. One that is never ended ends with its track.
        key: MIDI's number of the key, or of the drum.
        velocity: how hard it is struck, 1 to 127.
        channel: 0 to 15; 9 is the drums'.
        track: the number of its track, from 0.
        program: the instrument, 0 to 127, 0 being a piano.
        ended: whether the file says that it ends.
    """

    start: int
    end: int
    key: int
    velocity: int
    channel: int = 0
    track: int = 0
    program: int = 0
    ended: bool = True

    @property
    def is_drum(self) -> bool:
        """Says whether it is a drum's."""
        return self.channel == DRUM_CHANNEL


def played_notes(file: MidiFile) -> list[PlayedNote]:
    """Returns a file's notes by their beginning, drums included.

    Of notes of one key that overlap on a channel, the first to begin is the first to
    end. "All notes off" ends those of its channel.
    """
    found = []
    for number, (events, end) in enumerate(zip(file.tracks, file.ends, strict=True)):
        found += _of_track(events, end, number)
    return sorted(found)


def _of_track(events, end, number):
    found, programs = [], [0] * 16
    sounding, last_off = defaultdict(list), {}

    def close(place, tick, ended=True):
        start, velocity, program = sounding[place].pop(0)
        channel, key = place
        found.append(
            PlayedNote(start, tick, key, velocity, channel, number, program, ended)
        )

    for tick, status, data in events:
        kind, channel = status & 0xF0, status & 0x0F
        if kind == NOTE_ON and data[1]:
            place = channel, data[0]
            sounding[place].append((tick, data[1], programs[channel]))
        elif kind in (NOTE_OFF, NOTE_ON):
            place = channel, data[0]
            last_off[place] = tick
            if sounding[place]:
                close(place, tick)
        elif kind == PROGRAM:
            programs[channel] = data[0]
        elif kind == CONTROL and (data[0] == SOUND_OFF or data[0] >= NOTES_OFF):
            for place in [place for place in sounding if place[0] == channel]:
                while sounding[place]:
                    close(place, tick)
    for place in list(sounding):
        while sounding[place]:
            # Struck twice and ended once, both end there.
            tick = last_off.get(place, -1)
            ended = tick > sounding[place][0][0]
            close(place, tick if ended else max(end, sounding[place][0][0]), ended)
    return found


class Clock:
    """When a file's ticks are, by its tempi.

    Args:
        file: the file.
    """

    def __init__(self, file: MidiFile):
        changes = {0: 60e6 / TEMPO}  # microseconds a quarter note
        for tick, data in _metas(file, SET_TEMPO):
            microseconds = int.from_bytes(data, "big")
            if len(data) == 3 and microseconds:
                changes[tick] = microseconds
        self._ticks = np.array(list(changes), np.float64)
        self._lengths = np.array(list(changes.values())) / 1e6 / file.ticks_per_quarter
        passed = np.diff(self._ticks) * self._lengths[:-1]
        self._seconds = np.concatenate([[0.0], np.cumsum(passed)])
        self._ticks_per_quarter = file.ticks_per_quarter

    def seconds(self, ticks: int) -> np.ndarray:
        """Returns the seconds from the beginning to some ticks."""
        ticks = np.asarray(ticks, np.float64)
        last = np.searchsorted(self._ticks, ticks, side="right") - 1
        return self._seconds[last] + (ticks - self._ticks[last]) * self._lengths[last]

    def tempo(self, ticks: int) -> float:
        """Returns the quarter notes a minute, on average over the first ticks."""
        return 60 * ticks / self._ticks_per_quarter / float(self.seconds(ticks))

    def usual_tempo(self, ticks: int) -> float:
        """Returns the quarter notes a minute that hold longest in the first ticks."""
        times = np.minimum(np.append(self._ticks, np.inf), max(ticks, 1))
        held = defaultdict(float)
        for length, ticks_held in zip(self._lengths, np.diff(times), strict=True):
            held[float(length)] += ticks_held
        length = max(held, key=lambda each: held[each])
        return 60 / (length * self._ticks_per_quarter)

    def last_tempo(self, tick: int) -> float:
        """Returns the quarter notes a minute that hold at a tick."""
        place = np.searchsorted(self._ticks, tick, side="right") - 1
        return 60 / (float(self._lengths[place]) * self._ticks_per_quarter)


def _metas(file, kind) -> list[tuple[int, bytes]]:
    """Returns the ticks and data of a kind of meta events, by their ticks."""
    found = [
        (tick, data[1:])
        for events in file.tracks
        for tick, status, data in events
        if status == META and data[0] == kind
    ]
    return sorted(found, key=lambda each: each[0])


def bar_lengths(file: MidiFile) -> list[tuple[int, float]]:
    """Returns the quarter notes in a bar, with the tick from which each holds.

    The first holds from the beginning, wherever it is said; without one it is 4. What
    is no time signature says nothing.
    """
    found = {}
    for tick, data in _metas(file, TIME_SIGNATURE):
        if len(data) >= 2 and data[0] and data[1] <= _SHORTEST_UNIT:
            found[tick if found else 0] = 4 * data[0] / 2 ** data[1]
    return list(found.items()) or [(0, 4.0)]


def end_of_notes(notes: Sequence[PlayedNote]) -> int:
    """Returns the tick at which the last note has ended."""
    return max((note.end for note in notes), default=0)


def note_events(note: PlayedNote) -> list[Event]:
    """Returns the two events of a note."""
    channel, key = note.channel, note.key
    return [
        Event(note.start, NOTE_ON | channel, bytes([key, note.velocity])),
        Event(note.end, NOTE_OFF | channel, bytes([key, 64])),
    ]
