"""Pieces of music: how they are batched and moved, what they cost."""

import numpy as np
import pytest
import tensorflow as tf

from tasks.music import batches as music_batches
from tasks.music.batches import PieceBatches
from tasks.music.corpus import Pieces
from tasks.music.midi_files import Grid
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_frames_are_in_no_graph():
    batches = PieceBatches(pieces([10_000], keys=88), batch_size=1)
    spec = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
    graph = tf.function(batches._batch).get_concrete_function(*spec).graph
    assert graph.as_graph_def().ByteSize() < 50_000


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


@pytest.mark.slow
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
        figures = music_batches.measure(model, given, size)
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
