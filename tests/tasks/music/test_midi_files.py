"""Users' MIDI files become rolls on a model's grid, or say why they don't."""

import json
import re
import sys

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.music.midi_files import (
    Grid,
    bars_end,
    grid_of,
    knows_one_key,
    read_roll,
    write_piece,
)
from tests.zoo.music.rolls import melody
from zoo import music

pytest.importorskip("pretty_midi")

from tests.zoo.music.midi_files import midi_bytes, note, tempo


@pytest.mark.parametrize("step", [1, 0.5, 1 / 3, 0.333333, 0.25, 1 / 12])
def test_roll_of_a_file_is_on_the_grid(tmp_path, step):
    steps_per_quarter = round(1 / step)
    roll = melody(60, 64, None, 67, 67)
    path = tmp_path / "song.mid"
    music.write_midi(roll, path, tempo=90, steps_per_quarter=steps_per_quarter)
    found = read_roll(path, 88, Grid(step))
    np.testing.assert_array_equal(found.roll, roll)
    assert found.roll.dtype == np.uint8
    assert found.tempo == pytest.approx(90, rel=1e-3)
    assert found.steps_per_quarter == steps_per_quarter


def test_drums_are_read_as_drums(tmp_path):
    roll = np.eye(9, dtype=np.uint8)
    path = tmp_path / "groove.mid"
    music.write_midi(roll, path, drums=True)
    np.testing.assert_array_equal(read_roll(path, 9, Grid(drums=True)).roll, roll)


@pytest.mark.parametrize("step", [0, -0.5, 2, 0.3, 0.4, float("nan"), 1 / 1000])
def test_grid_that_no_quarter_note_fits_is_told(step):
    with pytest.raises(UserError, match=f"Found {step}"):
        Grid(step)


@pytest.mark.parametrize(
    ("metrics", "grid"),
    [
        ({}, Grid(0.25, drums=False)),
        ({"training": {"dataset": "x"}}, Grid(0.25, drums=False)),
        ({"training": {"step": 1}}, Grid(1, drums=False)),
        ({"training": {"step": 0.5, "drums": True}}, Grid(0.5, drums=True)),
        ({"training": {"step": 1, "lowest": 33}}, Grid(1, lowest=33)),
        # Presets from before the lowest key was recorded.
        (
            {"training": {"step": 1, "dataset": "poly_music/jsb_chorales:1.0.0"}},
            Grid(1, lowest=9),
        ),
        (
            {"training": {"step": 0.5, "dataset": "poly_music/nottingham:1.0.0"}},
            Grid(0.5, lowest=21),
        ),
    ],
)
def test_grid_is_that_of_the_training(tmp_path, metrics, grid):
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert grid_of(tmp_path) == grid


AS_IT_IS, MOVED = {"command": "train"}, {"command": "train --transpose 5 --epochs 2"}


@pytest.mark.parametrize(
    ("training", "knows"),
    [
        ({}, False),
        (AS_IT_IS, True),
        (MOVED, False),
        (AS_IT_IS | {"began_with": [AS_IT_IS, AS_IT_IS]}, True),
        (AS_IT_IS | {"began_with": [AS_IT_IS, MOVED]}, False),
        (AS_IT_IS | {"began_with": [AS_IT_IS, {"preset": "x"}]}, False),
        # As older records have it.
        (AS_IT_IS | {"began_with": "x", "its_command": "train"}, True),
        (AS_IT_IS | {"began_with": "x", "its_command": MOVED["command"]}, False),
    ],
)
def test_a_model_knows_one_key_if_nothing_that_made_it_moved_pieces(
    tmp_path, training, knows
):
    (tmp_path / "metrics.json").write_text(json.dumps({"training": training}))
    assert knows_one_key(tmp_path) == knows


def test_notes_outside_the_keys_are_shifted_and_told(tmp_path, capsys):
    path = tmp_path / "wide.mid"
    path.write_bytes(midi_bytes([*note(20, 100), *note(20, 100), *note(127, 100)]))
    found = read_roll(path, 88, Grid(1))
    np.testing.assert_array_equal(found.roll, melody(32, 32, 103))
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {path}: 3 notes are not on the keys A0 to C8")
    assert line.endswith("2 × Ab0, 1 × G9: shifted by octaves.")


