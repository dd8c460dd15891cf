"""Rolls come back from MIDI as they went in, and files are read by their beats."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoo.music.rolls import melody, rolls
from zoo import music

pretty_midi = pytest.importorskip("pretty_midi")
mido = pytest.importorskip("mido")

from tests.zoo.music.midi_files import midi_bytes, note, tempo  # noqa: E402

few = settings(max_examples=30, deadline=None)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("midi") / "piece.mid"


@few
@given(
    roll=rolls(keys=12),
    lowest=st.integers(0, 116),
    steps_per_quarter=st.sampled_from([1, 2, 3, 4, 7, 12, 96, 960]),
    tempo=st.floats(4, 1000),
    tie=st.booleans(),
)
def test_roll_comes_back_from_its_file(
    path, roll, lowest, steps_per_quarter, tempo, tie
):
    grid = {"steps_per_quarter": steps_per_quarter, "lowest": lowest}
    music.write_midi(roll, path, tempo=tempo, tie=tie, **grid)
    for source in (path, str(path), path.read_bytes()):
        read = music.read_midi(source, keys=12, **grid)
        assert read.roll.dtype == np.uint8
        np.testing.assert_array_equal(read.roll, roll)
        assert read.tempo == pytest.approx(tempo, rel=1e-3)
        assert read.steps_per_quarter == steps_per_quarter
        assert read.outside == {}


@few
@given(rolls(), st.sampled_from([1, 3, 4]))
def test_pretty_midi_sees_the_same_roll(path, roll, steps_per_quarter):
    music.write_midi(roll, path, tempo=90, steps_per_quarter=steps_per_quarter)
    midi = pretty_midi.PrettyMIDI(str(path))
    seen = midi.get_piano_roll(fs=4 * steps_per_quarter * 90 / 60)[:, 2::4]
    np.testing.assert_array_equal(seen.T[:, 21:109] > 0, roll)


@pytest.mark.parametrize(("tie", "lengths"), [(True, [1.5, 0.5]), (False, [0.5] * 4)])
def test_equal_neighbours_are_held_or_struck_again(path, tie, lengths):
    roll = melody(60, 60, 60, None, 60)
    music.write_midi(roll, path, tempo=60, steps_per_quarter=2, tie=tie)
    (piano,) = pretty_midi.PrettyMIDI(str(path)).instruments
    assert not piano.is_drum
    assert [note.pitch for note in piano.notes] == [60] * len(lengths)
    assert [n.end - n.start for n in piano.notes] == pytest.approx(lengths)
    assert piano.notes[-1].start == pytest.approx(2)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "float32", "int64"])
def test_roll_may_be_of_any_dtype(path, dtype):
    roll = melody(60, 64)
    music.write_midi(roll.astype(dtype), path)
    np.testing.assert_array_equal(music.read_midi(path).roll, roll)


def test_silence_makes_a_file(path):
    for roll in (np.zeros((4, 88)), np.zeros((0, 88))):
        music.write_midi(roll, path)
        assert pretty_midi.PrettyMIDI(str(path)).get_end_time() == 0


@few
@given(rolls(keys=9))
def test_drums_come_back_as_hits_of_one_step(path, roll):
    music.write_midi(roll, path, drums=True)
    read = music.read_midi(path, drums=True)
    np.testing.assert_array_equal(read.roll, roll)
    (kit,) = pretty_midi.PrettyMIDI(str(path)).instruments
    assert kit.is_drum
    assert len(kit.notes) == roll.sum()


def test_each_drum_is_written_as_the_pitch_of_the_paper(path):
    music.write_midi(np.eye(9), path, drums=True)
    (kit,) = pretty_midi.PrettyMIDI(str(path)).instruments
    pitches = [note.pitch for note in sorted(kit.notes, key=lambda note: note.start)]
    assert pitches == [36, 38, 42, 46, 43, 47, 50, 49, 51]  # Gillick et al. 2019


def test_long_drum_notes_are_one_hit():
    content = midi_bytes([*note(57, 300, channel=9), *note(59, 100, channel=9)])
    roll = music.read_midi(content, drums=True, steps_per_quarter=1).roll
    hits = np.zeros((4, 9))
    hits[0, 7] = hits[3, 8] = 1
    np.testing.assert_array_equal(roll, hits)


def test_drum_notes_of_no_length_are_hits():
    kick, snare = note(35, 0, channel=9), note(40, 0, after=100, channel=9)
    read = music.read_midi(midi_bytes([*kick, *snare]), drums=True, steps_per_quarter=1)
    assert np.argwhere(read.roll).tolist() == [[0, 0], [1, 1]]
    read = music.read_midi(midi_bytes(kick), drums=True)
    assert (read.roll.tolist(), read.tempo) == ([[1] + [0] * 8], pytest.approx(120))


def test_steps_follow_the_beats_wherever_the_tempo_changes():
    track = [
        tempo(60),
        *note(60, 200),  # two beats, two seconds
        tempo(240),
        *note(62, 200),  # two beats, half a second
        tempo(30),
        *note(64, 100),  # a beat, two seconds
    ]
    read = music.read_midi(midi_bytes(track), steps_per_quarter=2)
    expected = melody(60, 60, 60, 60, 62, 62, 62, 62, 64, 64)
    np.testing.assert_array_equal(read.roll, expected)
    assert read.tempo == pytest.approx(60 * 5 / 4.5)  # five beats in 4.5 seconds


def test_beats_are_those_of_pretty_midi():
    changes = [(0, 97), (130, 160), (270, 55), (60, 201)]
    tempi = [tempo(quarters, after=after) for after, quarters in changes]
    content = midi_bytes([*tempi, *note(60, 900)])
    midi = pretty_midi.PrettyMIDI(io.BytesIO(content))
    beats = midi.get_beats()
    midi.instruments[0].notes = [
        pretty_midi.Note(80, 50 + n, *beats[n : n + 2]) for n in range(8)
    ]
    played = io.BytesIO()
    midi.write(played)
    read = music.read_midi(played.getvalue(), steps_per_quarter=1)
    np.testing.assert_array_equal(read.roll, melody(*range(50, 58)))


def test_notes_move_to_the_nearest_step_and_last_one_at_least():
    track = [
        *note(60, 110, after=40),  # ticks 40 to 150: steps 0 to 2
        *note(62, 10, after=10),  # 160 to 170: step 2, for a step
        *note(64, 240, after=90),  # 260 to 500: steps 3 to 5
    ]
    read = music.read_midi(midi_bytes(track), steps_per_quarter=1)
    np.testing.assert_array_equal(read.roll, melody(60, 60, 62, 64, 64))


@pytest.mark.parametrize(
    ("signatures", "quarters"), [([], 4), ([(3, 4), (2, 4)], 3), ([(9, 8)], 4.5)]
)
def test_bar_is_the_first_time_signature(signatures, quarters):
    told = [
        mido.MetaMessage("time_signature", numerator=over, denominator=under, time=300)
        for over, under in signatures
    ]
    read = music.read_midi(midi_bytes([*told, *note(60, 100)]))
    assert read.quarters_per_bar == quarters


def test_instruments_sound_together_and_drums_apart():
    content = midi_bytes(
        note(60, 100), note(64, 200, channel=3), note(36, 100, after=200, channel=9)
    )
    piano = music.read_midi(content, steps_per_quarter=1).roll
    assert music.spell(piano) == ["C4 E4", "E4"]
    drums = music.read_midi(content, steps_per_quarter=1, drums=True).roll
    assert drums.tolist() == [[0] * 9, [0] * 9, [1] + [0] * 8]


@pytest.mark.parametrize(
    ("lowest", "keys", "shifted"),
    [
        (60, 12, [60, 71, 61, 70]),
        (60, 24, [60, 83, 61, 70]),
        (53, 13, [60, 59, 61, 58]),
    ],
)
def test_notes_beside_the_keys_are_shifted_by_octaves(lowest, keys, shifted):
    content = midi_bytes(
        [*note(0, 100), *note(119, 100), *note(61, 100), *note(46, 100)]
    )
    read = music.read_midi(
        content, steps_per_quarter=1, lowest=lowest, keys=keys, outside="shift"
    )
    expected = melody(*shifted, lowest=lowest, count=keys)
    np.testing.assert_array_equal(read.roll, expected)
    assert read.outside == {"C-1": 1, "Bb2": 1, "B8": 1}


def test_notes_beside_the_keys_are_dropped_and_counted():
    content = midi_bytes([*note(120, 100), *note(60, 100), *note(120, 100)])
    read = music.read_midi(content, steps_per_quarter=1, outside="drop")
    np.testing.assert_array_equal(read.roll, melody(None, 60))
    assert read.outside == {"C9": 2}


@pytest.mark.real_data("groove/full-midionly")
def test_drums_of_groove_are_read_from_their_bytes():
    import tensorflow_datasets as tfds

    pieces = tfds.load("groove/full-midionly", split="validation[:6]")
    for piece in tfds.as_numpy(pieces):
        read = music.read_midi(piece["midi"], drums=True)
        assert read.tempo == pytest.approx(piece["bpm"], abs=0.01)
        file = mido.MidiFile(file=io.BytesIO(piece["midi"]))
        hits = set()
        for track in file.tracks:
            tick = 0
            for message in track:
                tick += message.time
                if message.type == "note_on" and message.velocity:
                    step = (8 * tick + file.ticks_per_beat) // (2 * file.ticks_per_beat)
                    hits.add((step, message.note))
        found = set(map(tuple, np.argwhere(read.roll).tolist()))
        assert found == {
            (step, column)
            for step, pitch in hits
            for column, pitches in enumerate(music.DRUMS.values())
            if pitch in pitches
        }
