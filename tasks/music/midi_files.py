"""MIDI files, as a music model sees them: read on its grid, cut, written anew."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tasks.cli import outputs
from tasks.data import dataset_records
from tasks.errors import UserError
from tasks.training import fine_tuning
from zoo import music, presets
from zoo.music.keys import range_name
from zoo.music.midi import STEPS_PER_QUARTER

LONGEST_SOUND = 30 * 60
"""Seconds of a WAV file: a longer one is not written."""

_MOST_STEPS = 50_000  # that a model reads of a piece
# Grids of presets whose record doesn't tell the lowest key, by their dataset.
_LOWEST = {"poly_music/jsb_chorales": 9}


@dataclasses.dataclass(frozen=True)
class Grid:
    """What the steps and the columns of a model's rolls stand for.

    Attributes:
        step: how long a time step lasts, in quarter notes: 1, or 1 / 2, 1 / 3, …
        drums: the columns are the drums of `zoo.music.DRUMS`, not keys.
        lowest: the MIDI key of the first column, where they are keys.

    Raises:
        UserError: no whole number of such steps makes a quarter note.
    """

    step: float = 1 / STEPS_PER_QUARTER
    drums: bool = False
    lowest: int = music.LOWEST

    def __post_init__(self):
        parts = self.step and 1 / self.step
        if not 1 <= parts <= 960 or abs(parts - round(parts)) > 1e-3:
            raise UserError(
                "A time step is a quarter note or a whole fraction of one: 1, 0.5, "
                f"0.25, …. Found {self.step}."
            )

    @property
    def steps_per_quarter(self) -> int:
        """Returns the time steps in a quarter note."""
        return round(1 / self.step)

    @property
    def keys(self) -> int:
        """Returns how many columns the roll of a MIDI file has."""
        return len(music.DRUMS) if self.drums else music.KEYS


def grid_of(preset: str | os.PathLike) -> Grid:
    """Returns the grid that a preset's model was trained on, as its record has it.

    Args:
        preset: the preset's folder. A record without a grid means `Grid()`; one
            without a lowest key, that of its dataset.
    """
    trained = presets.read_metrics(preset).get("training", {})
    known = {field.name for field in dataclasses.fields(Grid)}
    told = {name: trained[name] for name in known & set(trained)}
    names = [part["dataset"] for part in dataset_records.apart(trained)]
    dataset = names[0].partition(":")[0] if names else None
    return Grid(**{"lowest": _LOWEST.get(dataset, music.LOWEST), **told})


def knows_one_key(preset: str | os.PathLike) -> bool:
    """Says whether a preset was trained on pieces as they are, not moved to other keys.

    Args:
        preset: the preset's folder. A record without a command says no, its own or
            that of a preset that it comes from.
    """
    commands = fine_tuning.commands(presets.read_metrics(preset).get("training", {}))
    return all(commands) and "--transpose " not in " ".join(commands)


def hear(path: str | os.PathLike, keys: int, grid: Grid, kept: str) -> music.MidiRoll:
    """Returns a MIDI file as a model hears it, and tells what it hears otherwise.

    Notes that lie between the model's steps yield to those on them: see
    `zoo.music.read_midi`.

    Args:
        path: the file.
        keys: how many keys the model has, or drums.
        grid: the model's.
        kept: what to say of the notes of which it is told on stderr, a sentence or "".

    Raises:
        UserError: as `read_roll`, or the piece is too long for a model.
    """
    # What the model doesn't know can stay in what is written.
    outside = "drop" if kept and grid.drums else None
    found = read_roll(path, keys, grid, outside, "yield", kept)
    if len(found.roll) > _MOST_STEPS:
        raise UserError(
            f"{Path(path)} has {len(found.roll):,} of the model's time steps, and "
            f"{_MOST_STEPS:,} are read at most. Give a part of it."
        )
    endless = sum(not note.ended for note in found.notes)
    if endless:
        notes = "1 note never ends" if endless == 1 else f"{endless} notes never end"
        outputs.note(f"{Path(path)}: {notes} but with the track.")
    if found.off_steps:
        count = sum(note.is_drum == grid.drums for note in found.notes)
        heard = "it hears them on the nearest one"
        if found.unheard:
            heard += f", {found.unheard} of them, where others sound, not at all"
        outputs.note(
            f"{Path(path)}: {found.off_steps} of {count} notes begin between the "
            f"model's time steps, {grid.steps_per_quarter} in a quarter note: {heard}."
            f"{kept and ' ' + kept}"
        )
    return found


def read_roll(
    path: str | os.PathLike,
    keys: int,
    grid: Grid,
    outside: str | None = None,
    passing: str = "move",
    kept: str = "",
) -> music.MidiRoll:
    """Returns a MIDI file as a roll, uint8 (steps, keys), with its tempo.

    Args:
        path: the file.
        keys: how many keys the model has, or drums.
        grid: the model's.
        outside: what becomes of notes that are not among them: "shift" them by
            octaves or "drop" them, which is told on stderr, or "refuse" the file. By
            default drums are refused, which can't be shifted, and notes of less
            than an octave; others are shifted.
        passing: what becomes of short notes between the steps: see
            `zoo.music.read_midi`.
        kept: a sentence to say after that.

    Raises:
        UserError: the file can't be read, is no MIDI file, has no notes or has some
            that are refused.
    """
    if outside is None:
        outside = "refuse" if grid.drums or keys < 12 else "shift"
    try:
        found = music.read_midi(
            path,
            steps_per_quarter=grid.steps_per_quarter,
            lowest=grid.lowest,
            keys=len(music.DRUMS) if grid.drums else keys,
            drums=grid.drums,
            passing=passing,
            # Refused below, in words for who can't change the arguments here.
            outside="drop" if outside == "refuse" else outside,
        )
    except IsADirectoryError as error:
        files = Path(path) / "*.mid"
        raise UserError(
            f"{Path(path)} can't be read: Is a directory. Give its files: {files}"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{Path(path)} can't be read: {reason}.") from error
    except ValueError as error:
        raise UserError(str(error)) from error
    if found.outside:
        told = _strangers(path, keys, grid, found.outside)
        if outside == "refuse":
            raise UserError(f"{told}. Take them out of the file.")
        done = "shifted by octaves" if outside == "shift" else "left out"
        outputs.note(f"{told}: {done}.{kept and ' ' + kept}")
    return found


def _strangers(path, keys, grid, outside: Mapping[str, int]):
    """Says which notes of a file a model doesn't have."""
    count = sum(outside.values())
    verb = "note is" if count == 1 else "notes are"
    if grid.drums:
        where = f"none of the drums {', '.join(music.DRUMS)}"
    else:
        where = f"not on the keys {range_name(grid.lowest, keys)}"
    named = [f"{number} × {name}" for name, number in outside.items()]
    listed = ", ".join(named[:8]) + (", …" if len(named) > 8 else "")
    return f"{Path(path)}: {count} {verb} {where}: {listed}"


