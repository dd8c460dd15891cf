"""Users' MIDI files, as a music model sees them: rolls on its grid of time steps."""

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path

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
            default keys are shifted; drums can't be, and are refused.

    Raises:
        UserError: the file can't be read, is no MIDI file, has no notes or has some
            that are refused; or pretty_midi is missing.
    """
    shiftable = not grid.drums and keys >= 12
    if outside is None:
        outside = "shift" if shiftable else "refuse"
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
