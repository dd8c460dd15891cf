"""A user's own notes stay as they are, and what is drawn stands after or below them."""

import io
import wave

import numpy as np
import pytest
from hypothesis import given as with_data
from hypothesis import settings
from hypothesis import strategies as st

from tasks import music as music_template
from tasks.errors import UserError
from tasks.music import additions
from tasks.music.midi_files import Grid
from tests.tasks import commands
from tests.tasks.music import small_presets as music_presets
from tests.zoo.music.raw_midi import END, chunk, header, meta, number, played, song
from zoo import music
from zoo.errors import MidiError
from zoo.music import midi_file
from zoo.music.midi_notes import played_notes

mido = pytest.importorskip("mido")
pretty_midi = pytest.importorskip("pretty_midi")

TEMPO_90, TEMPO_30 = meta(0x51, b"\x0a\x2c\x2b"), meta(0x51, b"\x1e\x84\x80")
WALTZ = meta(0x58, b"\x03\x02\x18\x08")


@pytest.fixture
def model():
    return music_presets.model()


@pytest.fixture
def preset(monkeypatch, tmp_path, model):
    """A preset whose time step is a quarter note."""
    folder = tmp_path / "preset"
    return music_presets.pretend(monkeypatch, folder, model, step=1.0, drums=False)


def events(content):
    """All of a file's messages with their quarter notes, by mido; without the ends."""
    file = mido.MidiFile(file=io.BytesIO(content), charset="latin-1")
    found = []
    for number_, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            if message.type != "end_of_track":
                at = tick / file.ticks_per_beat
                found.append((number_, at, message.copy(time=0)))
    return found


def check_kept(given, written):
    """Checks that all that was given is there; returns the drawn notes, in quarters."""
    before, after = events(given), events(written)
    tracks = 1 + max(track for track, _, _ in before)
    assert [each for each in after if each[0] < tracks] == before
    sounding, notes = {}, []
    for track, at, message in after:
        if track < tracks:
            continue
        if message.type == "note_on":
            sounding[message.note] = at
        elif message.type == "note_off":
            notes.append((sounding.pop(message.note), at, message.note))
    assert not sounding
    return sorted(notes)


def run(capsys, command, tmp_path, content, preset, *flags):
    """Runs a command on a file; returns the file it wrote, and stderr."""
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    given = ["--primer", path] if command == "generate" else [path]
    where = ("--model", preset, "--output", tmp_path / "out", "--seed", 0)
    commands.succeed(music_template.TEMPLATE, command, *given, *where, *flags)
    name = {
        "generate": "001",
        "continue": "song-continued",
        "harmonize": "song-harmonized",
    }[command]
    return (tmp_path / "out" / f"{name}.mid").read_bytes(), capsys.readouterr().err


