"""Pieces of music: what is read."""

import numpy as np
import pytest

from tasks.data import builders as data
from tasks.errors import UserError
from tasks.music import corpus as music_pieces
from tasks.music.midi_files import Grid
from zoo import music


def write(path, *keys, steps=8):
    roll = np.zeros((steps, music.KEYS), np.uint8)
    for step in range(steps):
        roll[step, keys[step % len(keys)] - music.LOWEST] = 1
    music.write_midi(roll, path, steps_per_quarter=4)
    return roll


def test_midi_files_are_read_and_what_is_none_is_told(tmp_path, capsys):
    pytest.importorskip("pretty_midi")
    (tmp_path / "b").mkdir()
    rolls = [write(tmp_path / "a.mid", 60, 64), write(tmp_path / "b" / "c.mid", 70)]
    (tmp_path / "b" / "bad.mid").write_bytes(b"no music")
    found = music_pieces.read_files(str(tmp_path / "**" / "*.mid"), Grid(0.25))
    assert len(found) == 2
    for given, roll in zip(rolls, found.rolls, strict=True):
        np.testing.assert_array_equal(roll, given)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("left out:")
    assert "bad.mid" in line
    corpus = music_pieces.corpus_of_files(str(tmp_path / "**" / "*.mid"), Grid(0.25))
    assert (len(corpus.train), len(corpus.validation)) == (1, 1)
    assert corpus.tests == ()
    assert corpus.record["step"] == 0.25
    with pytest.raises(UserError, match="holds a single example"):
        music_pieces.corpus_of_files(str(tmp_path / "a.mid"), Grid(0.25))
    with pytest.raises(UserError, match="can be learnt from"):
        music_pieces.read_files(str(tmp_path / "b" / "bad.mid"), Grid(0.25))
    with pytest.raises(UserError, match="No file fits"):
        music_pieces.read_files(str(tmp_path / "*.wav"), Grid(0.25))


def test_scales_are_read_with_their_splits(data_dir):
    builder = data.load_builder("synthetic/scales", data_dir)
    found = music_pieces.read_corpus(builder, "train[:5%]", None, Grid(0.5))
    assert found.train.source == "synthetic/scales/1.0.0/train[:5%]"
    [test] = found.tests
    assert (len(found.train), len(found.validation), len(test)) == (50, 200, 200)
    assert found.record["music_column"] == "roll"
    assert found.record["step"] == 0.5
    assert found.train.keys == 88
    assert found.train.rolls[0].dtype == np.uint8


@pytest.mark.real_data("groove")
def test_drums_are_read_from_a_datasets_midi():
    pytest.importorskip("pretty_midi")
    builder = data.load_builder("groove/full-midionly")
    found = music_pieces.read(builder, "test[:10]", None, Grid(0.25, drums=True))
    assert found.keys == len(music.DRUMS)
    [[content]] = data.read(builder, "test[:1]", ["midi"])
    expected = music.read_midi(content, steps_per_quarter=4, drums=True, outside="drop")
    np.testing.assert_array_equal(found.rolls[0], expected.roll)


@pytest.mark.real_data(raw=["poly_music"])
def test_the_step_and_the_lowest_key_are_the_datasets_own(tmp_path):
    builder = data.load_builder("poly_music/jsb_chorales", tmp_path)
    found = music_pieces.read(builder, "validation", None, Grid(0.25))
    assert found.grid == Grid(1.0, lowest=9)
    # Where it is sung: a soprano.
    tops = [row.nonzero()[0].max() for roll in found.rolls for row in roll if row.any()]
    assert 67 <= found.grid.lowest + np.median(tops) <= 73
    assert (len(found), found.keys) == (76, 88)
    assert "Boulanger" in found.citation


def test_a_dataset_without_music_is_told(data_dir):
    builder = data.load_builder("synthetic/stars", data_dir)
    with pytest.raises(UserError, match="test holds no music"):
        music_pieces.read(builder, "test", None, Grid())
    with pytest.raises(UserError, match="Unknown column 'midi'"):
        music_pieces.read(builder, "test", "midi", Grid())
