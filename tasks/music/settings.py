"""What the music template's own commands can be told."""

import dataclasses
from pathlib import Path

from simple_parsing import field

from tasks.cli import config, outputs
from tasks.errors import UserError
from zoo.music.midi import check_time


@dataclasses.dataclass
class Drawing:
    """How daringly to draw, and what to write where."""

    # folder for the pieces; files of the same names are replaced
    output: Path = Path("music")
    # below 1 the probable becomes more so, above 1 less; 0: always the most probable
    temperature: float = 1.0
    # of the draws: the same seed gives the same pieces; default: another each time
    seed: int | None = None
    # quarter notes a minute, all through; default: as the given file has them, or else
    # 120
    tempo: float | None = None
    # semitones that the model hears a file higher by; what it draws is written as much
    # lower; default: 0, or what it finds much likelier if it was trained in one key
    transpose: int | None = None

    def check(self) -> None:
        """Raises a UserError where a number or the folder can't be."""
        config.at_least(self, "temperature", 0)
        config.check_seed(self)
        if self.tempo is not None:
            check_tempo("--tempo", self.tempo)
        outputs.check_folder(self.output, "--output")


@dataclasses.dataclass
class Generation(Drawing):
    """What to draw."""

    # a MIDI file that the pieces begin with; default: nothing
    primer: Path | None = None
    # how many bars of the primer to begin with; default: all
    bars: int | None = None
    # quarter notes in a bar: 3 in 3/4 and in 6/8; default: as the primer says
    quarters_per_bar: float | None = None
    # notes that the pieces begin with, for a time step: "C E G", "F#3"
    chord: str | None = None
    # the most time steps in a piece, what it begins with included; default: 128, or 64
    # more than the primer has
    steps: int | None = None
    # how many pieces
    count: int = 1

    def check(self) -> None:
        """Raises a UserError where a flag is out of its range or fits no other."""
        super().check()
        if self.steps is not None:
            _check_steps(self)
        config.at_least(self, "count", 1)
        if self.primer is not None and self.chord is not None:
            raise UserError("Give --primer or --chord, not both.")
        if self.bars is not None:
            config.at_least(self, "bars", 1)
            if self.primer is None:
                raise UserError("--bars are of a --primer: give one.")
        if self.transpose is not None and self.primer is None:
            raise UserError("--transpose moves a --primer: give one.")
        if self.quarters_per_bar is not None:
            config.at_least(self, "quarters_per_bar", 0, exclusive=True)


@dataclasses.dataclass
class Continuation(Drawing):
    """What to add."""

    # the most time steps to add to each piece
    steps: int = 64

    def check(self) -> None:
        """Raises a UserError where a number or the folder can't be."""
        super().check()
        _check_steps(self)


@dataclasses.dataclass
class Harmonization(Drawing):
    """How to draw, and what to leave out."""

    # leave out a file's notes below its melody, and draw new ones in their place
    melody_only: bool = field(default=False, action="store_true")


@dataclasses.dataclass
class Scoring:
    """What to print of the results."""

    # print JSON, a line a file
    json: bool = field(default=False, action="store_true")

    def check(self) -> None:
        """Nothing can be wrong."""


def _check_steps(settings):
    config.at_least(settings, "steps", 1)
    config.below(settings, "steps", 2**31)


def check_tempo(where: str, tempo: float) -> None:
    """Raises a UserError that begins with `where`, unless MIDI has the tempo."""
    try:
        check_time(tempo, 1)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error