def bars_end(
    path: str | os.PathLike,
    steps: int,
    grid: Grid,
    bars: int,
    lengths: Sequence[tuple[float, float]],
) -> int:
    """Returns the step at which the first bars of a piece end.

    Args:
        path: the file that it is of.
        steps: how many it has.
        grid: the model's.
        bars: how many.
        lengths: how long bars are, in quarter notes, each with the quarter note from
            which it holds, the first from 0.

    Raises:
        UserError: there are not so many, or they end within a time step.
    """
    end, there = 0.0, 0
    while there < bars and end * grid.steps_per_quarter < steps:
        length = [each for start, each in lengths if start <= end + 1e-6][-1]
        end, there = end + length, there + 1
    if len({length for _, length in lengths}) > 1:
        each = "as its time signatures say"
    else:
        each = f"of {lengths[0][1]:g} quarter notes each"
    if there < bars:
        raise UserError(
            f"--bars {bars} is more than {Path(path)} has: {there}, {each}."
        )
    last = end * grid.steps_per_quarter
    if abs(last - round(last)) > 1e-6:
        raise UserError(
            f"--bars {bars}, {each}, would end within a time step of {grid.step:g}. "
            "Give a number that ends with one."
        )
    return round(last)


def write_piece(
    roll: np.ndarray,
    stem: Path,
    grid: Grid,
    tempo: float,
    quarters_per_bar: float | None = None,
    *,
    given: int = 0,
) -> None:
    """Writes a piece as MIDI, as sound and as a picture, and tells of each.

    Args:
        roll: (steps, keys), 0 or 1.
        stem: the files' path, without .mid, .wav and .png.
        grid: the roll's.
        tempo: quarter notes a minute.
        quarters_per_bar: what the picture's time is counted in; by default in
            quarter notes.
        given: how many steps were given; the picture parts them from the others.
    """
    columns = {
        "steps_per_quarter": grid.steps_per_quarter,
        "lowest": grid.lowest,
        "drums": grid.drums,
    }
    seconds = len(roll) * grid.step * 60 / tempo
    outputs.tell(f"piece       {len(roll)} time steps, {seconds:.1f} s")
    tell_files(
        stem,
        seconds,
        lambda path: music.write_midi(roll, path, tempo=tempo, **columns),
        lambda path: music.write_wav(roll, path, tempo=tempo, **columns),
        lambda path: music.piano_rolls(
            {stem.name: roll},
            path,
            quarters_per_bar=quarters_per_bar,
            given=given,
            **columns,
        ),
    )


def tell_files(
    stem: Path,
    seconds: float,
    write_midi: Callable[[Path], None],
    write_wav: Callable[[Path], None],
    write_picture: Callable[[Path], None],
) -> None:
    """Writes a piece's three files, and tells of each.

    Args:
        stem: the files' path, without .mid, .wav and .png.
        seconds: how long the piece is; half an hour is the most that is written as
            sound.
        write_midi: writes the piece to a path, as the next two do.
        write_wav: the sound.
        write_picture: the picture; without matplotlib it is left out.
    """
    midi, wav, picture = (
        stem.parent / f"{stem.name}.{kind}" for kind in ("mid", "wav", "png")
    )
    write_midi(midi)
    outputs.tell(f"MIDI        {midi}")
    if seconds > LONGEST_SOUND:
        wav = f"none: it has {seconds / 60:.0f} minutes, the most is 30"
    else:
        write_wav(wav)
    outputs.tell(f"sound       {wav}")
    try:
        write_picture(picture)
    except ImportError as error:
        picture = error
    outputs.tell(f"picture     {picture}")
