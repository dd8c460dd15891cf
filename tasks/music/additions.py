"""What a model adds to a user's piece: beside its notes, which stay as they are.

The model hears a piece on its grid; the file that is written has the piece as it was
given, to the tick, and what was drawn in a track of its own.
"""

import bisect
import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from statistics import median_low

import numpy as np

from tasks.cli import outputs
from tasks.errors import UserError
from tasks.music.midi_files import Grid, bars_end, tell_files
from zoo import music
from zoo.files import replaced_file
from zoo.music import midi_file, midi_parts
from zoo.music.audio import Sound, write_sounds
from zoo.music.drums import COLUMNS, PITCHES
from zoo.music.midi_file import MidiFile
from zoo.music.midi_notes import (
    DRUM_CHANNEL,
    Clock,
    PlayedNote,
    bar_lengths,
    end_of_notes,
    played_notes,
)
from zoo.music.pictures import Panel, note_panels
from zoo.music.rolls import Note

# Of a step: how far a last note may reach into one that others begin in, a little late.
_LATE = 1 / 8
_VELOCITY = 80
# Nats per frame; melodies and tunes in their model's own key stay below.
_MUCH_LIKELIER = 1.25
_STEPS_FOR_KEY = 256


@dataclasses.dataclass(frozen=True)
class Original:
    """A user's piece.

    Attributes:
        file: its events, all notes ended, in ticks in which the grid's steps begin.
        roll: what the model hears of it, (steps, keys).
        grid: the model's.
        quarters_per_bar: the quarter notes in its first bar.
        cut_at: the step that it was cut off at, or None.
        moved: the semitones that the model hears it higher.
    """

    file: MidiFile
    roll: np.ndarray
    grid: Grid
    quarters_per_bar: float
    cut_at: int | None = None
    moved: int = 0

    @cached_property
    def notes(self) -> list[PlayedNote]:
        """The piece's notes, drums included."""
        return played_notes(self.file)

    @property
    def own_notes(self) -> list[PlayedNote]:
        """The notes of the kind that the model knows: of drums, or of keys."""
        return [note for note in self.notes if note.is_drum == self.grid.drums]

    @property
    def lowest(self) -> int:
        """The MIDI key of the roll's first column."""
        return self.grid.lowest - self.moved

    @property
    def ticks_a_step(self) -> float:
        """How many ticks a step of the grid has."""
        return self.file.ticks_per_quarter / self.grid.steps_per_quarter

    @property
    def next_step(self) -> int:
        """The step after all its notes, or that it was cut off at.

        However short, a note takes the step that it begins in.
        """
        if self.cut_at is not None:
            return self.cut_at
        begins = max(note.start for note in self.notes) / self.ticks_a_step
        ends = end_of_notes(self.notes) / self.ticks_a_step
        return max(int(begins + _LATE) + 1, int(np.ceil(ends - _LATE)))


def original(piece: music.MidiRoll, grid: Grid, tempo: float | None) -> Original:
    """Returns a piece as a model hears it and as it stays.

    Args:
        piece: the piece as it was read.
        grid: the model's.
        tempo: quarter notes a minute for all of it, or None for its own.
    """
    file = midi_parts.on_grid(piece.file, grid.steps_per_quarter)
    file = midi_parts.all_ended(file)
    if tempo is not None:
        file = midi_parts.in_tempo(file, tempo)
    return Original(file, piece.roll, grid, piece.quarters_per_bar)


def moved(given: Original, semitones: int) -> Original:
    """Returns a piece that the model hears higher by some semitones.

    What it draws is written as much lower.

    Raises:
        UserError: a note would leave the model's keys.
    """
    try:
        roll = music.transpose(given.roll, semitones)
    except ValueError as error:
        raise UserError(f"--transpose {semitones}: {error}") from error
    return dataclasses.replace(given, roll=roll, moved=semitones)


