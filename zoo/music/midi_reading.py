"""Piano rolls from MIDI files."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.errors import MidiError
from zoo.music import midi_file
from zoo.music.drums import COLUMNS, DRUMS
from zoo.music.keys import KEYS, LOWEST, check_range, key_name, range_name
from zoo.music.midi import STEPS_PER_QUARTER, TEMPO, check_time, load_pretty_midi
from zoo.music.midi_file import MidiFile
from zoo.music.midi_notes import Clock, PlayedNote, bar_lengths, played_notes

_MOST_STEPS = 1_000_000  # of a piece; a damaged file may claim any number
_OFF_STEP = 1 / 8  # of a step: what is further from one than this isn't on it
_OFF_BEAT = 1 / 4


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
        off_steps: how many notes begin away from the grid's steps, by more than an
            eighth of a step.
        unheard: how many of them are not in the roll: see `passing`.
        file: the file's events, as they are.
        notes: all the file's notes, as they are, drums included.
    """

    roll: np.ndarray
    tempo: float
    steps_per_quarter: int
    outside: dict[str, int]
    quarters_per_bar: float
    off_steps: int = 0
    unheard: int = 0
    file: MidiFile | None = None
    notes: Sequence[PlayedNote] = ()


def read_midi(
    source: str | os.PathLike | bytes,
    *,
    steps_per_quarter: int = STEPS_PER_QUARTER,
    lowest: int = LOWEST,
    keys: int = KEYS,
    drums: bool = False,
    outside: str = "refuse",
    passing: str = "move",
) -> MidiRoll:
    """Reads a MIDI file as one roll: all its instruments, or all its drums.

    Each note begins and ends at the step of the grid that is nearest in the file's own
    beats, wherever its tempo changes, and lasts one step at least. Step 0 is the
    file's beginning; the last step is that in which the last note ends. A note struck
    again at once and a note that goes on look alike in a roll. Pedals are not read,
    nor are notes, other than drums, that end at once; one that never ends, ends with
    its track. What is read beside the rules: see `zoo.music.midi_file`.

    Args:
        source: a file's path, or its bytes, of 16 MiB at most.
        steps_per_quarter: the time steps in a quarter note.
        lowest: the MIDI key of the first column. Drums have their own.
        keys: the number of columns. Drums have 9, as in `zoo.music.DRUMS`.
        drums: read the drums, and nothing else. If not, they are left out.
        outside: what becomes of notes that are not on the keys: "refuse" the file,
            "shift" them by octaves, or "drop" them. Drums can't be shifted.
        passing: what becomes of notes, other than drums, that are too short for a step
            and lie between two, as the second of two eighths where a step is a
            quarter note: "move" to the nearest step, and sound together with what is
            played there; or "yield": the roll has them in the step they begin in if it
            would be silent, else not.

    Raises:
        OSError: the file can't be read.
        zoo.errors.MidiError: it is no MIDI file, which may say what it is; is damaged,
            has no notes, or has some that are refused.
        ValueError: an argument is out of range.
    """
    check_time(TEMPO, steps_per_quarter)
    check_range(lowest, keys)
    _check_outside(outside, keys, drums)
    if passing not in ("move", "yield"):
        raise ValueError(f"Passing notes move or yield. Found {passing!r}.")
    name, content = _content(source)
    file = midi_file.parse(name, content)
    played = played_notes(file)
    found = [note for note in played if drums or note.end > note.start]
    found = [note for note in found if note.is_drum == drums]
    if not found:
        raise MidiError(f"{name} has no notes{_other_notes(played, drums)}.")
    columns, strangers = _places(name, found, lowest, keys, drums, outside)
    placed = [(columns[n.key], n.start, n.end) for n in found if n.key in columns]
    if not placed:
        raise MidiError(f"{name} has no notes on the keys, only {_listed(strangers)}.")
    last = max(1, *(note.start if drums else note.end for note in found))
    ticks_a_step = file.ticks_per_quarter / steps_per_quarter
    if last > _MOST_STEPS * ticks_a_step:
        raise MidiError(
            f"{name} lasts {last // file.ticks_per_quarter} quarter notes, and is "
            f"damaged or not music: {_MOST_STEPS} time steps are read at most."
        )
    width = len(DRUMS) if drums else keys
    roll, off_steps, unheard = _fill(
        np.array(placed), ticks_a_step, width, drums, passing == "yield"
    )
    return MidiRoll(
        roll,
        Clock(file).tempo(last),
        steps_per_quarter,
        strangers,
        bar_lengths(file)[0][1],
        off_steps,
        unheard,
        file,
        played,
    )


def _places(name, found, lowest, keys, drums, outside):
    """Returns each key's column, and how many notes had none before, by their names."""
    columns = COLUMNS if drums else _columns(lowest, keys)
    strangers = Counter(note.key for note in found if note.key not in columns)
    name_of = _drum_name if drums else key_name
    strangers = {name_of(key): strangers[key] for key in sorted(strangers)}
    if strangers and outside == "refuse":
        raise MidiError(_refusal(name, strangers, lowest, keys, drums))
    if outside == "shift":
        columns = _shifted_columns(lowest, keys)
    return columns, strangers


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
        return f"The MIDI of {len(source)} bytes", source
    with Path(source).open("rb") as file:
        return os.fspath(source), file.read(midi_file.LARGEST + 1)


def _other_notes(notes, drums):
    """Says what else there is in a file without notes of one kind."""
    if all(note.is_drum == drums for note in notes):
        return ": none begins and ends. Give a file with some"
    if drums:
        return " for drums (MIDI's channel 10). Read it as keys, or give one with drums"
    return " but for drums. Read it as drums, with a model of drums, or give another"


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


def _fill(placed, ticks_a_step, width, drums, yielding):
    """Returns the roll of notes, and how many are off its steps, and unheard.

    Args:
        placed: (n, 3), each note's column, first tick and last tick.
        ticks_a_step: the ticks in a step.
        width: the number of columns.
        drums: they are hits of one step.
        yielding: whether passing notes yield.
    """
    columns, first, last = placed.T
    begins, ends = first / ticks_a_step, last / ticks_a_step
    starts, stops = (np.floor(times + 0.5).astype(int) for times in (begins, ends))
    away = np.abs(begins - starts)
    passing = yielding & (not drums) & (stops <= starts) & (away > _OFF_BEAT)
    stops = starts + 1 if drums else np.maximum(stops, starts + 1)
    inside = np.floor(begins).astype(int)
    steps = max(np.where(passing, inside + 1, stops))
    roll = np.zeros((steps, width), np.uint8)
    for column, start, stop in zip(
        columns[~passing], starts[~passing], stops[~passing], strict=True
    ):
        roll[start:stop, column] = 1
    silent = ~roll.any(axis=1)
    heard = {}
    for column, step, tick in zip(
        columns[passing], inside[passing], first[passing], strict=True
    ):
        # The first to begin in a silent step, and what begins with it.
        if silent[step] and heard.setdefault(step, tick) == tick:
            roll[step, column] = 1
    unheard = sum(
        heard.get(step) != tick
        for step, tick in zip(inside[passing], first[passing], strict=True)
    )
    return roll, int((away > _OFF_STEP).sum()), int(unheard)


def _drum_name(pitch):
    try:
        name = load_pretty_midi().note_number_to_drum_name(pitch)
    except ImportError:
        name = None
    return name or f"MIDI {pitch}"


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
