"""Names of notes mean the keys that musicians mean."""

import numpy as np
import pytest

from zoo import music


def test_every_key_has_the_name_that_pretty_midi_reads():
    pretty_midi = pytest.importorskip("pretty_midi")
    for key in range(128):
        assert pretty_midi.note_name_to_number(music.key_name(key)) == key


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("C E G", [60, 64, 67]),
        ("E G C", [64, 67, 72]),
        ("C C", [60, 72]),
        ("C4 Eb4 G4", [60, 63, 67]),
        ("C#3", [49]),
        ("c4, e, g", [60, 64, 67]),
        ("bb3 D", [58, 62]),
        ("C3 E G4 C", [48, 52, 67, 72]),
        ("B#3 Cb4 F## E♭ F♯", [60, 59, 67, 75, 78]),
        ("A0 C8", [21, 108]),
    ],
)
def test_chord_is_read_note_by_note(text, keys):
    assert music.parse_chord(text) == keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C H G", "no note 'H', found in the chord 'C H G'. Write"),
        ("Cmaj7", "no note 'Cmaj7'"),
        ("C4.5", "no note 'C4.5'"),
        ("#", "no note '#'"),
        (" , ", "has no notes"),
        ("", "has no notes"),
        ("C4 C9", r"C9 \(MIDI 120\) is not on the keys A0 to C8 \(MIDI 21 to 108\)"),
        ("G0", "G0"),
    ],
)
def test_what_is_no_chord_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        music.parse_chord(text)


def test_chord_makes_a_frame():
    frame = music.frame("C E G", lowest=60, keys=12)
    assert frame.dtype == np.uint8
    assert frame.tolist() == [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert music.frame([60, 64, 67], 60, 12).tolist() == frame.tolist()


def test_frame_refuses_keys_it_lacks():
    with pytest.raises(ValueError, match=r"B3 \(MIDI 59\) is not on the keys C4 to B4"):
        music.frame([59], lowest=60, keys=12)
    with pytest.raises(ValueError, match="found 88 keys from 60 upwards"):
        music.frame("C", lowest=60)


def test_spelled_frames_are_read_back():
    chords = ["A0", "", "C4 Eb4 G4 Bb5", "C8"]
    roll = np.stack(
        [music.frame(chord) if chord else music.frame([]) for chord in chords]
    )
    assert music.spell(roll) == chords


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Am", "Am is a chord's name: its notes are 'A C E'."),
        ("C Ebmaj7", "Ebmaj7 is a chord's name: its notes are 'Eb G Bb D'."),
        ("F#dim", "its notes are 'F# A C'."),
        ("C E H", "The German H is B"),
        ("do mi sol", "Do re mi fa sol la si are C D E F G A B"),
        ("C-E-G", "Notes stand between spaces or commas"),
    ],
)
def test_other_ways_to_write_notes_get_a_hint(text, hint):
    with pytest.raises(ValueError, match="There is no note") as caught:
        music.parse_chord(text)
    assert hint in str(caught.value)
