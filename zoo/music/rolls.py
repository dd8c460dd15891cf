"""Piano rolls as arrays.

A roll has a row for each time step and a column for each key, (steps, keys), and is 1
where a key sounds, else 0, in any dtype. It doesn't tell a note that goes on from one
that is struck again.
"""

from typing import NamedTuple

import numpy as np

from zoo.music.keys import LOWEST, check_range, key_name


class Note(NamedTuple):
    """A note: its column, the step it begins at, and the one it has ended at."""

    column: int
    start: int
    end: int


def sounding(roll: np.ndarray) -> np.ndarray:
    """Returns where a roll sounds, bool (steps, keys).

    Args:
        roll: (steps, keys), 0 or 1, of any dtype.

    Raises:
        ValueError: it has another shape or other values.
    """
    roll = np.asarray(roll)
    if roll.ndim != 2:
        raise ValueError(
            "A piano roll has the shape (steps, keys). Found the shape "
            f"{roll.shape}. Take one piece of a batch, without its padding."
        )
    sounds = roll == 1
    strange = ~(sounds | (roll == 0))
    if strange.any():
        step, column = np.argwhere(strange)[0]
        raise ValueError(
            f"A piano roll holds 0 and 1. Found {roll[step, column]} at step {step}, "
            f"column {column}. Compare velocities with 0, draw from probabilities."
        )
    return sounds


def notes(roll: np.ndarray, tie: bool = True) -> list[Note]:
    """Returns the notes of a roll, by their start and then from the lowest up.

    Args:
        roll: (steps, keys), 0 or 1.
        tie: equal neighbours are one note, held. If not, each step is struck.

    Raises:
        ValueError: it isn't a roll.
    """
    sounds = sounding(roll)
    if tie:
        edges = np.diff(np.pad(sounds.T, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        columns, starts = np.nonzero(edges == 1)
        _, ends = np.nonzero(edges == -1)
    else:
        starts, columns = np.nonzero(sounds)
        ends = starts + 1
    order = np.lexsort((columns, starts))
    values = np.stack([columns, starts, ends], axis=1)[order]
    return [Note(*map(int, value)) for value in values]


def spell(roll: np.ndarray, lowest: int = LOWEST) -> list[str]:
    """Returns the notes of each step by name, "C4 E4 G4", "" where it is silent.

    Args:
        roll: (steps, keys), 0 or 1, of any dtype.
        lowest: the MIDI number of the first key.

    Raises:
        ValueError: the roll has another shape or other values, or MIDI lacks a key.
    """
    sounds = sounding(roll)
    check_range(lowest, sounds.shape[1])
    return [
        " ".join(key_name(lowest + int(column)) for column in np.flatnonzero(row))
        for row in sounds
    ]


def transpositions(roll: np.ndarray) -> range:
    """Returns all numbers of semitones by which a roll can move and stay on its keys.

    0 is always one of them. A silent roll moves by fewer than there are keys.

    Args:
        roll: (..., keys), 0 where silent: a piece, or several.
    """
    roll = np.asarray(roll)
    columns = np.flatnonzero(roll.any(axis=tuple(range(roll.ndim - 1))))
    keys = roll.shape[-1]
    low, high = (columns[0], columns[-1]) if len(columns) else (keys - 1, 0)
    return range(-int(low), keys - int(high))


def transpose(roll: np.ndarray, semitones: int) -> np.ndarray:
    """Returns a roll moved up by some semitones, or down by as many below 0.

    Args:
        roll: (..., keys), 0 where silent: a piece, or several.
        semitones: one of `transpositions(roll)`.

    Raises:
        ValueError: a note would leave the keys.
    """
    roll = np.asarray(roll)
    fitting = transpositions(roll)
    if semitones not in fitting:
        raise ValueError(
            f"Moved by {semitones:+d} semitones, notes would leave the "
            f"{roll.shape[-1]} keys. Move this roll by {fitting[0]:+d} to "
            f"{fitting[-1]:+d}."
        )
    # Only silent columns go round.
    return np.roll(roll, semitones, axis=-1)
