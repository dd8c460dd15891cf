"""Chords have the names of music theory, and figures of pieces are right."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from tests.zoo.music.rolls import melody, rolls
from zoo import music


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("C E G", "C major"),
        ("E G C", "C major"),
        ("G3 E5 C7 C2", "C major"),
        ("A C E", "A minor"),
        ("B D F", "B diminished"),
        ("E G# C", "C augmented"),
        ("G B D F", "G dominant 7th"),
        ("F A C E", "F major 7th"),
        ("D F A C", "D minor 7th"),
        ("B D F A", "B half-diminished 7th"),
        ("B D F Ab", "D diminished 7th"),
        ("F# A# C#", "F# major"),
        ("C D G", "C D G"),
        ("G4 C4", "C G"),
        ("Bb3", "Bb"),
    ],
)
def test_chord_has_its_name(keys, name):
    assert music.chord_name(music.parse_chord(keys)) == name


def test_figures_of_a_small_piece():
    chords = ("C4 E G", "C4 E G", "E3 C5 G", "", "A", "A")
    piece = np.stack([music.frame(chord or []) for chord in chords])
    assert music.statistics([piece]) == {
        "pieces": 1,
        "frames": 6,
        "notes_per_frame": 11 / 6,
        "repeated_frames": 2 / 5,
        "notes_in_key": 1,
        "chords_per_100_frames": 2,
        "common_chords": {"C major": 3 / 5, "A": 2 / 5},
    }


def test_pieces_are_in_keys_of_their_own_and_do_not_run_into_each_other():
    one, other = melody(60, 64, 67), melody(66, 70, 73)
    figures = music.statistics([one, other])
    assert figures["notes_in_key"] == pytest.approx(1)
    assert figures["repeated_frames"] == 0
    assert music.statistics([np.concatenate([one, other])])["notes_in_key"] < 1


@pytest.mark.parametrize(
    ("notes", "share"),
    [
        ("C D E F G A B", 1),  # C major
        ("A B C D E F G#", 1),  # A harmonic minor
        ("C D E F G A B C#5", 7 / 8),
        ("C C# D Eb E F F# G Ab A Bb B", 7 / 12),
    ],
)
def test_share_in_key_is_of_the_scale_that_fits_best(notes, share):
    piece = melody(*music.parse_chord(notes))
    assert music.statistics([piece])["notes_in_key"] == pytest.approx(share)


@settings(max_examples=20, deadline=None)
@given(rolls(keys=30))
def test_figures_do_not_hang_on_the_key(piece):
    figures = [
        {**music.statistics([piece], lowest=lowest), "common_chords": None}
        for lowest in (21, 26, 57)
    ]
    assert figures[0] == figures[1] == figures[2]


def test_chords_are_counted_as_in_100_frames_drawn_at_random():
    counts = [150, 80, 20, 1]  # of frames with each chord
    roll = melody(*np.repeat([60, 62, 64, 65], counts), *[None] * 40)
    random = np.random.default_rng(0)
    drawn = random.multivariate_hypergeometric(counts, 100, size=20_000)
    found = music.statistics([roll])["chords_per_100_frames"]
    assert found == pytest.approx((drawn > 0).sum(axis=1).mean(), abs=0.02)


def test_ten_chords_are_told_the_most_frequent_first():
    roll = melody(*range(60, 72), 71, 71, 70)
    common = music.statistics([roll])["common_chords"]
    assert len(common) == 10
    assert list(common)[:2] == ["B", "Bb"]
    assert common["B"] == pytest.approx(3 / 15)


@pytest.mark.parametrize("pieces", [[], [np.zeros((0, 88))], [np.zeros((3, 88))]])
def test_silence_has_figures(pieces):
    figures = music.statistics(pieces)
    assert figures["notes_per_frame"] == figures["notes_in_key"] == 0
    assert figures["common_chords"] == {}
    assert figures["chords_per_100_frames"] == 0


def test_figures_can_be_written_as_json():
    figures = music.statistics([melody(60, 64, None)])
    assert json.loads(json.dumps(figures)) == figures


def test_what_is_no_roll_is_refused():
    with pytest.raises(ValueError, match="shape"):
        music.statistics(np.zeros((2, 3, 4, 88)))
    with pytest.raises(ValueError, match="found 88 keys from 100"):
        music.statistics([melody(60)], lowest=100)
