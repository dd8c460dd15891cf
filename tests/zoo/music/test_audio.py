"""Rolls sound at the right time and pitch, and no louder than a file can hold."""

import wave

import numpy as np
import pytest

from tests.zoo.music.rolls import melody
from zoo import music
from zoo.music.audio import Sound, write_sounds

RATE = 22_050


def frequencies(samples, count=1, rate=RATE):
    """The frequencies of the highest peaks of a spectrum, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n=2**18))
    rises = np.diff(spectrum) > 0
    peaks = np.flatnonzero(rises[:-1] & ~rises[1:])
    highest = peaks[np.argsort(-spectrum[peaks + 1])][:count] + 1
    return sorted(highest * rate / 2**18)


@pytest.mark.parametrize("key", [40, 60, 69, 81, 100, 108])
def test_key_sounds_at_its_frequency(key):
    pretty_midi = pytest.importorskip("pretty_midi")
    samples = music.synthesize(melody(key, key, key, key))
    assert frequencies(samples) == pytest.approx(
        [pretty_midi.note_number_to_hz(key)], rel=2e-3
    )


def test_keys_of_a_chord_sound_together():
    samples = music.synthesize(music.frame("A4 C#5 E5")[None], steps_per_quarter=1)
    expected = 440 * 2 ** (np.array([0, 4, 7]) / 12)
    assert frequencies(samples, 3) == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize("rate", [8_000, RATE])
def test_file_holds_the_samples(tmp_path, rate):
    path = tmp_path / "folder" / "piece.wav"
    arguments = {"tempo": 100, "steps_per_quarter": 3, "rate": rate}
    roll = melody(60, 64, 67)
    music.write_wav(roll, path, **arguments)
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, rate)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(samples) == round((0.6 + 0.6) * rate)  # a quarter note, and the tail
    assert np.abs(samples.astype(int)).max() == round(0.9 * 32767)
    np.testing.assert_allclose(
        samples / 32767, music.synthesize(roll, **arguments), atol=1e-4
    )
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("drums", [False, True])
def test_however_much_sounds_nothing_clips(drums):
    roll = np.ones((3, 9 if drums else 88))
    samples = music.synthesize(roll, drums=drums)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.9)


def test_silence_is_silent():
    for roll in (np.zeros((4, 88)), np.zeros((0, 88))):
        samples = music.synthesize(roll, tempo=60)
        assert len(samples) == round(len(roll) / 4 * RATE) + round(0.6 * RATE)
        assert not samples.any()


def test_note_sounds_from_its_step_until_it_is_damped():
    samples = music.synthesize(melody(None, 69, 69, None), tempo=60)
    step = RATE // 4
    loudness = [np.abs(samples[n * step : (n + 1) * step]).max() for n in range(4)]
    assert loudness[0] == 0
    assert loudness[1] > loudness[2] > loudness[3] > 0
    assert not samples[3 * step + round(0.15 * RATE) + 2 :].any()


def test_note_is_struck_again_only_where_it_is_not_tied():
    roll = melody(69, 69, 69, 69)
    step = RATE // 2
    third = {}
    for tie in (True, False):
        samples = music.synthesize(roll, tempo=120, steps_per_quarter=1, tie=tie)
        third[tie] = np.abs(samples[2 * step : 3 * step]).max()
    assert third[True] < 0.6 < third[False]


@pytest.mark.parametrize("drum", range(9))
def test_each_drum_is_hit_at_its_step_and_decays(drum):
    roll = np.zeros((8, 9))
    roll[4, drum] = 1
    samples = music.synthesize(roll, tempo=60, drums=True)
    assert not samples[: RATE - 1].any()
    assert np.abs(samples[RATE : RATE + RATE // 20]).max() == pytest.approx(0.9)
    assert np.abs(samples[-RATE // 20 :]).max() < 0.05


def test_drums_sound_different_and_toms_from_low_to_high():
    hits = [music.synthesize(row[None], drums=True) for row in np.eye(9)]
    for one in range(9):
        for other in range(one):
            assert not np.allclose(hits[one], hits[other], atol=0.05)
    low, mid, high = (frequencies(hits[n])[0] for n in (4, 5, 6))
    assert low < mid < high
    assert frequencies(hits[0])[0] < 100 < 2_000 < frequencies(hits[2])[0]


def test_same_roll_gives_the_same_samples():
    roll = np.eye(9)
    one, other = (music.synthesize(roll, drums=True) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tempo": 0}, "Found 0"),
        ({"lowest": 100}, "found 88 keys from 100"),
        ({"drums": True}, "A drum roll has 9 columns"),
    ],
)
def test_what_cannot_sound_is_refused_and_writes_nothing(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        music.write_wav(melody(60), tmp_path / "piece.wav", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_sounds_are_heard_at_their_times_as_loud_as_they_are_struck(tmp_path):
    loud, soft = Sound(0.1, 0.4, 69, 120), Sound(1.0, 1.3, 69, 60)
    for drum in (False, True):
        sounds = [
            each._replace(is_drum=drum, key=38 if drum else 69) for each in (loud, soft)
        ]
        write_sounds(sounds, tmp_path / "it.wav")
        with wave.open(str(tmp_path / "it.wav")) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert len(samples) == round(1.3 * RATE) + round(0.6 * RATE)
        first, second = (
            np.abs(samples[round(t * RATE) :][: RATE // 4].astype(int)).max()
            for t in (0.1, 1.0)
        )
        assert not samples[: round(0.1 * RATE)].any()
        assert first == pytest.approx(2 * second, rel=0.02)


def test_percussion_that_is_no_drum_is_heard(tmp_path):
    write_sounds([Sound(0, 0.1, 56, 80, True)], tmp_path / "it.wav")
    write_sounds([], tmp_path / "silent.wav")
    for name, heard in (("it", True), ("silent", False)):
        with wave.open(str(tmp_path / f"{name}.wav")) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert samples.any() == heard