def in_known_key(model, given: Original, path: Path) -> Original:
    """Returns a piece moved to where a model finds it much likelier, if it does.

    Models that were trained on pieces in one key know others badly: a tune in D costs
    `music_nottingham` twice the nats of the same tune in C. It is told on stderr.

    Args:
        model: a `zoo.models.MusicModel` of keys.
        given: the piece.
        path: the file that it is of.
    """
    fitting = music.transpositions(given.roll)
    moves = [move for move in range(-5, 7) if move in fitting]
    beginning = given.roll[:_STEPS_FOR_KEY]
    rolls = np.stack([music.transpose(beginning, move) for move in moves])
    nats = np.asarray(model.score(rolls)["nats_per_frame"])
    now, best = nats[moves.index(0)], int(nats.argmin())
    if now - nats[best] < _MUCH_LIKELIER:
        return given
    outputs.note(
        f"{path}: the model hears it {moves[best]:+d} semitones from where it is, in a "
        f"key that it knows ({nats[best]:.1f} nats per frame for {now:.1f}). "
        "--transpose 0 leaves it."
    )
    return moved(given, moves[best])


def first_bars(
    path: Path, given: Original, bars: int, quarters_per_bar: float | None
) -> Original:
    """Returns the first bars of a piece; silence fills the last one.

    Notes that are held over its end are cut off there, which is told on stderr.

    Args:
        path: the file that it is of.
        given: the piece.
        bars: how many.
        quarters_per_bar: the quarter notes in each; by default, as the piece says.

    Raises:
        UserError: there are not so many, or they end within a time step.
    """
    lengths = [
        (tick / given.file.ticks_per_quarter, length)
        for tick, length in bar_lengths(given.file)
    ]
    if quarters_per_bar is not None:
        lengths = [(0, quarters_per_bar)]
    steps = bars_end(path, len(given.roll), given.grid, bars, lengths)
    roll = given.roll[:steps]
    roll = np.pad(roll, [(0, steps - len(roll)), (0, 0)])
    file, held = midi_parts.cut(given.file, round(steps * given.ticks_a_step))
    if held:
        notes = "1 note is" if held == 1 else f"{held} notes are"
        after = "bar 1" if bars == 1 else f"bar {bars}"
        outputs.note(f"{path}: {notes} cut off at the end of {after}.")
    return dataclasses.replace(
        given, file=file, roll=roll, quarters_per_bar=lengths[0][1], cut_at=steps
    )


def below_melody(given: Original) -> np.ndarray:
    """Returns where notes may be drawn that stay below a piece's highest ones.

    Returns:
        bool (steps, keys): in each step below all notes that are the highest at any
        time of it, those included that the model doesn't hear, and where no given
        note sounds.
    """
    steps, keys = given.roll.shape
    ceiling = np.full(steps, keys)
    for start, end, key in _highest(given.own_notes):
        first = int(start / given.ticks_a_step + _LATE)
        last = int(np.ceil(end / given.ticks_a_step - _LATE))
        span = slice(first, max(first, last))
        ceiling[span] = np.minimum(ceiling[span], key - given.lowest)
    above = np.cumsum(given.roll[:, ::-1], axis=1)[:, ::-1] - given.roll
    return (above > 0) & (given.roll == 0) & (np.arange(keys) < ceiling[:, None])


def melody_only(given: Original, path: Path) -> Original:
    """Returns a piece without the notes that begin below others, drums apart.

    How many there were is told on stderr.

    Args:
        given: the piece.
        path: the file that it is of.
    """
    spans = list(_highest(given.own_notes))
    starts = [start for start, _, _ in spans]
    below = set()
    for note in given.own_notes:
        # A chord's notes may begin a little one after another.
        tick = min(note.start + _LATE * given.ticks_a_step, note.end - 1)
        place = bisect.bisect_right(starts, max(tick, note.start)) - 1
        if place >= 0 and spans[place][2] > note.key:
            below.add(note)
    if below:
        notes = "1 note" if len(below) == 1 else f"{len(below)} notes"
        outputs.note(f"{path}: {notes} below the melody left out.")
    above = np.cumsum(given.roll[:, ::-1], axis=1)[:, ::-1] - given.roll
    return dataclasses.replace(
        given,
        file=midi_parts.without(given.file, below),
        roll=np.where(above > 0, 0, given.roll),
    )


def _highest(notes):
    """Yields the first tick, the last one and the key of what sounds above all else."""
    times = np.unique([tick for note in notes for tick in (note.start, note.end)])
    top = np.full(len(times), -1)
    for note in sorted(notes, key=lambda note: note.key):
        first, last = np.searchsorted(times, (note.start, note.end))
        top[first:last] = note.key
    for start, end, key in zip(times[:-1], times[1:], top[:-1], strict=True):
        if key >= 0:
            yield start, end, key