EIGHTHS = b"".join(played(key, 50) for key in (60, 62, 64, 65, 67, 67, 67, 72))
VELOCITIES = b"".join(played(60 + n, 100, velocity=10 + 40 * n) for n in range(3))
CHORDS = bytes([0, 0x90, 60, 64, 0, 64, 64, 0, 67, 64, 100, 60, 0, 0, 64, 0, 0, 67, 0])
OVERLAPPING = bytes([0, 0x90, 60, 64, 50, 60, 64, 50, 60, 0, 50, 60, 0])
GIVEN = {
    "eighths on a grid of quarters": song(EIGHTHS + END),
    "the same note again and again": song(played(60) * 4 + END),
    "velocities": song(VELOCITIES + END),
    "chords": song(CHORDS + CHORDS + END),
    "overlapping notes of a key": song(OVERLAPPING + END),
    "held over the grid": song(played(60, 130) + played(64, 195) + END),
    "upbeat and rests": song(played(60, 50, after=350) + played(64, after=800) + END),
    "tempi and signatures": song(
        TEMPO_90 + WALTZ + meta(0x59, b"\x03\x00") + meta(0x51, b"\x09\x27\xc0", 150),
        bytes([0, 0xC0, 40]) + EIGHTHS + END,
    ),
    "several tracks": song(
        TEMPO_90 + END,
        bytes([0, 0xC0, 73, 0, 0xB0, 7, 90]) + EIGHTHS + END,
        bytes([0, 0xC1, 42]) + played(48, 400, channel=1) + END,
        played(36, 50, channel=9) + played(38, 50, after=50, channel=9) + END,
    ),
    "one track of several channels": song(
        played(60) + played(64, channel=3) + played(36, channel=9) + END, form=0
    ),
    "keys that no piano has": song(played(10) + played(120) + played(60) + END),
    "pedal, bend, lyrics, system exclusive": song(
        bytes([0, 0xB0, 64, 127, 0, 0xE0, 0, 90])
        + meta(5, "Größe".encode("latin-1"))
        + b"\0\xf0\x03\x41\x10\xf7"
        + EIGHTHS
        + END
    ),
    "9600 ticks a quarter": song(
        played(60, 4799) + played(62, 4801) + END, division=9600
    ),
    "a tick a quarter": song(played(60, 1) + played(62, 1) + END, division=1),
    "human time": song(
        b"".join(played(60 + n, 80, after=20 + n % 3) for n in range(6)) + END
    ),
    "a short last note": song(played(60) + played(64, 5) + END),
    "a note of a tick": song(played(60, 1) + END),
    "an unknown chunk": header() + chunk(b"XFIH", b"x") + song(EIGHTHS + END)[14:],
    "all channels used": song(
        b"".join(played(60 + c, channel=c) for c in range(16)) + END
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_continued_piece_has_the_given_one_and_then_what_is_drawn(
    capsys, tmp_path, preset, given
):
    written, _ = run(capsys, "continue", tmp_path, given, preset, "--steps", 6)
    if b"XFIH" in given:
        given = song(EIGHTHS + END)  # mido can't read the chunk before the track
    drawn = check_kept(given, written)
    assert drawn
    notes = midi_notes(given)
    last = max(end for _, end, *_ in notes)
    first = min(start for start, _, _ in drawn)
    # At once: less than a step later, and in a step of its own.
    assert last <= first < last + 1
    assert first >= max(start for start, *_ in notes) + 0.5
    ends = np.array([end for _, end, _ in drawn])
    np.testing.assert_allclose(ends, np.round(ends), atol=1e-9)


def midi_notes(content):
    """A file's notes by mido: beginning, end, key."""
    sounding, found = {}, []
    for track, at, message in events(content):
        if message.type not in ("note_on", "note_off"):
            continue
        place = track, message.channel, message.note
        if message.type == "note_on" and message.velocity:
            sounding.setdefault(place, []).append(at)
        elif sounding.get(place):
            found.append((sounding[place].pop(0), at, message.note, message.channel))
    return found


MELODIES = {
    "eighths on a grid of quarters",
    "several tracks",
}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(given, id=name, marks=() if name in MELODIES else pytest.mark.slow)
        for name, given in GIVEN.items()
    ],
)
def test_harmonized_piece_has_the_given_one_and_lower_notes(
    capsys, tmp_path, preset, given
):
    written, _ = run(capsys, "harmonize", tmp_path, given, preset)
    if b"XFIH" in given:
        given = song(EIGHTHS + END)
    drawn = check_kept(given, written)
    melody = [note for note in midi_notes(given) if note[3] != 9 and note[1] > note[0]]
    assert drawn
    for start, end, key in drawn:
        for time in np.arange(start + 0.2, end - 0.1, 0.25):
            over = [note[2] for note in melody if note[0] <= time < note[1]]
            assert not over or key < max(over)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["continue", "harmonize"])
def test_notes_off_the_grid_are_told_and_what_became_of_them(
    capsys, tmp_path, preset, command
):
    _, told = run(capsys, command, tmp_path, song(EIGHTHS + END), preset)
    [line] = told.splitlines()
    assert "4 of 8 notes begin between the model's time steps, 1 in a quarter" in line
    assert "4 of them, where others sound, not at all" in line
    assert line.endswith("The file that is written has them as they are.")
    _, told = run(capsys, command, tmp_path, song(played(60) * 4 + END), preset)
    assert told == ""


def test_model_hears_what_sounds_on_the_beat(capsys, tmp_path, preset, model):
    written, _ = run(capsys, "continue", tmp_path, song(EIGHTHS + END), preset)
    heard = np.stack([music.frame([key]) for key in (60, 64, 67, 67)])
    roll, [length] = model.generate(heard[None], 4 + 64, seed=0)
    drawn = roll.numpy()[0, 4 : int(length)]
    expected = {
        (4 + note.start, 4 + note.end, 21 + note.column) for note in music.notes(drawn)
    }
    assert set(check_kept(song(EIGHTHS + END), written)) == expected


