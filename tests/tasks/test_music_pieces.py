"""Pieces of music: what is read, how it is batched and moved, what it costs."""

import numpy as np
import pytest

from tasks import data, music_pieces
from tasks.errors import UserError
from tasks.music_files import Grid
from tasks.music_pieces import PieceBatches, Pieces
from zoo import music
from zoo.models import MusicModel


def pieces(lengths, keys=12, seed=0):
    """Pieces whose every frame tells whose it is and which: by its notes' columns."""
    random = np.random.default_rng(seed)
    rolls = []
    for length in lengths:
        roll = (random.random((length, keys)) < 0.3).astype(np.uint8)
        roll[:, [0, -1]] = 0  # room to move
        roll[0, keys // 2] = 1
        rolls.append(roll)
    return Pieces(tuple(rolls), "made up", Grid())


def epoch(batches, number=0):
    """Returns an epoch's pieces, without their padding."""
    batches.set_epoch(number)
    found = []
    for batch in batches.dataset().as_numpy_iterator():
        for roll, length in zip(batch["roll"], batch["lengths"], strict=True):
            assert not roll[length:].any()
            found.append(roll[:length])
    return found


def test_every_piece_comes_once_as_it_is():
    given = pieces([3, 9, 1, 5, 5, 20])
    batches = PieceBatches(given, batch_size=2, buckets=3)
    found = epoch(batches)
    assert len(batches) == len(list(batches.dataset()))
    for place, roll in zip(batches.order, found, strict=True):
        np.testing.assert_array_equal(roll, given.rolls[place])


def test_silent_frames_are_frames():
    silent = Pieces((np.zeros((4, 5), np.uint8),), "silence", Grid())
    [found] = epoch(PieceBatches(silent, 1))
    assert found.shape == (4, 5)


def test_pieces_move_as_wholes_to_other_keys_each_epoch():
    given = pieces([6] * 30, keys=30)
    batches = PieceBatches(given, 4, buckets=1, transpose=3, seed=1)
    fitting = {
        moved.tobytes(): (place, semitones)
        for place, roll in enumerate(given.rolls)
        for semitones in music.transpositions(roll)
        if abs(semitones) <= 3
        for moved in [music.transpose(roll, semitones)]
    }
    moves = []
    for number in range(8):
        found = dict(fitting[roll.tobytes()] for roll in epoch(batches, number))
        assert sorted(found) == list(range(30))
        moves.append([found[place] for place in range(30)])
    assert len({tuple(each) for each in moves}) == 8
    drawn = np.ravel(moves)
    # The columns at the ends are empty, so that each piece can move somewhere.
    assert set(drawn) == {semitones for _, semitones in fitting.values()}


def test_the_moves_are_drawn_evenly():
    roll = np.zeros((2, 41), np.uint8)
    roll[:, 20] = 1
    given = Pieces((roll,) * 200, "one note", Grid())
    batches = PieceBatches(given, 50, transpose=2, seed=5)
    columns = [
        roll[0].argmax() for number in range(10) for roll in epoch(batches, number)
    ]
    counts = np.bincount(columns, minlength=41)
    assert counts.sum() == counts[18:23].sum() == 2000
    # Each of 5 moves in 400 of 2000 draws, with a deviation of 18.
    assert np.abs(counts[18:23] - 400).max() < 90


def test_an_epoch_can_be_had_again():
    given = pieces([3, 9, 1, 5, 5, 20], keys=40)
    first, again, other = (
        [roll.tobytes() for roll in epoch(PieceBatches(given, 2, 2, 5, seed), 3)]
        for seed in (7, 7, 8)
    )
    assert first == again != other


def test_last_epochs_are_in_the_keys_of_the_pieces():
    given = pieces([6] * 9, keys=30)
    batches = PieceBatches(given, 4, transpose=3, seed=1, transposed_epochs=2)
    always = PieceBatches(given, 4, transpose=3, seed=1)
    own = {roll.tobytes() for roll in given.rolls}
    for number in range(4):
        found = [roll.tobytes() for roll in epoch(batches, number)]
        if number < 2:
            assert found == [roll.tobytes() for roll in epoch(always, number)]
            assert set(found) != own
        else:
            assert set(found) == own


def test_validation_is_not_moved():
    given = pieces([6] * 9, keys=30)
    found = epoch(PieceBatches(given, 4), 5)
    assert {roll.tobytes() for roll in found} == {r.tobytes() for r in given.rolls}


def test_a_measure_is_over_frames_whatever_the_batches():
    given = pieces([3, 9, 1, 5, 12], keys=6)
    model = MusicModel(6, units=4, output_units=3, ending="halt", name="music")
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    costs, frames, wholes = 0.0, 0, 0.0
    for roll in given.rolls:
        scores = model.score(roll[None])
        costs += float(scores["published_nats_per_frame"][0]) * (len(roll) - 1)
        frames += len(roll) - 1
        wholes += float(scores["nats_per_frame"][0]) * len(roll)
    for size in (1, 2, 5):
        figures = music_pieces.measure(model, given, size)
        assert (figures["pieces"], figures["frames"]) == (5, 30)
        assert figures["nats_per_frame"] == pytest.approx(costs / frames, rel=1e-5)
        whole = figures["nats_per_frame_with_endings"]
        assert whole == pytest.approx(wholes / 30, rel=1e-5)
    # What `fit` chooses by is the same figure.
    model.compile("sgd")
    chosen = model.evaluate(
        PieceBatches(given, 2).dataset(), return_dict=True, verbose=0
    )
    assert chosen["nats"] == pytest.approx(costs / frames, rel=1e-5)


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
    collection = music_pieces.collection_of_files(
        str(tmp_path / "**" / "*.mid"), Grid(0.25)
    )
    assert (len(collection.train), len(collection.validation)) == (1, 1)
    assert collection.test is None
    assert collection.record["step"] == 0.25
    with pytest.raises(UserError, match="is one piece"):
        music_pieces.collection_of_files(str(tmp_path / "a.mid"), Grid(0.25))
    with pytest.raises(UserError, match="can be learnt from"):
        music_pieces.read_files(str(tmp_path / "b" / "bad.mid"), Grid(0.25))
    with pytest.raises(UserError, match="No file fits"):
        music_pieces.read_files(str(tmp_path / "*.wav"), Grid(0.25))


def test_scales_are_read_with_their_splits(data_dir):
    builder = data.load_builder("synthetic/scales", data_dir)
    found = music_pieces.read_collection(builder, "train[:5%]", None, Grid(0.5))
    assert found.train.source == "synthetic/scales/1.0.0/train[:5%]"
    assert (len(found.train), len(found.validation), len(found.test)) == (50, 200, 200)
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
def test_the_step_is_the_datasets_own(tmp_path):
    builder = data.load_builder("poly_music/jsb_chorales", tmp_path)
    found = music_pieces.read(builder, "validation", None, Grid(0.25))
    assert found.grid == Grid(1.0)
    assert (len(found), found.keys) == (76, 88)
    assert "Boulanger" in found.citation


def test_a_dataset_without_music_is_told(data_dir):
    builder = data.load_builder("synthetic/stars", data_dir)
    with pytest.raises(UserError, match="test holds no music"):
        music_pieces.read(builder, "test", None, Grid())
    with pytest.raises(UserError, match="Unknown column 'midi'"):
        music_pieces.read(builder, "test", "midi", Grid())
