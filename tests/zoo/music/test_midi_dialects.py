"""Files that players play are read, however they are written."""

import gzip
import io
import wave
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zoo.music.raw_midi import END, chunk, header, meta, number, played, song
from tests.zoo.music.rolls import melody
from zoo import music
from zoo.errors import MidiError
from zoo.music import midi_file
from zoo.music.midi_notes import Clock, played_notes

SCALE = played(60) + played(62) + played(64)
PLAIN = song(SCALE + END)


def riff(form, *chunks):
    body = form + b"".join(
        kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + len(body).to_bytes(4, "little") + body


RUNNING = bytes([0, 0x90, 60, 64, 100, 60, 0, 0, 62, 64, 100, 62, 0, 0, 64, 64])
RUNNING += bytes([*meta(1, b"here"), 100, 64, 0])  # goes on after a text

DIALECTS = {
    "9600 ticks a quarter": song(
        played(60, 9600) + played(62, 9600) + played(64, 9600) + END, division=9600
    ),
    "key signature of 9 sharps": song(meta(0x59, b"\x09\x00") + SCALE + END),
    "key signature of one byte": song(meta(0x59, b"\x01") + SCALE + END),
    "key signature in mode 7": song(meta(0x59, b"\x00\x07") + SCALE + END),
    "time signature of 255ths": song(meta(0x58, b"\x04\xff\x18\x08") + SCALE + END),
    "time signature of 0/4": song(meta(0x58, b"\x00\x02\x18\x08") + SCALE + END),
    "time signature of two bytes": song(meta(0x58, b"\x04\x02") + SCALE + END),
    "no clocks a click": song(meta(0x58, b"\x04\x02\x00\x00") + SCALE + END),
    "tempo of no length": song(meta(0x51, b"\0\0\0") + SCALE + END),
    "tempo of two bytes": song(meta(0x51, b"\x07\xa1") + SCALE + END),
    "unknown chunk first": header() + chunk(b"XFIH", b"x" * 9) + PLAIN[14:],
    "unknown chunk last": PLAIN + chunk(b"XFKM", b"kara"),
    "bytes after the end": PLAIN + b"\x00\xff\x1a rubbish" * 9,
    "zeros after the end": PLAIN + b"\0" * 200,
    "zeros in the track": song(SCALE + b"\0" * 10),
    "RIFF": riff(b"RMID", (b"data", PLAIN)),
    "RIFF with more": riff(b"RMID", (b"INFO", b"abc"), (b"data", PLAIN)),
    "MacBinary": b"\0\x04song" + b"\0" * 122 + PLAIN,
    "running status": song(RUNNING + END),
    "no end of track": song(SCALE),
    "events after the end of track": song(SCALE + END + played(90)),
    "length beyond the file": header() + b"MTrk\xff\xff\xff\xff" + SCALE + END,
    "system exclusive": song(b"\0\xf0\x03\x41\x10\xf7" + SCALE + END),
    "escape": song(b"\0\xf7\x02\xf3\x01" + SCALE + END),
    "clock bytes": song(b"\0\xf8" + SCALE + b"\0\xfe" + END),
    "lyrics in Latin-1": song(meta(5, "Größe".encode("latin-1")) + SCALE + END),
    "lyrics in CP932": song(meta(5, "歌".encode("cp932")) + SCALE + END),
    "unknown meta event": song(meta(0x60, b"?") + SCALE + END),
    "empty track": song(b"", SCALE + END),
    "track of no end": song(END, SCALE + END),
    "more tracks than told": header(1) + chunk(b"MTrk", END) + PLAIN[14:],
    "long header": header(1, more=b"more") + PLAIN[14:],
    "format 0": song(SCALE + END, form=0),
    "format 2 of one track": song(SCALE + END, form=2),
    "format 7": song(SCALE + END, form=7),
    "note on of velocity 0": song(SCALE.replace(b"\x80", b"\x90") + END),
}


@pytest.mark.parametrize("content", DIALECTS.values(), ids=DIALECTS)
def test_playable_file_is_read(content):
    read = music.read_midi(content, steps_per_quarter=1)
    np.testing.assert_array_equal(read.roll, melody(60, 62, 64))
    assert read.tempo == pytest.approx(120)
    assert read.quarters_per_bar == 4


# Events that mido can't read wherever they stand.
STRANGE = ("key sig", "time signature of", "no clocks", "tempo", "escape", "clock")


@pytest.mark.parametrize("name", DIALECTS)
def test_written_again_it_is_plain_and_has_the_same_events(name):
    mido = pytest.importorskip("mido")
    file = midi_file.parse("it", DIALECTS[name])
    again = midi_file.encode(file)
    assert midi_file.parse("it", again)[1:] == file[1:]
    if not name.startswith(STRANGE):
        tracks = mido.MidiFile(file=io.BytesIO(again)).tracks
        heard = [
            m.note for t in tracks for m in t if m.type == "note_on" and m.velocity
        ]
        assert heard == [60, 62, 64]


def test_a_file_of_a_library_is_read_as_the_library_reads_it():
    pretty_midi = pytest.importorskip("pretty_midi")
    midi = pretty_midi.PrettyMIDI(initial_tempo=97)
    random = np.random.default_rng(0)
    for program in (0, 40, 73):
        part = pretty_midi.Instrument(program)
        # Each key once, for libraries differ where notes of one key overlap.
        for key, start in enumerate(random.uniform(0, 30, 128)):
            end = start + random.uniform(0.05, 1)
            velocity = int(random.integers(1, 128))
            part.notes.append(pretty_midi.Note(velocity, key, start, end))
        midi.instruments.append(part)
    written = io.BytesIO()
    midi.write(written)
    expected = pretty_midi.PrettyMIDI(io.BytesIO(written.getvalue()))
    file = midi_file.parse("it", written.getvalue())
    clock, notes = Clock(file), played_notes(file)
    found = sorted(
        (note.program, note.key, note.velocity, *clock.seconds([note.start, note.end]))
        for note in notes
    )
    told = sorted(
        (part.program, note.pitch, note.velocity, note.start, note.end)
        for part in expected.instruments
        for note in part.notes
    )
    np.testing.assert_allclose(found, told, atol=1e-9)


def test_notes_that_overlap_on_a_key_end_in_the_order_of_their_beginning():
    on, off = bytes([0x90, 60, 64]), bytes([0x80, 60, 0])
    body = b"\0" + on + b"\x0a" + on + b"\x0a" + off + b"\x0a" + off + END
    found = played_notes(midi_file.parse("it", song(body)))
    assert [(note.start, note.end) for note in found] == [(0, 20), (10, 30)]


def test_notes_struck_twice_and_ended_once_end_there():
    on, off = bytes([0x90, 60, 64]), bytes([0x80, 60, 0])
    body = b"\0" + on + b"\x0a" + on + b"\x0a" + off + number(1000) + END[1:]
    found = played_notes(midi_file.parse("it", song(body)))
    assert [(note.start, note.end) for note in found] == [(0, 20), (10, 20)]


def test_note_that_never_ends_ends_with_its_track():
    body = b"\0" + bytes([0x90, 60, 64]) + number(300) + END[1:]
    read = music.read_midi(song(body), steps_per_quarter=1)
    np.testing.assert_array_equal(read.roll, melody(60, 60, 60))
    assert not read.notes[0].ended


@pytest.mark.parametrize("controller", [120, 123, 127])
def test_all_notes_off_ends_those_of_its_channel(controller):
    body = bytes([0, 0x90, 60, 64, 0, 0x91, 67, 64, 100, 0xB0, controller, 0])
    body += bytes([100, 0x81, 67, 0]) + END
    read = music.read_midi(song(body), steps_per_quarter=1)
    assert music.spell(read.roll) == ["C4 G4", "G4"]


def wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 2, 8000, 0, "NONE", ""))
        audio.writeframes(bytes(100))
    return file.getvalue()