def test_notes_outside_the_keys_are_dropped_or_refused(tmp_path, capsys):
    path = tmp_path / "wide.mid"
    path.write_bytes(midi_bytes([*note(60, 100), *note(109, 100)]))
    found = read_roll(path, 88, Grid(1), outside="drop")
    np.testing.assert_array_equal(found.roll, melody(60))
    assert "1 × C#8: left out." in capsys.readouterr().err
    with pytest.raises(UserError, match=r"1 note is not on the keys .* 1 × C#8\. Take"):
        read_roll(path, 88, Grid(1), outside="refuse")


def test_keys_without_an_octave_refuse_what_is_outside(tmp_path):
    path = tmp_path / "wide.mid"
    path.write_bytes(midi_bytes([*note(21, 9), *note(60, 9), *note(61, 9)]))
    with pytest.raises(UserError, match="2 notes are not on the keys A0 to Eb1"):
        read_roll(path, 7, Grid(1))


def test_percussion_that_is_no_drum_of_the_model_is_refused(tmp_path, capsys):
    path = tmp_path / "drums.mid"
    path.write_bytes(midi_bytes([*note(36, 9, channel=9), *note(56, 9, channel=9)]))
    with pytest.raises(UserError, match=r"1 note is none of the drums .* Cowbell"):
        read_roll(path, 9, Grid(drums=True))
    found = read_roll(path, 9, Grid(drums=True), outside="drop")
    assert found.roll.tolist() == [[1] + 8 * [0]]
    assert "Cowbell: left out." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"RIFF", "is no MIDI file"),
        (midi_bytes([*note(60, 100)])[:-9], "is a damaged or unfinished MIDI file"),
        (midi_bytes([tempo(60)]), "has no notes"),
        (midi_bytes(note(36, 9, channel=9)), "has no notes but for drums"),
    ],
)
def test_file_that_is_no_piece_is_told(tmp_path, content, told):
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    with pytest.raises(UserError, match=told) as caught:
        read_roll(path, 88, Grid())
    assert str(caught.value).startswith(str(path))


def test_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UserError, match=r"none\.mid can't be read: No such file"):
        read_roll(tmp_path / "none.mid", 88, Grid())
    with pytest.raises(UserError, match="can't be read: Is a directory"):
        read_roll(tmp_path, 88, Grid())


def test_reading_needs_no_library(tmp_path, monkeypatch):
    path = tmp_path / "song.mid"
    music.write_midi(melody(60), path)
    for library in ("pretty_midi", "mido"):
        monkeypatch.setitem(sys.modules, library, None)
    np.testing.assert_array_equal(read_roll(path, 88, Grid()).roll, melody(60))


@pytest.mark.parametrize(
    ("grid", "bars", "lengths", "steps"),
    [
        (Grid(0.5), 1, [(0, 4)], 8),
        (Grid(0.5), 2, [(0, 3)], 12),
        (Grid(0.5), 2, [(0, 4)], 16),  # of which the roll has 13
        (Grid(1 / 3), 2, [(0, 1.5)], 9),
        (Grid(1), 2, [(0, 1.5)], 3),
        (Grid(0.5), 1, [(0, 1), (1, 3)], 2),  # an upbeat, then a waltz
        (Grid(0.5), 2, [(0, 1), (1, 3)], 8),
        (Grid(0.5), 3, [(0, 1), (1, 3), (4, 2)], 12),
    ],
)
def test_first_bars_end_with_a_bar(grid, bars, lengths, steps):
    assert bars_end("song.mid", 13, grid, bars, lengths) == steps


@pytest.mark.parametrize(
    ("bars", "lengths", "told"),
    [
        (
            3,
            [(0, 4)],
            "--bars 3 is more than song.mid has: 2, of 4 quarter notes each.",
        ),
        (10**9, [(0, 4)], "is more than song.mid has: 2, of 4 quarter notes each."),
        (9, [(0, 1), (1, 3)], "song.mid has: 4, as its time signatures say."),
        (1, [(0, 0.75)], "--bars 1, of 0.75 quarter notes each, would end within"),
    ],
)
def test_bars_that_are_not_there_are_told(bars, lengths, told):
    with pytest.raises(UserError, match=re.escape(told)):
        bars_end("song.mid", 16, Grid(0.5), bars, lengths)


@pytest.mark.parametrize("steps", [0, 3])
def test_silent_pieces_are_written(tmp_path, capsys, steps):
    roll = np.zeros((steps, 88))
    write_piece(roll, tmp_path / "op.1", Grid(1), tempo=60)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["op.1.mid", "op.1.png", "op.1.wav"]
    assert f"{steps} time steps, {steps}.0 s" in capsys.readouterr().out
