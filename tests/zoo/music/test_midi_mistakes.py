"""Files that are no music are refused, and it is said why."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoo.music.rolls import melody
from zoo import music
from zoo.errors import MidiError

pytest.importorskip("pretty_midi")
mido = pytest.importorskip("mido")

from tests.zoo.music.midi_files import midi_bytes, note, tempo  # noqa: E402


def refused(source, **arguments):
    with pytest.raises(MidiError) as caught:
        music.read_midi(source, **arguments)
    return str(caught.value)


def test_what_is_no_midi_file_is_refused(tmp_path):
    path = tmp_path / "letter.mid"
    path.write_bytes(b"")
    assert refused(path) == f"{path} is empty. Give a MIDI file."
    path.write_text("Dear all")
    assert f"{path} is no MIDI file" in refused(path)
    assert "begins with b'Dear'" in refused(path)
    assert "The MIDI of 3 bytes is no MIDI file" in refused(b"MTh")
    with pytest.raises(FileNotFoundError):
        music.read_midi(tmp_path / "none.mid")


def test_file_cut_anywhere_is_refused():
    content = midi_bytes([tempo(90), *note(60, 100)], note(64, 100))
    assert music.read_midi(content).roll.any()
    for length in range(len(content)):
        refused(content[:length])
    assert "damaged or unfinished" in refused(content[:-1])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_file_is_read_or_refused_and_nothing_else(data):
    content = bytearray(midi_bytes([tempo(90), *note(60, 100)], note(64, 100)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(4, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        read = music.read_midi(bytes(content))
    except MidiError:
        return
    assert read.roll.any()


def test_file_without_notes_is_refused_and_told_from_one_of_the_other_kind():
    assert "no notes: none begins and ends" in refused(midi_bytes([tempo(90)]))
    unfinished = midi_bytes([mido.Message("note_on", note=60)])
    assert "no notes: none begins and ends" in refused(unfinished)
    drums = midi_bytes(note(36, 100, channel=9))
    assert "no notes but for drums. Read it as drums" in refused(drums)
    piano = midi_bytes(note(60, 100))
    assert "no notes for drums (MIDI's channel 10)" in refused(piano, drums=True)


def test_notes_beside_the_keys_are_told():
    content = midi_bytes([*note(120, 100), *note(20, 100), *note(120, 100)])
    message = refused(content)
    assert "3 notes are not on the keys A0 to C8 (MIDI 21 to 108)" in message
    assert "1 × Ab0, 2 × C9. Shift them by octaves, or drop them" in message
    assert "no notes on the keys, only 1 × Ab0" in refused(content, outside="drop")


def test_drums_beside_the_nine_are_told():
    content = midi_bytes([*note(56, 100, channel=9), *note(36, 100, channel=9)])
    message = refused(content, drums=True)
    assert "1 note is none of kick, snare" in message
    assert "1 × Cowbell. Drop them" in message
    read = music.read_midi(content, drums=True, outside="drop")
    assert read.outside == {"Cowbell": 1}
    strange = midi_bytes(note(1, 100, channel=9))
    assert "1 note is none of" in refused(strange, drums=True)
    assert "1 × MIDI 1." in refused(strange, drums=True)


def test_times_that_are_no_music_are_refused():
    by_film_frames = bytearray(midi_bytes(note(60, 100)))
    by_film_frames[12:14] = (0xE7, 0x28)  # 25 frames a second, 40 ticks a frame
    assert "film frames" in refused(bytes(by_film_frames))
    endless = midi_bytes(note(60, 900_000), ticks_per_beat=1)
    assert "lasts 900000 quarter notes" in refused(endless)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tempo": 3}, "A tempo is from 4 to 1000 quarter notes a minute. Found 3"),
        ({"tempo": float("nan")}, "Found nan"),
        ({"steps_per_quarter": 0}, "from 1 to 960. Found 0"),
        ({"steps_per_quarter": 1.5}, "Found 1.5"),
        ({"lowest": 41}, "found 88 keys from 41 upwards"),
        ({"drums": True}, "A drum roll has 9 columns: kick, .* Found 88"),
    ],
)
def test_what_midi_cannot_tell_is_not_written(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        music.write_midi(melody(60), tmp_path / "piece.mid", **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outside": "keep"}, "refuse, shift, drop. Found 'keep'"),
        (
            {"outside": "shift", "drums": True},
            "of drums can be .*drop. Found 'shift'",
        ),
        ({"outside": "shift", "keys": 11}, "12 keys or more. Found 11"),
        ({"keys": 0}, "found 0 keys"),
        ({"steps_per_quarter": 0}, "Found 0"),
    ],
)
def test_unknown_ways_to_read_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        music.read_midi(midi_bytes(note(60, 100)), **arguments)


def test_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    with pytest.raises(ImportError, match="pip install pretty_midi"):
        music.write_midi(melody(60), tmp_path / "piece.mid")
