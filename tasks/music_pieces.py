"""Pieces of music to learn from: reading them, and batches of them."""

import dataclasses
import glob
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tasks import data, splits
from tasks.bucketing import BucketedBatches
from tasks.errors import UserError
from tasks.music_files import Grid, read_roll
from zoo import music
from zoo.errors import MidiError


@dataclasses.dataclass(frozen=True)
class Pieces:
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

    def __len__(self) -> int:
        return len(self.rolls)

    @property
    def keys(self) -> int:
        """How many keys a frame has."""
        return self.rolls[0].shape[1]

    @property
    def lengths(self) -> np.ndarray:
        """How many frames each piece has, (n,)."""
        return np.array([len(roll) for roll in self.rolls])

    def take(self, places: Sequence[int], source: str) -> "Pieces":
        """Returns the pieces at some places, as another source."""
        rolls = tuple(self.rolls[place] for place in places)
        return dataclasses.replace(self, rolls=rolls, source=source)

    def describe(self) -> str:
        """Returns where the pieces are from and how much it is, in a line."""
        return f"{self.source}, {len(self):,} pieces, {self.lengths.sum():,} frames"


@dataclasses.dataclass(frozen=True)
class Collection:
    """What a music model is trained, chosen and measured on.

    Attributes:
        train: to train on.
        validation: to choose on; never a part of `test`.
        test: to report on; None where there is nothing left for it.
        record: what a preset remembers of its training's data.
    """

    train: Pieces
    validation: Pieces
    test: Pieces | None
    record: dict

    def describe(self) -> str:
        """Returns what was chosen, a line each."""
        return "\n".join(
            [
                f"train       {self.train.describe()}",
                f"validation  {self.validation.describe()}",
                f"test        {self.test.describe() if self.test else 'none'}",
            ]
        )


def read_collection(
    builder, train_split: str, column: str | None, grid: Grid
) -> Collection:
    """Reads what to train, choose and report on.

    Where a dataset has no split named validation, a tenth of the training pieces is
    to choose on.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        column: see `choose_column`.
        grid: of MIDI, and of rolls whose step the dataset doesn't tell.

    Raises:
        UserError: a split doesn't exist, or has no pieces.
    """
    train = read(builder, train_split, column, grid)
    others = [name for name in builder.info.splits if name not in train_split]
    test = read(builder, "test", column, grid) if "test" in others else None
    if "validation" in others:
        validation = read(builder, "validation", column, grid)
    else:
        train, validation = splits.hold_out(train)
    record = {
        "dataset": data.name(builder),
        "music_column": choose_column(builder, column),
        "train": train.source,
        "chosen_on": validation.source,
        "test_splits": ["test"] if test else [],
    }
    return _collection(train, validation, test, record)


def collection_of_files(pattern: str, grid: Grid) -> Collection:
    """Reads MIDI files, to train on but for a tenth; there is nothing to report on.

    Args:
        pattern: see `read_files`.
        grid: see there.

    Raises:
        UserError: as `read_files`, or a single file is all there is.
    """
    pieces = read_files(pattern, grid)
    if len(pieces) < 2:
        raise UserError(
            f"--midi-files {pattern!r} is one piece. There must be two at least: one "
            "to train on, one to choose the best epoch on."
        )
    train, validation = splits.hold_out(pieces)
    record = {
        "dataset": pattern,
        "train": train.source,
        "chosen_on": validation.source,
        "test_splits": [],
    }
    return _collection(train, validation, None, record)


def _collection(train, validation, test, record):
    grid = {"step": float(train.grid.step), "drums": train.grid.drums}
    return Collection(train, validation, test, record | grid)


