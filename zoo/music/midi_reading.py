"""Piano rolls from MIDI. Needs the extra `music`."""

import io
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.errors import MidiError
from zoo.music.drums import COLUMNS, DRUMS
from zoo.music.keys import KEYS, LOWEST, check_range, key_name, range_name
from zoo.music.midi import STEPS_PER_QUARTER, TEMPO, check_time, load_pretty_midi

_DRUM_CHANNEL = 9  # counted from 0
_MOST_STEPS = 1_000_000  # of a piece; a damaged file may claim any number


class MidiRoll(NamedTuple):
    """What a MIDI file says.

    Attributes:
        roll: uint8, (steps, keys): 1 where a key sounds; of drums, where one is hit.
        tempo: quarter notes a minute, on average where it changes.
        steps_per_quarter: the grid that the notes were moved to.
        outside: how many notes were not on the keys, by name; they have been shifted
            or dropped.
        quarters_per_bar: the quarter notes in a bar, by the first time signature: 3 in
            3/4 and in 6/8. Without one, 4.
    """

    roll: np.ndarray
    tempo: float
    steps_per_quarter: int
    outside: dict[str, int]
    quarters_per_bar: float


def read_midi(
    source: str | os.PathLike | bytes,
    *,
    steps_per_quarter: int = STEPS_PER_QUARTER,
    lowest: int = LOWEST,
    keys: int = KEYS,
    drums: bool = False,
    outside: str = "refuse",
) -> MidiRoll:
    """Reads a MIDI file as one roll: all its instruments, or all its drums.

    Each note begins and ends at the step of the grid that is nearest in the file's own
    beats, wherever its tempo changes, and lasts one step at least. Step 0 is the
    file's beginning; the last step is that in which the last note ends. A note struck
    again at once and a note that goes on look alike in a roll. Pedals are not read,
    nor are notes, other than drums, that end at once or never.

    Args:
        source: a file's path, or its bytes.
        steps_per_quarter: the time steps in a quarter note.
        lowest: the MIDI key of the first column. Drums have their own.
        keys: the number of columns. Drums have 9, as in `zoo.music.DRUMS`.
        drums: read the drums, and nothing else. If not, they are left out.
        outside: what becomes of notes that are not on the keys: "refuse" the file,
            "shift" them by octaves, or "drop" them. Drums can't be shifted.

    Raises:
        ImportError: pretty_midi is not installed.
        OSError: the file can't be read.
        zoo.errors.MidiError: it is no MIDI file, is damaged, has no notes, or has some
            that are refused.
        ValueError: an argument is out of range.
    """
    check_time(TEMPO, steps_per_quarter)
    check_range(lowest, keys)
    _check_outside(outside, keys, drums)
    name, content = _content(source)
    midi = _parse(name, content)
    found = _hits(content) if drums else _notes(midi)
    if not found:
        raise MidiError(f"{name} has no notes{_other_notes(midi, drums)}.")
    columns = COLUMNS if drums else _columns(lowest, keys)
    strangers = Counter(pitch for pitch, _, _ in found if pitch not in columns)
    name_of = _drum_name if drums else key_name
    strangers = {name_of(pitch): strangers[pitch] for pitch in sorted(strangers)}
    if strangers and outside == "refuse":
        raise MidiError(_refusal(name, strangers, lowest, keys, drums))
    if outside == "shift":
        columns = _shifted_columns(lowest, keys)
    placed = [(columns[p], start, end) for p, start, end in found if p in columns]
    if not placed:
        raise MidiError(f"{name} has no notes on the keys, only {_listed(strangers)}.")
    last = max(1, *(end for _, _, end in found))
    ticks_a_step = midi.resolution / steps_per_quarter
    if last > _MOST_STEPS * ticks_a_step:
        raise MidiError(
            f"{name} lasts {last // midi.resolution} quarter notes, and is damaged or "
            f"not music: {_MOST_STEPS} time steps are read at most."
        )
    return MidiRoll(
        _fill(placed, ticks_a_step, drums, keys),
        _tempo(midi, last),
        steps_per_quarter,
        strangers,
        _quarters_per_bar(midi),
    )


def _check_outside(outside, keys, drums):
    ways = ("refuse", "drop") if drums else ("refuse", "shift", "drop")
    if outside not in ways:
        raise ValueError(
            f"Notes that are not on the keys{' of drums' * drums} can be treated in "
            f"the ways {', '.join(ways)}. Found {outside!r}."
        )
    if outside == "shift" and keys < 12:
        raise ValueError(
            "Notes can be shifted by octaves onto 12 keys or more. Found "
            f"{keys} keys: refuse or drop them."
        )


