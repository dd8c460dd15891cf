"""Pieces of music to learn from: reading them, and what to choose and report on."""

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np

from tasks.data import builders as data
from tasks.data import dataset_records, file_patterns, splits
from tasks.data.corpus import Corpus, Examples
from tasks.errors import UserError
from tasks.music.midi_files import Grid, read_roll
from zoo import music
from zoo.errors import MidiError


@dataclasses.dataclass(frozen=True)
class Pieces(Examples):
    """Pieces as rolls.

    Attributes:
        rolls: uint8, each (steps, keys), 1 where a key sounds; no piece is empty.
        source: the data set's full name and the split, or the files.
        grid: how long a step lasts, and whether the keys are drums.
        citation: how the data's authors want it cited, BibTeX.
    """

    rolls: tuple[np.ndarray, ...]
    source: str
    grid: Grid
    citation: str = ""

    COLUMNS = ("rolls",)

    @property
    def keys(self) -> int:
        """How many keys a frame has."""
        return self.rolls[0].shape[1]

    @property
    def lengths(self) -> np.ndarray:
        """How many frames each piece has, (n,)."""
        return np.array([len(roll) for roll in self.rolls])

    def describe(self) -> str:
        """Returns where the pieces are from and how much it is, in a line."""
        return f"{self.source}, {len(self):,} pieces, {self.lengths.sum():,} frames"


def read_corpus(builder, train_split: str, column: str | None, grid: Grid) -> Corpus:
    """Reads what to train, choose and report on.

    Which splits these are, see `tasks.data.splits.choose`.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        column: see `choose_column`.
        grid: of MIDI, and of rolls of which the dataset doesn't tell it.

    Raises:
        UserError: a split doesn't exist, or has no pieces.
    """
    train = read(builder, train_split, column, grid)
    chosen_on, reported = splits.choose(builder, train_split)
    if chosen_on:
        validation = read(builder, chosen_on, column, grid)
    else:
        train, validation = splits.hold_out(train)
    tests = tuple(read(builder, split, column, grid) for split in reported)
    record = {
        "dataset": data.name(builder),
        "music_column": choose_column(builder, column),
        "train": train.source,
        "chosen_on": validation.source,
        "test_splits": reported,
    }
    return _corpus(train, validation, tests, dataset_records.together([record]))


def corpus_of_files(patterns: str | Sequence[str], grid: Grid) -> Corpus:
    """Reads MIDI files, to train on but for a tenth; there is nothing to report on.

    Args:
        patterns: see `read_files`.
        grid: see there.

    Raises:
        UserError: as `read_files`, or a single file is all there is.
    """
    train, validation = splits.hold_out(read_files(patterns, grid))
    record = {
        "train": train.source,
        "chosen_on": validation.source,
        "test_splits": [],
    }
    return _corpus(train, validation, (), record)


def _corpus(train, validation, tests, record):
    grid = {"step": float(train.grid.step), "drums": train.grid.drums}
    if not train.grid.drums:
        grid["lowest"] = train.grid.lowest
    return Corpus(train, (validation,), tests, record | grid)


def read(builder, split: str, column: str | None, grid: Grid) -> Pieces:
    """Reads the pieces of a split, rolls or MIDI.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        column: see `choose_column`.
        grid: of MIDI, and of rolls of which the dataset doesn't tell it.

    Raises:
        UserError: there is no such split, or it has no pieces.
    """
    column = choose_column(builder, column)
    source = f"{builder.info.full_name}/{split}"
    values = [value for (value,) in data.read_sequences(builder, split, [column])]
    if data.is_text(data.columns(builder)[column]):
        rolls = [_midi_roll(value, grid) for value in values]
    else:
        rolls = [(roll > 0).astype(np.uint8) for roll in values]
        config = builder.builder_config
        step = getattr(config, "step", None) or grid.step
        grid = Grid(step, False, getattr(config, "lowest", grid.lowest))
    rolls = tuple(roll for roll in rolls if len(roll))
    if not rolls:
        raise UserError(f"{source} holds no music: its {column!r} has no notes.")
    return Pieces(rolls, source, grid, (builder.info.citation or "").strip())


def _midi_roll(content, grid):
    """Returns a dataset's MIDI as a roll, of what has a place in it."""
    try:
        return music.read_midi(
            content,
            steps_per_quarter=grid.steps_per_quarter,
            lowest=grid.lowest,
            keys=grid.keys,
            drums=grid.drums,
            outside="drop" if grid.drums else "shift",
        ).roll
    except MidiError:
        return np.zeros((0, grid.keys), np.uint8)  # no notes: no piece


def choose_column(builder, chosen: str | None) -> str:
    """Returns the path of a dataset's feature that holds the music.

    Args:
        builder: a TFDS builder.
        chosen: what the user chose, if anything.

    Raises:
        UserError: there is none, or there are several.
    """
    fits = _is_roll, data.is_text
    return data.choose_column(builder, "music", chosen, *fits, usual=("roll", "midi"))


def _is_roll(feature):
    return len(feature.shape or ()) == 2 and np.issubdtype(feature.np_dtype, np.number)


def read_files(patterns: str | Sequence[str], grid: Grid) -> Pieces:
    """Reads MIDI files, each a piece.

    What can't be read is told on stderr and left out.

    Args:
        patterns: their names, or patterns of them: see
            `tasks.data.file_patterns.expand`.
        grid: what steps to read them in, and whether their drums.

    Raises:
        UserError: there is no such file, or no music in any.
    """
    paths = file_patterns.expand(patterns, "--midi-files")
    rolls = []
    for path in paths:
        try:
            outside = "drop" if grid.drums else "shift"
            rolls.append(read_roll(path, grid.keys, grid, outside).roll)
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not rolls:
        listed = file_patterns.listed(patterns)
        raise UserError(f"No file of --midi-files {listed} can be learnt from.")
    return Pieces(tuple(rolls), file_patterns.names(paths), grid)