def test_drawn_part_goes_on_in_the_tempo_and_the_instrument_of_the_piece(
    capsys, tmp_path, preset
):
    slow_end = bytes([0, 0xC0, 40]) + TEMPO_90 + played(60, 500, velocity=33)
    slow_end += TEMPO_30 + played(62, 100, velocity=33) + END
    written, _ = run(capsys, "continue", tmp_path, song(slow_end), preset)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(written))
    given, drawn = midi.instruments
    assert (drawn.program, given.program) == (40, 40)
    assert {note.velocity for note in drawn.notes} == {33}
    times, tempi = midi.get_tempo_changes()
    np.testing.assert_allclose(tempi, [90, 30, 90], rtol=1e-5)
    assert times[-1] == pytest.approx(given.notes[-1].end)


def test_note_that_never_ends_ends_with_its_track(capsys, tmp_path, preset):
    body = b"\0" + bytes([0x90, 60, 64]) + played(64) + number(200) + END[1:]
    written, told = run(capsys, "continue", tmp_path, song(body), preset)
    assert "song.mid: 1 note never ends but with the track." in told
    midi = pretty_midi.PrettyMIDI(io.BytesIO(written))
    ends = {note.pitch: note.end for note in midi.instruments[0].notes}
    assert ends == {60: pytest.approx(1.5), 64: pytest.approx(0.5)}
    assert min(note.start for note in midi.instruments[1].notes) >= 1.5


def test_tempo_asked_for_holds_all_through(capsys, tmp_path, preset):
    given = GIVEN["tempi and signatures"]
    written, _ = run(capsys, "continue", tmp_path, given, preset, "--tempo", 200)
    _, tempi = pretty_midi.PrettyMIDI(io.BytesIO(written)).get_tempo_changes()
    np.testing.assert_allclose(tempi, [200], rtol=1e-4)


def test_bars_of_a_primer_stay_and_are_cut_off_at_their_end(capsys, tmp_path, preset):
    upbeat = meta(0x58, b"\x01\x02\x18\x08") + meta(0x58, b"\x03\x02\x18\x08", 100)
    pedal = bytes([0, 0xB0, 64, 127])
    tune = pedal + EIGHTHS + played(76, 200) + END  # the last over the bar line at 5
    flags = ("--bars", 2, "--steps", 8)
    content = song(upbeat + END, tune)
    written, told = run(capsys, "generate", tmp_path, content, preset, *flags)
    assert "song.mid: 2 notes" not in told
    notes = [note for note in midi_notes(written) if note[0] < 4]
    assert notes == [note for note in midi_notes(content) if note[0] < 4]
    assert min(note[0] for note in midi_notes(written) if note[0] >= 4) < 5
    bar3 = ("--bars", 3, "--steps", 12)
    written, told = run(capsys, "generate", tmp_path, content, preset, *bar3)
    assert max(note[1] for note in midi_notes(content)) == 6
    assert "cut off" not in told  # silence fills the last bar
    assert (4, 6, 76, 0) in midi_notes(written)
    shorter = ("--bars", 5, "--quarters-per-bar", 1, "--steps", 8)
    written, told = run(capsys, "generate", tmp_path, content, preset, *shorter)
    assert "song.mid: 1 note is cut off at the end of bar 5." in told
    assert (4, 5, 76, 0) in midi_notes(written)
    pedals = [
        (at, m.value) for _, at, m in events(written) if m.type == "control_change"
    ]
    assert pedals == [(0, 127), (5, 0)]


@pytest.mark.slow
def test_many_pieces_begin_with_the_primer_as_it_is(capsys, tmp_path, preset):
    content = song(EIGHTHS + END)
    run(capsys, "generate", tmp_path, content, preset, "--count", 3)
    files = [(tmp_path / "out" / f"00{n}.mid").read_bytes() for n in (1, 2, 3)]
    parts = [check_kept(content, each) for each in files]
    assert parts[0] != parts[1] != parts[2]


def test_long_primer_is_followed_by_sixty_four_steps(capsys, tmp_path, monkeypatch):
    # Its own: a graph is kept in which pieces have no end.
    model = music_presets.own()
    monkeypatch.setattr(model.ending, "draw", lambda hidden, *_: hidden[:, 0] > 2)
    folder = tmp_path / "preset"
    preset = music_presets.pretend(monkeypatch, folder, model, step=1.0)
    content = song(played(60) * 150 + END)
    written, _ = run(capsys, "generate", tmp_path, content, preset)
    assert max(end for _, end, _ in check_kept(content, written)) <= 150 + 64