def archive(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return file.getvalue()


XML = '<?xml version="1.0"?>\n<score-partwise version="4.0">'
OTHERS = {
    "WAV": (wav(), "a WAV file, a recording"),
    "MP3": (b"ID3\x04\0" + bytes(50), "an MP3 file, a recording"),
    "MP3 without a tag": (b"\xff\xfb\x90\x44" + bytes(50), "an MP3 file"),
    "MP4": (b"\0\0\0\x20ftypM4A ", "an MP4 file"),
    "Ogg": (b"OggS\0\x02", "an Ogg file"),
    "FLAC": (b"fLaC\0", "a FLAC file"),
    "AIFF": (b"FORM\0\0\0\x10AIFF", "an AIFF file"),
    "zip": (archive("song.mid"), "a zip archive: unpack it"),
    "cut zip": (archive("song.mid")[:30], "a zip archive"),
    "MXL": (archive("META-INF/container.xml", "a.xml"), "compressed MusicXML, a score"),
    "MSCZ": (archive("a.mscx"), "a MuseScore file"),
    "gzip": (gzip.compress(PLAIN), "compressed by gzip"),
    "MusicXML": (XML.encode(), "MusicXML, a score: export it as MIDI"),
    "MusicXML in UTF-16": (XML.encode("utf-16"), "MusicXML"),
    "web page": (b"<!DOCTYPE html><html>404", "a web page"),
    "PDF": (b"%PDF-1.7", "a PDF"),
    "ABC": (b"X:1\nT:Jig\nK:G\nGAB|", "ABC notation"),
    "Guitar Pro": (b"\x18FICHIER GUITAR PRO v5.00", "a Guitar Pro file"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer"),
    "MIDI 2": (b"SMF2CLIP", "a MIDI 2.0 clip"),
}


@pytest.mark.parametrize(("content", "told"), OTHERS.values(), ids=OTHERS)
def test_another_kind_of_file_is_told(content, told):
    with pytest.raises(MidiError) as caught:
        music.read_midi(content)
    assert f"is no MIDI file but {told}" in str(caught.value)


BROKEN = {
    "film frames": (song(SCALE, division=0xE728), "film frames"),
    "no ticks": (song(SCALE, division=0), "a quarter note has 0 ticks"),
    "sequences": (song(SCALE, SCALE, form=2), "2 sequences of their own"),
    "no status": (song(b"\0\x40\x40"), "track 1, at byte 1: 64 begins no message"),
    "value": (song(b"\0\x90\x40\xff"), "255 is no value of a message"),
    "number": (song(b"\xff\xff\xff\xff\xff"), "more than four bytes"),
    "short header": (b"MThd\0\0\0\x04\0\x01\0\x01\0\x60", "has 4 bytes, not 6"),
    "missing track": (header(3) + PLAIN[14:], "should have 3 tracks and has 1"),
}


@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_told(content, told):
    with pytest.raises(MidiError) as caught:
        music.read_midi(content)
    assert told in str(caught.value)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.write(PLAIN)
        file.truncate(100 * 2**20)  # takes no room on the disk
    with pytest.raises(MidiError, match="has more than 16 MiB"):
        music.read_midi(path)


def eventful_song():
    """A MIDI file of several tracks, tempi and events."""
    first = meta(3, b"Song") + meta(0x51, b"\x07\xa1\x20") + meta(0x58, b"\3\2\x18\x08")
    second = bytes([0, 0xC0, 40, 0, 0xB0, 64, 127]) + SCALE + bytes([0, 0xE0, 0, 64])
    drums = played(36, 50, channel=9) + played(38, 50, after=50, channel=9)
    return song(first + END, second + RUNNING + END, drums + END)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_bytes_are_read_or_refused_and_nothing_else(data):
    content = bytearray(eventful_song())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        way = data.draw(st.sampled_from(["change", "insert", "remove"]))
        if way == "remove":
            del content[place]
        elif way == "insert":
            content.insert(place, data.draw(st.integers(0, 255)))
        else:
            content[place] = data.draw(st.integers(0, 255))
    for drums in (False, True):
        try:
            read = music.read_midi(bytes(content), drums=drums, outside="drop")
        except MidiError:
            continue
        assert read.roll.any()
        assert read.tempo > 0
        assert midi_file.parse("it", midi_file.encode(read.file))[1:] == read.file[1:]


@pytest.mark.real_data("groove/full-midionly")
def test_changed_bytes_of_groove_are_read_or_refused_and_nothing_else():
    import tensorflow_datasets as tfds

    random = np.random.default_rng(0)
    pieces = tfds.load("groove/full-midionly", split="validation[:10]")
    for piece in tfds.as_numpy(pieces):
        content = np.frombuffer(piece["midi"], np.uint8)[:2000]
        whole = midi_file.parse("it", piece["midi"])
        assert midi_file.parse("it", midi_file.encode(whole))[1:] == whole[1:]
        for _ in range(20):
            changed = content.copy()
            places = random.integers(0, len(changed), random.integers(1, 20))
            changed[places] = random.integers(0, 256, len(places))
            try:
                read = music.read_midi(changed.tobytes(), drums=True, outside="drop")
            except MidiError:
                continue
            assert read.roll.any()


@pytest.mark.parametrize(
    ("passing", "spelled", "unheard"),
    [
        ("move", ["C4", "D4 E4", "F4"], 0),
        ("yield", ["C4", "E4"], 2),
    ],
)
def test_eighths_between_quarters_move_or_yield(passing, spelled, unheard):
    body = b"".join(played(key, 50) for key in (60, 62, 64, 65))
    read = music.read_midi(song(body + END), steps_per_quarter=1, passing=passing)
    assert music.spell(read.roll) == spelled
    assert (read.off_steps, read.unheard) == (2, unheard)


def test_passing_notes_are_heard_where_it_would_be_silent():
    # Off the beat: a chord, then two notes one after another.
    chord = bytes([50, 0x90, 60, 64, 0, 64, 64, 40, 60, 0, 0, 64, 0])
    body = chord + played(67, 15, after=50) + played(69, 15, after=5) + END
    read = music.read_midi(song(body), steps_per_quarter=1, passing="yield")
    assert music.spell(read.roll) == ["C4 E4", "G4"]
    assert (read.off_steps, read.unheard) == (4, 1)


def test_notes_a_little_beside_the_beat_are_on_it():
    body = played(60, 20, after=3) + played(62, 80, after=70) + END  # at 3 and 93
    read = music.read_midi(song(body), steps_per_quarter=1, passing="yield")
    np.testing.assert_array_equal(read.roll, melody(60, 62))
    assert (read.off_steps, read.unheard) == (0, 0)
