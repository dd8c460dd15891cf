"""MIDI files, as a music model sees them: read on its grid, cut, written anew."""

import dataclasses
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tasks.errors import UserError
from zoo import music
from zoo.music.keys import range_name
from zoo.music.midi import STEPS_PER_QUARTER


@dataclasses.dataclass(frozen=True)
class Grid:
    """What the steps and the columns of a model's rolls stand for.

    Attributes:
        step: how long a time step lasts, in quarter notes: 1, or 1 / 2, 1 / 3, …
        drums: the columns are the drums of `zoo.music.DRUMS`, not keys.

    Raises:
        UserError: no whole number of such steps makes a quarter note.
    """

    step: float = 1 / STEPS_PER_QUARTER
    drums: bool = False

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
        preset: the preset's folder. A record without a grid means `Grid()`.
    """
    from zoo import presets

    trained = presets.read_metrics(preset).get("training", {})
    known = {field.name for field in dataclasses.fields(Grid)}
    return Grid(**{name: trained[name] for name in known & set(trained)})


def read_roll(
    path: str | os.PathLike, keys: int, grid: Grid, outside: str | None = None
) -> music.MidiRoll:
    """Returns a MIDI file as a roll, uint8 (steps, keys), with its tempo.

    Args:
        path: the file.
        keys: how many keys the model has, from A0 upwards, or drums.
        grid: the model's.
        outside: what becomes of notes that are not among them: "shift" them by
            octaves or "drop" them, which is told on stderr, or "refuse" the file. By
            default drums are refused, which can't be shifted, and notes of less
            than an octave; others are shifted.

    Raises:
        UserError: the file can't be read, is no MIDI file, has no notes or has some
            that are refused; or pretty_midi is missing.
    """
    if outside is None:
        outside = "refuse" if grid.drums or keys < 12 else "shift"
    try:
        found = music.read_midi(
            path,
            steps_per_quarter=grid.steps_per_quarter,
            keys=len(music.DRUMS) if grid.drums else keys,
            drums=grid.drums,
            # Refused below, in words for who can't change the arguments here.
            outside="drop" if outside == "refuse" else outside,
        )
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{Path(path)} can't be read: {reason}.") from error
    except (ImportError, ValueError) as error:
        raise UserError(str(error)) from error
    if found.outside:
        told = _strangers(path, keys, grid, found.outside)
        if outside == "refuse":
            raise UserError(f"{told}. Take them out of the file.")
        done = "shifted by octaves" if outside == "shift" else "left out"
        print(f"note: {told}: {done}.", file=sys.stderr)
    return found


def _strangers(path, keys, grid, outside: Mapping[str, int]):
    """Says which notes of a file a model doesn't have."""
    count = sum(outside.values())
    verb = "note is" if count == 1 else "notes are"
    if grid.drums:
        where = f"none of the drums {', '.join(music.DRUMS)}"
    else:
        where = f"not on the keys {range_name(music.LOWEST, keys)}"
    named = [f"{number} × {name}" for name, number in outside.items()]
    listed = ", ".join(named[:8]) + (", …" if len(named) > 8 else "")
    return f"{Path(path)}: {count} {verb} {where}: {listed}"


def first_bars(
    path: str | os.PathLike,
    roll: np.ndarray,
    grid: Grid,
    bars: int,
    quarters_per_bar: float,
) -> np.ndarray:
    """Returns the first bars of a roll; silence fills the last one.

    Args:
        path: the file that it is of.
        roll: (steps, keys).
        grid: the model's.
        bars: how many.
        quarters_per_bar: the quarter notes in one.

    Raises:
        UserError: there are not so many, or they end within a time step.
    """
    steps_per_bar = quarters_per_bar * grid.steps_per_quarter
    steps = bars * steps_per_bar
    if steps != round(steps):
        raise UserError(
            f"--bars {bars}, of {quarters_per_bar:g} quarter notes each, would end "
            f"within a time step of {grid.step:g}. Give a number that ends with one."
        )
    there = math.ceil(len(roll) / steps_per_bar)
    if bars > there:
        raise UserError(
            f"--bars {bars} is more than {Path(path)} has: {there}, of "
            f"{quarters_per_bar:g} quarter notes each."
        )
    roll = roll[: round(steps)]
    return np.pad(roll, [(0, round(steps) - len(roll)), (0, 0)])


def write_piece(
    roll: np.ndarray,
    stem: Path,
    grid: Grid,
    tempo: float,
    quarters_per_bar: float | None = None,
    *,
    given: int = 0,
    beside: Mapping[str, np.ndarray] | None = None,
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
        beside: rolls to draw beside it, by their titles.
    """
    time = {"steps_per_quarter": grid.steps_per_quarter, "drums": grid.drums}
    midi, wav, picture = (
        stem.parent / f"{stem.name}.{kind}" for kind in ("mid", "wav", "png")
    )
    seconds = len(roll) * grid.step * 60 / tempo
    print(f"piece       {len(roll)} time steps, {seconds:.1f} s")
    music.write_midi(roll, midi, tempo=tempo, **time)
    print(f"MIDI        {midi}")
    music.write_wav(roll, wav, tempo=tempo, **time)
    print(f"sound       {wav}")
    try:
        music.piano_rolls(
            {**(beside or {}), stem.name: roll},
            picture,
            quarters_per_bar=quarters_per_bar,
            given=given,
            **time,
        )
    except ImportError as error:
        picture = error
    print(f"picture     {picture}", flush=True)