def test_sound_and_picture_have_the_given_notes_at_their_times(
    capsys, tmp_path, preset, figures
):
    content = song(TEMPO_90 + EIGHTHS + END)
    written, _ = run(capsys, "continue", tmp_path, content, preset, "--steps", 5)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(written))
    with wave.open(str(tmp_path / "out" / "song-continued.wav")) as file:
        frames, rate = file.getnframes(), file.getframerate()
        samples = np.frombuffer(file.readframes(frames), "<i2").astype(float)
    assert frames / rate == pytest.approx(midi.get_end_time() + 0.6, abs=1e-3)
    # The last eighth: an octave above, half a beat before the drawn part.
    eighth = samples[round(rate * 3.5 * 60 / 90) : round(rate * 4 * 60 / 90)]
    spectrum = np.abs(np.fft.rfft(eighth * np.hanning(len(eighth)), n=2**16))
    assert spectrum.argmax() * rate / 2**16 == pytest.approx(523.25, rel=0.01)
    [axes] = figures[0].axes
    [line] = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert line.get_xdata()[0] == pytest.approx(2)  # after a bar of 4/4
    starts = sorted(
        path.get_extents().x0
        for collection in axes.collections[:6]  # a collection a key
        for path in collection.get_paths()
    )
    np.testing.assert_allclose(starts[:8], 1 + np.arange(8) / 8)


def test_drums_go_on_after_drums_and_strange_ones_stay(capsys, tmp_path, monkeypatch):
    model = music_presets.model(9)
    preset = music_presets.pretend(
        monkeypatch, tmp_path / "preset", model, step=0.25, drums=True
    )
    beat = played(36, 10, channel=9) + played(56, 10, after=15, channel=9)
    beat += played(38, 5, after=60, channel=9)
    content = song(beat + END)
    written, told = run(capsys, "continue", tmp_path, content, preset, "--steps", 8)
    drawn = check_kept(content, written)
    assert min(start for start, _, _ in drawn) >= 1
    assert "1 × Cowbell: left out. The file that is written has them" in told
    midi = pretty_midi.PrettyMIDI(io.BytesIO(written))
    assert all(part.is_drum for part in midi.instruments)


def test_chorales_are_heard_an_octave_above_and_written_where_they_are_sung(
    capsys, tmp_path, monkeypatch, model
):
    preset = music_presets.pretend(
        monkeypatch, tmp_path / "preset", model, step=1.0, lowest=9
    )
    content = song(b"".join(played(key) for key in (71, 72, 74)) + END)
    written, _ = run(capsys, "continue", tmp_path, content, preset, "--steps", 9)
    heard = np.stack([music.frame([key + 12]) for key in (71, 72, 74)])
    roll, [length] = model.generate(heard[None], 3 + 9, seed=0)
    drawn = music.notes(roll.numpy()[0, 3 : int(length)])
    expected = {(3 + each.start, 3 + each.end, 9 + each.column) for each in drawn}
    assert set(check_kept(content, written)) == expected
    path = tmp_path / "song.mid"
    printed = commands.succeed(
        music_template.TEMPLATE, "score", path, "--model", preset
    )
    nats = float(model.score(heard[None])["nats_per_frame"][0])
    assert f"{nats:.4f}" in printed
    flags = ("--chord", "C4 E4", "--steps", 1, "--output", tmp_path / "out")
    commands.succeed(music_template.TEMPLATE, "generate", *flags, "--model", preset)
    chord = midi_file.parse("it", (tmp_path / "out" / "001.mid").read_bytes())
    keys = {e.data[0] for t in chord.tracks for e in t if e.status == 0x90}
    assert keys == {60, 64}


TUNE = song(b"".join(played(key) for key in (62, 64, 66, 67)) + END)


