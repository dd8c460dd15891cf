"""Rolls are taken apart into notes, and move by semitones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoo.music.rolls import melody, rolls
from zoo import music

few = settings(max_examples=40, deadline=None)


def test_equal_neighbours_are_one_note():
    roll = melody(60, 60, 62, None, 62)
    roll[1:3, 0] = 1
    assert music.notes(roll) == [(39, 0, 2), (0, 1, 3), (41, 2, 3), (41, 4, 5)]


def test_each_step_can_be_a_note():
    roll = melody(60, 60, None, 62)
    assert music.notes(roll, tie=False) == [(39, 0, 1), (39, 1, 2), (41, 3, 4)]


@few
@given(rolls(keys=5), st.booleans())
def test_notes_cover_what_sounds_once(roll, tie):
    covered = np.zeros(roll.shape, int)
    for note in music.notes(roll, tie):
        covered[note.start : note.end, note.column] += 1
    np.testing.assert_array_equal(covered, roll)


def test_neither_silence_nor_nothing_has_notes():
    assert music.notes(np.zeros((3, 88))) == []
    assert music.notes(np.zeros((0, 88))) == []


@pytest.mark.parametrize(
    ("roll", "message"),
    [
        (np.zeros((2, 3, 88)), r"Found the shape \(2, 3, 88\). Take one piece"),
        (np.zeros(88), r"Found the shape \(88,\)"),
        ([[0, 0], [0, 80]], "Found 80 at step 1, column 1. Compare velocities"),
        ([[0.5, 0]], "Found 0.5 at step 0, column 0"),
        ([[0, np.nan]], "Found nan"),
    ],
)
def test_what_is_no_roll_is_refused(roll, message):
    with pytest.raises(ValueError, match=message):
        music.notes(roll)


@few
@given(rolls(keys=7), st.data())
def test_moves_add_up_and_can_be_undone(roll, data):
    first = data.draw(st.sampled_from(music.transpositions(roll)))
    moved = music.transpose(roll, first)
    second = data.draw(st.sampled_from(music.transpositions(moved)))
    twice = music.transpose(moved, second)
    np.testing.assert_array_equal(twice, music.transpose(roll, first + second))
    np.testing.assert_array_equal(music.transpose(moved, -first), roll)
    assert moved.sum() == roll.sum()
    assert moved.dtype == roll.dtype


@few
@given(rolls(keys=7))
def test_every_move_that_fits_is_offered_and_no_other(roll):
    columns = np.nonzero(roll)[1]
    fitting = [
        by for by in range(-20, 21) if all(0 <= column + by < 7 for column in columns)
    ]
    assert list(music.transpositions(roll)) == fitting


def test_moved_roll_sounds_higher():
    assert music.spell(music.transpose(melody(60, 64), 3)) == ["Eb4", "G4"]


def test_pieces_of_a_batch_move_together():
    batch = np.stack([melody(60, 21), melody(100, 80)])
    assert music.transpositions(batch) == range(0, 9)
    np.testing.assert_array_equal(
        music.transpose(batch, 8), np.stack([melody(68, 29), melody(108, 88)])
    )


def test_move_that_loses_notes_is_refused():
    with pytest.raises(ValueError, match=r"by \+9 semitones.* by -39 to \+8"):
        music.transpose(melody(60, 100), 9)
    with pytest.raises(ValueError, match="by -40 semitones"):
        music.transpose(melody(60, 100), -40)


def test_silence_moves_anywhere():
    silent = np.zeros((4, 3))
    assert music.transpositions(silent) == range(-2, 3)
    np.testing.assert_array_equal(music.transpose(silent, 2), silent)