def read(builder, split: str, column: str | None, grid: Grid) -> Pieces:
    """Reads the pieces of a split, rolls or MIDI.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        column: see `choose_column`.
        grid: of MIDI, and of rolls whose step the dataset doesn't tell.

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
        step = getattr(builder.builder_config, "step", None) or grid.step
        grid = Grid(step, drums=False)
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
            keys=grid.keys,
            drums=grid.drums,
            outside="drop" if grid.drums else "shift",
        ).roll
    except ImportError as error:
        raise UserError(str(error)) from error
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


def read_files(pattern: str, grid: Grid) -> Pieces:
    """Reads MIDI files, each a piece, in the order of their names.

    What can't be read is told on stderr and left out.

    Args:
        pattern: their names, with wildcards: `songs/**/*.mid`.
        grid: what steps to read them in, and whether their drums.

    Raises:
        UserError: there is no such file, or no music in any.
    """
    found = glob.glob(str(Path(pattern).expanduser()), recursive=True)
    paths = [path for path in map(Path, sorted(found)) if path.is_file()]
    if not paths:
        raise UserError(f"No file fits --midi-files {pattern!r}.")
    rolls = []
    for path in paths:
        try:
            outside = "drop" if grid.drums else "shift"
            rolls.append(read_roll(path, grid.keys, grid, outside).roll)
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not rolls:
        raise UserError(f"No file of --midi-files {pattern!r} can be learnt from.")
    return Pieces(tuple(rolls), pattern, grid)


class PieceBatches:
    """Pieces as padded batches, by length, in keys that change from epoch to epoch.

    Each piece is moved up or down by a number of semitones that is drawn anew in each
    epoch, among those that leave all its notes on the keys. Order and keys are a
    function of (seed, epoch) alone: see `tasks.bucketing.BucketedBatches`.

    Args:
        pieces: the pieces.
        batch_size: pieces a batch.
        buckets: how many padded lengths there may be.
        transpose: the most semitones that a piece is moved by.
        seed: of order and keys; None for no shuffling.
        transposed_epochs: how many epochs pieces are moved in, the first ones; None
            for all.
    """

    def __init__(
        self,
        pieces,
        batch_size,
        buckets=8,
        transpose=0,
        seed=None,
        transposed_epochs=None,
    ):
        silence = np.zeros((1, pieces.keys), np.uint8)
        self._frames = np.concatenate([silence, *pieces.rolls])
        # A piece is the places of its frames; 0, as a bucket pads, is silence.
        places = tf.RaggedTensor.from_row_lengths(
            tf.range(1, len(self._frames)), pieces.lengths
        )
        numbers = tf.range(len(pieces))
        self._buckets = BucketedBatches(places, numbers, batch_size, buckets, seed)
        self._moves = _moves(pieces.rolls, transpose)
        every = tf.int32.max
        self._moved_until = every if transposed_epochs is None else transposed_epochs
        self._seed = (seed or 0) % 2**31
        self._epoch = tf.Variable(0, trainable=False)

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self._buckets)

    @property
    def order(self) -> np.ndarray:
        """The pieces' places in the order of unshuffled batches, int64 (n,)."""
        return self._buckets.order

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, from 0, whose order and keys the next iteration has."""
        self._buckets.set_epoch(epoch)
        self._epoch.assign(epoch)

    def dataset(self) -> tf.data.Dataset:
        """Returns an epoch as dicts: `roll`, uint8 (batch, steps, keys), `lengths`."""
        return self._buckets.dataset().map(self._batch).prefetch(2)

    def _batch(self, places, numbers):
        lengths = tf.math.count_nonzero(places, axis=1, dtype=tf.int32)
        roll = tf.gather(tf.constant(self._frames), places)
        if self._moves.any():
            low, count = tf.unstack(
                tf.gather(tf.constant(self._moves), numbers), axis=1
            )
            seed = tf.stack([self._seed, self._epoch])
            drawn = tf.random.stateless_uniform([len(self._moves)], seed)
            drawn = tf.cast(
                tf.gather(drawn, numbers) * tf.cast(count, tf.float32), "int32"
            )
            moved = tf.where(self._epoch < self._moved_until, low + drawn, 0)
            columns = tf.range(roll.shape[-1]) - moved[:, None]
            # Only silent columns go round.
            columns %= roll.shape[-1]
            roll = tf.gather(roll, columns, axis=2, batch_dims=1)
        return {"roll": roll, "lengths": lengths}


def _moves(rolls, most):
    """Returns for each roll the least it may be moved and how many moves it has."""
    moves = []
    for roll in rolls:
        fitting = music.transpositions(roll)
        low, high = max(fitting[0], -most), min(fitting[-1], most)
        moves.append((low, high - low + 1))
    moves = np.array(moves, np.int32)
    return moves if most else np.zeros_like(moves)


def measure(model, pieces: Pieces, batch_size: int) -> dict:
    """Measures what every frame of pieces costs, given those before it.

    Args:
        model: a `zoo.models.MusicModel`.
        pieces: the pieces.
        batch_size: how many at a time; changes the time, not the result.

    Returns:
        `pieces` and `frames`, their numbers; `nats_per_frame`, the published metric:
        -log P of all frames but each piece's first, by their number; and
        `nats_per_frame_with_endings`: of all frames and the pieces' ends, by theirs.
    """
    batches = PieceBatches(pieces, batch_size)
    published, whole = [], []
    for batch in batches.dataset():
        scores = model.score(batch["roll"], batch["lengths"])
        published.append(scores["published_nats_per_frame"].numpy())
        whole.append(scores["nats_per_frame"].numpy())
    lengths = pieces.lengths[batches.order].astype(np.float64)
    predicted = lengths - 1
    return {
        "pieces": len(pieces),
        "frames": int(lengths.sum()),
        "nats_per_frame": float(
            np.concatenate(published) @ predicted / max(1, predicted.sum())
        ),
        "nats_per_frame_with_endings": float(
            np.concatenate(whole) @ lengths / lengths.sum()
        ),
    }