def test_model_of_one_key_hears_a_piece_in_it(capsys, tmp_path, monkeypatch, model):
    preset = music_presets.pretend(
        monkeypatch, tmp_path / "preset", model, step=1.0, command="train"
    )
    scored = model.score

    def score(rolls, lengths=None):
        in_c = np.asarray(rolls)[:, 0, music.frame("C4").argmax()]
        nats = scored(rolls, lengths)["nats_per_frame"]
        return {"nats_per_frame": np.where(in_c, 2, nats)}

    monkeypatch.setattr(model, "score", score)
    written, told = run(capsys, "continue", tmp_path, TUNE, preset, "--steps", 9)
    assert "song.mid: the model hears it -2 semitones from where it is" in told
    heard = np.stack([music.frame([key - 2]) for key in (62, 64, 66, 67)])
    roll, [length] = model.generate(heard[None], 4 + 9, seed=0)
    drawn = music.notes(roll.numpy()[0, 4 : int(length)])
    expected = {(4 + each.start, 4 + each.end, 23 + each.column) for each in drawn}
    assert set(check_kept(TUNE, written)) == expected
    flags = ("--steps", 9, "--transpose", -2)
    again, told = run(capsys, "continue", tmp_path, TUNE, preset, *flags)
    assert (again, told) == (written, "")
    _, told = run(capsys, "continue", tmp_path, TUNE, preset, "--transpose", 0)
    assert told == ""


def test_moved_melody_is_harmonized_below_it(capsys, tmp_path, preset):
    flags = ("--transpose", 5)
    written, _ = run(capsys, "harmonize", tmp_path, TUNE, preset, *flags)
    drawn = check_kept(TUNE, written)
    assert drawn
    for start, end, key in drawn:
        assert key < min((62, 64, 66, 67)[int(start) : int(end)])


def test_melody_alone_stays_where_that_is_asked_for(capsys, tmp_path, preset, model):
    # Above: a melody, whose chord's low notes are struck first; below: a bass; drums.
    spread = bytes(
        [0, 0x90, 48, 64, 3, 52, 64, 3, 72, 64, 94, 48, 0, 0, 52, 0, 0, 72, 0]
    )
    top = bytes([0, 0xC0, 40]) + spread + played(74) + played(71, after=100) + END
    bass = played(40, 200, channel=1) + played(43, 200, channel=1) + END
    drums = played(36, 50, channel=9) + END
    flags = ("--melody-only",)
    content = song(TEMPO_90 + END, top, bass, drums)
    written, told = run(capsys, "harmonize", tmp_path, content, preset, *flags)
    assert "song.mid: 3 notes below the melody left out." in told
    midi = pretty_midi.PrettyMIDI(io.BytesIO(written))
    given = [part for part in midi.instruments if part.name != "drawn"]
    kept = {note.pitch: note.start * 1.5 for part in given for note in part.notes}
    # The bass is the highest where the melody rests.
    expected = {72: 0.06, 74: 1, 43: 2, 71: 3, 36: 0}
    assert kept == {key: pytest.approx(at, abs=1e-3) for key, at in expected.items()}
    assert given[0].program == 40
    [drawn] = [part for part in midi.instruments if part.name == "drawn"]
    assert max(note.pitch for note in drawn.notes) < 74


@settings(max_examples=200, deadline=None)
@with_data(st.data())
def test_whatever_can_be_read_can_be_added_to(data):
    content = bytearray(data.draw(st.sampled_from(list(GIVEN.values()))))
    for _ in range(data.draw(st.integers(0, 5))):
        place = data.draw(st.integers(14, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    grid = Grid(data.draw(st.sampled_from([1, 0.5, 0.25, 1 / 3])))
    try:
        piece = music.read_midi(
            bytes(content),
            steps_per_quarter=grid.steps_per_quarter,
            outside="shift",
            passing="yield",
        )
        given = additions.original(piece, grid, None)
        if data.draw(st.booleans()):
            bars = data.draw(st.integers(1, 3))
            given = additions.first_bars("song.mid", given, bars, None)
    except (MidiError, UserError):
        return
    free = additions.below_melody(given)
    assert not (free & (given.roll > 0)).any()
    drawn = np.random.default_rng(0).integers(0, 2, (3, 88)).astype("uint8")
    file = additions.add(given, drawn, given.next_step)
    before, after = given.notes, played_notes(file)
    added = [note for note in after if note.track == len(given.file.tracks)]
    assert [note for note in after if note not in added] == before
    assert len(added) == len(music.notes(drawn))
    assert min(note.start for note in added) >= max((n.end for n in before), default=0)
    assert midi_file.parse("it", midi_file.encode(file))[1:] == file[1:]