def add(given: Original, drawn: np.ndarray, step: int) -> MidiFile:
    """Returns the file of a piece with what was drawn, in a track of its own.

    It sounds like the piece: in its only instrument, or as a piano where there are
    several; as loud as its notes are; where its tempo changes and what was drawn comes
    after it, in the tempo that it has for the longest time.

    Args:
        given: the piece.
        drawn: (steps, keys), 0 or 1.
        step: the piece's step that the first one of `drawn` stands at.
    """
    file, grid = given.file, given.grid
    own = given.own_notes
    programs = {note.program for note in own}
    program = programs.pop() if len(programs) == 1 else 0
    channel = DRUM_CHANNEL if grid.drums else midi_parts.free_channel(file)
    if channel is None:
        channel, program = (own[-1].channel, own[-1].program) if own else (0, 0)
    velocity = median_low([note.velocity for note in own] or [_VELOCITY])
    follows = step >= given.next_step
    # The last notes may end a little late.
    earliest = end_of_notes(given.notes) if follows else 0
    notes = []
    for column, start, end in music.notes(drawn, tie=not grid.drums):
        start, end = (round((step + t) * given.ticks_a_step) for t in (start, end))
        key = PITCHES[column] if grid.drums else given.lowest + column
        begins = max(start, earliest)
        notes.append(PlayedNote(begins, end, key, velocity, channel, program=program))
    if follows and notes:
        clock, tick = Clock(file), min(notes).start
        usual = clock.usual_tempo(tick)
        if clock.last_tempo(tick) != usual:
            file = midi_parts.with_tempo(file, usual, tick)
    return midi_parts.with_part(file, "drawn", notes) if notes else file


def write(
    given: Original,
    drawn: np.ndarray,
    step: int,
    stem: Path,
    *,
    beside: Mapping[str, Sequence[PlayedNote]] | None = None,
) -> None:
    """Writes a piece and what was drawn as MIDI, as sound and as a picture.

    Args:
        given: the piece.
        drawn: see `add`.
        step: see there.
        stem: the files' path, without .mid, .wav and .png.
        beside: notes to draw beside it in the picture, by their titles.
    """
    file = add(given, drawn, step)
    notes, clock = played_notes(file), Clock(file)
    last = max(end_of_notes(notes), round((step + len(drawn)) * given.ticks_a_step))
    seconds = float(clock.seconds(last))
    steps = max(step + len(drawn), int(np.ceil(last / given.ticks_a_step - _LATE)))
    outputs.tell(f"piece       {steps} time steps, {seconds:.1f} s")

    def write_midi(path):
        with replaced_file(path) as written:
            written.write_bytes(midi_file.encode(file))

    def write_wav(path):
        times = clock.seconds([[note.start, note.end] for note in notes])
        sounds = [
            Sound(start, end, note.key, note.velocity, note.is_drum)
            for note, (start, end) in zip(notes, times.reshape(-1, 2), strict=True)
        ]
        write_sounds(sounds, path)

    def write_picture(path):
        added = [note for note in notes if note.track >= len(given.file.tracks)]
        panels = {
            title: Panel([_shown(given, each)], end_of_notes(each) / given.ticks_a_step)
            for title, each in (beside or {}).items()
        }
        parts = [_shown(given, given.own_notes), _shown(given, added)]
        note_panels(
            {**panels, stem.name: Panel(parts, steps)},
            path,
            steps_per_quarter=given.grid.steps_per_quarter,
            quarters_per_bar=given.quarters_per_bar,
            drums=given.grid.drums,
            given=step,
        )

    tell_files(stem, seconds, write_midi, write_wav, write_picture)


def _shown(given, notes):
    """Returns notes as a picture has them, in steps and rows."""
    shown = []
    for note in notes:
        start, end = (tick / given.ticks_a_step for tick in (note.start, note.end))
        if not given.grid.drums:
            shown.append(Note(note.key, start, end))
        elif note.key in COLUMNS:
            shown.append(Note(COLUMNS[note.key], start, start + 1))
    return shown
