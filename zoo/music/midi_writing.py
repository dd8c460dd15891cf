"""MIDI from piano rolls. Needs the extra `music`."""

import os

import numpy as np

from zoo.files import replaced_file
from zoo.music.drums import PITCHES, check_drums
from zoo.music.keys import LOWEST, check_range
from zoo.music.midi import STEPS_PER_QUARTER, TEMPO, check_time, load_pretty_midi
from zoo.music.rolls import notes, sounding

_VELOCITY = 80
_TICKS_PER_QUARTER = 120


def write_midi(
    roll: np.ndarray,
    path: str | os.PathLike,
    *,
    tempo: float = TEMPO,
    steps_per_quarter: int = STEPS_PER_QUARTER,
    lowest: int = LOWEST,
    drums: bool = False,
    tie: bool = True,
) -> None:
    """Writes a roll as a MIDI file, for a piano or a drum kit.

    MIDI has no rests: silence after the last note is not written.

    Args:
        roll: (steps, keys), 0 or 1; of drums (steps, 9), as in `zoo.music.DRUMS`.
        path: the file to write.
        tempo: quarter notes a minute.
        steps_per_quarter: the time steps in a quarter note.
        lowest: the MIDI key of the first column. Drums have their own.
        drums: it is a drum roll: hits of one step each, on the drum channel.
        tie: equal neighbours are one note, held. If not, each step is struck.

    Raises:
        ImportError: pretty_midi is not installed.
        ValueError: it isn't a roll, its keys aren't MIDI's, or the tempo or grid is
            out of range.
    """
    check_time(tempo, steps_per_quarter)
    sounds = sounding(roll)
    if drums:
        check_drums(sounds)
    else:
        check_range(lowest, sounds.shape[1])
    pretty_midi = load_pretty_midi()
    # A whole number of ticks a step.
    ticks = steps_per_quarter * max(1, round(_TICKS_PER_QUARTER / steps_per_quarter))
    midi = pretty_midi.PrettyMIDI(resolution=ticks, initial_tempo=tempo)
    instrument = pretty_midi.Instrument(program=0, is_drum=drums)
    seconds = 60 / tempo / steps_per_quarter
    for column, start, end in notes(sounds, tie=tie and not drums):
        pitch = PITCHES[column] if drums else lowest + column
        note = pretty_midi.Note(_VELOCITY, pitch, start * seconds, end * seconds)
        instrument.notes.append(note)
    midi.instruments.append(instrument)
    with replaced_file(path) as file:
        midi.write(str(file))
