"""What a music model's commands can be told. Needs no TensorFlow."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from simple_parsing import choice, field, flag

from tasks.cli import config, outputs
from tasks.data import file_patterns
from tasks.errors import UserError
from zoo.music.midi import check_time

SUMMARY = "Writes music, frame by frame, and says how probable pieces are."


@dataclasses.dataclass
class Config(config.TrainingConfig):
    """Music: dataset, model and training."""

    # a TFDS dataset by name (DATASET or DATASET/CONFIG), or one of the zoo's own
    dataset: list[str] = config.names_field("synthetic/scales")
    # the column with the music: rolls or MIDI; default: roll, midi, or the only one
    music_column: str | None = None
    # MIDI files to train on instead of a dataset, each a piece: 'songs/**/*.mid'
    midi_files: list[str] | None = field(default=None, nargs="+")
    # the time steps that MIDI is read in, in a quarter note
    steps_per_quarter: int = 4
    # read the drums of MIDI, and nothing else; default: where the dataset is groove
    drums: bool | None = flag(None, negative_prefix="--no-")
    # move each piece by up to so many semitones, others in each epoch
    transpose: int = 0
    # transpose in so many first epochs, so that the last ones teach the pieces' own
    # keys; default: in all
    transposed_epochs: int | None = None
    # draw a frame's notes one after another, or each by itself
    frame_output: str = choice("nade", "bernoulli", default="nade")
    # size of NADE's hidden layer
    frame_units: int = 128
    # size of a dense layer that sees the frames first; default: none
    embedding_units: int | None = None
    # the recurrent unit; those after lstm have no matrix in the recurrence
    cell: str = config.cell_field("lstm")
    # units of a recurrent layer
    units: int = 256
    # stacked recurrent layers
    layers: int = 1
    # the share of the frames' notes dropped in training
    input_dropout: float = 0.0
    # the share dropped between the layers and before the output
    dropout: float = 0.0
    # how a piece's end is predicted: a frame <EOS>, a "stop now" beside each frame, its
    # length before it begins, or not at all
    ending: str = choice("eos", "halt", "length", "none", default="halt")
    # the time steps between two states that training keeps, for long pieces in little
    # memory; default: all are kept
    checkpoint_every: int | None = None

    PATHS = (*config.TrainingConfig.PATHS, "midi_files")
    OWN_FILES = "midi_files"
    OF_DATASETS = (*config.DataConfig.OF_DATASETS, "music_column")
    OF_MODEL = (
        *("steps_per_quarter", "drums", "frame_output", "frame_units"),
        *("embedding_units", "cell", "units", "layers", "input_dropout", "dropout"),
        *("ending", "checkpoint_every"),
    )

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.midi_files, str):  # as older trainings have it on record
            self.midi_files = [self.midi_files]

    def own_data(self) -> str | None:
        """Returns the files to train on, if there are any."""
        return self.midi_files and file_patterns.listed(self.midi_files)

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        yield from super().unread()
        if self.frame_output != "nade":
            yield "frame_units", "--frame-output nade"

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        if len(self.dataset) > 1:
            raise UserError(
                f"--dataset takes one dataset here, found {len(self.dataset)}: grids, "
                "keys and drums are those of one."
            )
        for name in ("frame_units", "units", "layers", "steps_per_quarter"):
            config.at_least(self, name, 1)
        for name in ("embedding_units", "checkpoint_every"):
            if getattr(self, name) is not None:
                config.at_least(self, name, 1)
        config.at_least(self, "transpose", 0)
        if self.transposed_epochs is not None:
            config.at_least(self, "transposed_epochs", 1)
            if not self.transpose:
                raise UserError("--transposed-epochs goes with --transpose.")
        config.below(self, "input_dropout", 1)
        config.below(self, "dropout", 1)
        if self.transpose and self.reads_drums():
            raise UserError("--transpose moves notes; drums have none. Leave it out.")

    def reads_drums(self) -> bool:
        """Says whether it is drums that MIDI is read for."""
        if self.drums is None:
            return self.midi_files is None and self.dataset[0].split("/")[0] == "groove"
        return self.drums


@dataclasses.dataclass
class Evaluation(config.EvaluationConfig):
    """What to measure a preset on."""

    # the column with the music; default: as in training, or roll, midi, the only one
    music_column: str | None = None
    # MIDI files to measure on instead of a dataset, each a piece
    midi_files: list[str] | None = field(default=None, nargs="+")
    # another preset, trained with other outputs, whose figure is put beside it
    beside: str | None = None

    OWN_FILES = "midi_files"
    OF_DATASETS = (*config.EvaluationConfig.OF_DATASETS, "music_column")


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


def check_tempo(where: str, tempo: float) -> None:
    """Raises a UserError that begins with `where`, unless MIDI has the tempo."""
    try:
        check_time(tempo, 1)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error
