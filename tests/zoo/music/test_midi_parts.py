"""A MIDI file that is cut or added to is otherwise what it was."""

import io

import numpy as np
import pytest

from tests.zoo.music.raw_midi import END, meta, number, played, song
from zoo.music import midi_file, midi_parts
from zoo.music.midi_notes import (
    Clock,
    PlayedNote,
    bar_lengths,
    played_notes,
)

mido = pytest.importorskip("mido")


def parse(*bodies, **arguments):
    return midi_file.parse("it", song(*bodies, **arguments))


def quarters(file):
    return [
        (
            note.key,
            note.start / file.ticks_per_quarter,
            note.end / file.ticks_per_quarter,
        )
        for note in played_notes(file)
    ]


@pytest.mark.parametrize(
    ("division", "steps", "expected"),
    [(480, 4, 480), (10, 4, 20), (1, 960, 960), (96, 7, 672), (9600, 7, 9600)],
)
def test_steps_begin_at_ticks_and_times_stay(division, steps, expected):
    file = parse(played(60, 7, after=3) + played(62, 5) + END, division=division)
    found = midi_parts.on_grid(file, steps)
    assert found.ticks_per_quarter == expected
    np.testing.assert_allclose(quarters(found), quarters(file))
    assert found.ends[0] / found.ticks_per_quarter == pytest.approx(15 / division)


def test_cut_file_ends_what_is_held_and_has_nothing_later():
    pedal = bytes([0, 0xB0, 64, 100])
    first = meta(0x51, b"\x07\xa1\x20") + meta(5, b"late", after=150) + END
    second = pedal + played(60, 100) + played(62, 100) + END
    third = played(40, 300, channel=1) + END
    file, held = midi_parts.cut(parse(first, second, third), 150)
    assert held == 2
    assert [note[:3] for note in played_notes(file)] == [
        (0, 100, 60),
        (0, 150, 40),
        (100, 150, 62),
    ]
    assert all(event.tick <= 150 for track in file.tracks for event in track)
    assert b"\x05late" not in [event.data for event in file.tracks[0]]
    assert file.tracks[1][-1] == (150, 0xB0, bytes([64, 0]))
    assert midi_parts.cut(parse(second), 200)[1] == 0


def test_free_channel_is_none_that_sounds_and_not_the_drums():
    used = [played(60, channel=c) for c in range(16) if c not in (9, 12)]
    assert midi_parts.free_channel(parse(b"".join(used) + END)) == 12
    used.append(played(60, channel=12))
    assert midi_parts.free_channel(parse(b"".join(used) + END)) is None
    assert midi_parts.free_channel(parse(END)) == 0


def test_part_is_a_track_that_a_library_reads():
    file = parse(played(60) + END, form=0)
    first = PlayedNote(100, 150, 64, 70, 3, program=40)
    notes = [first, first._replace(start=150, end=200)]
    written = midi_file.encode(midi_parts.with_part(file, "drawn", notes))
    read = mido.MidiFile(file=io.BytesIO(written))
    assert (read.type, len(read.tracks), read.tracks[1].name) == (1, 2, "drawn")
    told = [
        (m.type, m.time) for m in read.tracks[1] if m.type.startswith(("note", "prog"))
    ]
    # The first ends before the second begins.
    assert told == [
        ("program_change", 100),
        ("note_on", 0),
        ("note_off", 50),
        ("note_on", 0),
        ("note_off", 50),
    ]


def test_tempo_is_one_or_goes_on_from_a_tick():
    slow, fast = b"\x0f\x42\x40", b"\x03\xd0\x90"  # 60 and 240
    file = parse(meta(0x51, slow) + meta(0x51, fast, after=100) + played(60, 50) + END)
    clock = Clock(file)
    assert float(clock.seconds(150)) == pytest.approx(1 + 0.125)
    assert clock.tempo(200) == pytest.approx(60 * 2 / 1.25)
    assert clock.usual_tempo(150) == pytest.approx(60)
    assert clock.usual_tempo(250) == pytest.approx(240)
    assert clock.last_tempo(99) == pytest.approx(60)
    again = Clock(midi_parts.with_tempo(file, 60, 150))
    assert float(again.seconds(250)) == pytest.approx(1.125 + 1)
    assert float(Clock(midi_parts.in_tempo(file, 30)).seconds(100)) == pytest.approx(2)


def test_bars_are_as_long_as_the_signatures_say():
    upbeat = meta(0x58, b"\x01\x02\x18\x08") + meta(
        0x58, b"\x06\x03\x18\x08", after=100
    )
    assert bar_lengths(parse(upbeat + END)) == [(0, 1.0), (100, 3.0)]
    late = meta(0x58, b"\x03\x02\x18\x08", after=70)
    assert bar_lengths(parse(late + END)) == [(0, 3.0)]
    assert bar_lengths(parse(END)) == [(0, 4.0)]


def test_long_waits_are_written():
    wait = number(2**28 - 1)
    far = parse(wait + meta(1, b"x")[1:] + wait + played(60)[1:] + END)
    file = far._replace(
        tracks=(far.tracks[0][1:],), ends=(far.ends[0],)
    )  # a wait of more than four bytes
    again = midi_file.parse("it", midi_file.encode(file))
    assert played_notes(again) == played_notes(file)