def _content(source):
    """Returns what to call a MIDI file in an error, and its bytes."""
    if isinstance(source, bytes):
        name, content = f"The MIDI of {len(source)} bytes", source
    else:
        name, content = os.fspath(source), Path(source).read_bytes()
    if not content:
        raise MidiError(f"{name} is empty. Give a MIDI file.")
    if content[:4] != b"MThd":
        raise MidiError(
            f"{name} is no MIDI file: it should begin with 'MThd', and begins with "
            f"{content[:4]!r}. Give a .mid file."
        )
    if content[12:13] >= b"\x80":
        raise MidiError(
            f"{name} counts time in film frames, not in beats. Save it again with "
            "ticks per quarter note."
        )
    return name, content


def _parse(name, content):
    """Returns pretty_midi's reading of a file."""
    pretty_midi = load_pretty_midi()
    try:
        return pretty_midi.PrettyMIDI(io.BytesIO(content))
    # A broken file ends in whatever the parser then stumbles over.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise MidiError(
            f"{name} is a damaged or unfinished MIDI file ({reason}). Get it again."
        ) from error


def _notes(midi):
    """Returns the key, first tick and last tick of each note that isn't a drum's."""
    return [
        (note.pitch, midi.time_to_tick(note.start), midi.time_to_tick(note.end))
        for instrument in midi.instruments
        if not instrument.is_drum
        for note in instrument.notes
    ]


def _hits(content):
    """Returns the pitch and the tick, twice, of each hit of a drum.

    pretty_midi would drop those that end at once, one in 500 of the Groove dataset.
    """
    import mido  # pretty_midi reads files with it

    found = []
    for track in mido.MidiFile(file=io.BytesIO(content)).tracks:
        tick = 0
        for message in track:
            tick += message.time
            struck = message.type == "note_on" and message.velocity > 0
            if struck and message.channel == _DRUM_CHANNEL:
                found.append((message.note, tick, tick))
    return found


def _other_notes(midi, drums):
    """Says what else there is in a file without notes of one kind."""
    if not any(instrument.notes for instrument in midi.instruments):
        return ": none begins and ends. Give a file with some"
    if drums:
        return " for drums (MIDI's channel 10). Read it as keys, or give one with drums"
    return " but for drums. Read it as drums, or give one with other notes"


def _columns(lowest, keys):
    return {lowest + column: column for column in range(keys)}


def _shifted_columns(lowest, keys):
    """Returns the column of any key, after a move by as few octaves as needed."""
    columns = _columns(lowest, keys)
    for key in reversed(range(lowest)):
        columns[key] = columns[key + 12]
    for key in range(lowest + keys, 128):
        columns[key] = columns[key - 12]
    return columns


def _fill(placed, ticks_a_step, drums, keys):
    """Returns the roll, uint8, of notes given as (column, first tick, last tick)."""
    columns, starts, ends = np.array(placed).T
    starts, ends = (
        np.floor(ticks / ticks_a_step + 0.5).astype(int) for ticks in (starts, ends)
    )
    ends = starts + 1 if drums else np.maximum(ends, starts + 1)
    roll = np.zeros((ends.max(), len(DRUMS) if drums else keys), np.uint8)
    for column, start, end in zip(columns, starts, ends, strict=True):
        roll[start:end, column] = 1
    return roll


def _tempo(midi, ticks):
    """Returns the quarter notes a minute, on average over a file's first ticks."""
    return 60 * ticks / midi.resolution / midi.tick_to_time(int(ticks))


def _quarters_per_bar(midi):
    """Returns the quarter notes in a bar, by the first time signature."""
    for signature in midi.time_signature_changes[:1]:
        return 4 * signature.numerator / signature.denominator
    return 4.0


def _drum_name(pitch):
    return load_pretty_midi().note_number_to_drum_name(pitch) or f"MIDI {pitch}"


def _refusal(name, strangers, lowest, keys, drums):
    count = sum(strangers.values())
    these = "1 note is" if count == 1 else f"{count} notes are"
    if drums:
        where, what = f"none of {', '.join(DRUMS)}", "Drop them"
    else:
        where = f"not on the keys {range_name(lowest, keys)}"
        what = "Shift them by octaves, or drop them"
    return f"{name}: {these} {where}: {_listed(strangers)}. {what} (`outside`)."


def _listed(strangers):
    listed = [f"{count} × {name}" for name, count in strangers.items()]
    return ", ".join(listed[:8]) + (", …" if len(listed) > 8 else "")
