"""What a music model draws is written as it was drawn, after what was given."""

import json
import sys
import wave

import numpy as np
import pytest

from tasks import music as music_template
from tests.tasks import commands
from tests.tasks.music import small_presets as music_presets
from tests.zoo.music.rolls import until_its_last_note
from zoo import music, presets
from zoo.models import MusicModel

mido = pytest.importorskip("mido")
pytest.importorskip("pretty_midi")

from tests.zoo.music.midi_files import midi_bytes, note, tempo  # noqa: E402

RATE = 22_050
KINDS = ("mid", "png", "wav")


def succeed(command, *flags):
    """Runs a command that has to work, with a seed where it takes one."""
    seed = () if command == "score" or "--seed" in flags else ("--seed", 0)
    return commands.succeed(music_template.TEMPLATE, command, *flags, *seed)


@pytest.fixture
def model():
    return music_presets.model()


@pytest.fixture
def preset(monkeypatch, tmp_path, model):
    """A preset with two time steps in a quarter note."""
    folder = tmp_path / "preset"
    return music_presets.pretend(monkeypatch, folder, model, step=0.5, drums=False)


@pytest.fixture
def waltz(tmp_path):
    """Four bars of 3/4 at 90 quarter notes a minute, the last one without its end."""
    signature = mido.MetaMessage("time_signature", numerator=3, denominator=4)
    melody = [message for n in range(11) for message in note(72 - n, 100)]
    bass = [message for n in range(3) for message in note(40 + n, 250, after=50)]
    path = tmp_path / "waltz.mid"
    path.write_bytes(midi_bytes([signature, tempo(90), *melody], bass))
    return path


def read(path, **arguments):
    return music.read_midi(path, **{"steps_per_quarter": 2, **arguments}).roll


def drawn(model, primer, steps, count=1, **how):
    """Returns the pieces that a model draws, without what comes after their ends."""
    given = np.repeat(primer[None], count, axis=0)
    rolls, lengths = (
        found.numpy() for found in model.generate(given, steps, **{"seed": 0, **how})
    )
    return [roll[:length] for roll, length in zip(rolls, lengths, strict=True)]


def check_heard(path, roll, **arguments):
    """Checks that a MIDI file has the notes of a roll."""
    np.testing.assert_array_equal(read(path, **arguments), until_its_last_note(roll))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_preset_draws_pieces_and_writes_each_in_three_files(tmp_path, model):
    model.save_to_preset(tmp_path / "preset")
    presets.write_metrics(tmp_path / "preset", {"training": {"step": 0.5}}, card="")
    output = tmp_path / "deep" / "folder"
    flags = ("--count", 4, "--steps", 30, "--seed", 3)
    flags += ("--temperature", 0.9, "--tempo", 90)
    where = ("--model", tmp_path / "preset", "--output", output)
    printed = succeed("generate", *where, *flags)
    loaded = MusicModel.from_preset(tmp_path / "preset")
    nothing = np.zeros((0, 88))
    pieces = drawn(loaded, nothing, 30, count=4, seed=3, temperature=0.9)
    assert len({len(piece) for piece in pieces}) > 1  # some have ended before others
    assert names(output) == [f"00{n}.{kind}" for n in range(1, 5) for kind in KINDS]
    for number, piece in enumerate(pieces, start=1):
        path = output / f"00{number}.mid"
        check_heard(path, piece)
        assert music.read_midi(path).tempo == pytest.approx(90, rel=1e-4)
        seconds = len(piece) / 2 * 60 / 90
        with wave.open(str(path.with_suffix(".wav"))) as file:
            assert file.getnframes() == round(seconds * RATE) + round(0.6 * RATE)
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        told = f"piece       {len(piece)} time steps, {seconds:.1f} s\n"
        told += f"MIDI        {path}\nsound       {path.with_suffix('.wav')}\n"
        assert f"{told}picture     {path.with_suffix('.png')}\n" in printed


def test_the_same_seed_writes_the_same_files(tmp_path, preset):
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        flags = ("--steps", 12, "--seed", seed, "--output", tmp_path / name)
        succeed("generate", "--model", preset, *flags)
    files = {
        name: [(tmp_path / name / f"001.{kind}").read_bytes() for kind in KINDS]
        for name in ("one", "two", "three")
    }
    assert files["one"] == files["two"]
    assert files["one"][0] != files["three"][0]


@pytest.mark.parametrize("chord", ["C E G", "F#3"])
def test_piece_begins_with_the_chord(tmp_path, preset, model, chord):
    flags = ("--chord", chord, "--steps", 8, "--output", tmp_path / "out")
    succeed("generate", "--model", preset, *flags)
    first = music.frame(chord)
    [piece] = drawn(model, first[None], 8)
    check_heard(tmp_path / "out" / "001.mid", piece)
    np.testing.assert_array_equal(read(tmp_path / "out" / "001.mid")[0], first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "given"),
    [
        ((), 22),
        (("--bars", 2), 12),
        (("--bars", 4), 24),
        (("--bars", 2, "--quarters-per-bar", 4), 16),
    ],
)
def test_piece_begins_with_bars_of_the_primer(
    tmp_path, preset, model, waltz, figures, flags, given
):
    where = ("--model", preset, "--output", tmp_path / "out", "--steps", 40)
    succeed("generate", *where, "--primer", waltz, *flags)
    # The waltz ends a quarter note before its fourth bar does.
    song = np.pad(read(waltz), [(0, 2), (0, 0)])
    [piece] = drawn(model, song[:given], 40)
    np.testing.assert_array_equal(piece[:given], song[:given])
    assert len(piece) > given
    check_heard(tmp_path / "out" / "001.mid", piece)
    found = music.read_midi(tmp_path / "out" / "001.mid")
    assert found.tempo == pytest.approx(90, rel=1e-4)
    [axes] = figures[0].axes
    assert axes.get_xlabel() == "bar"
    [line] = [line for line in axes.lines if line.get_linestyle() == "--"]
    steps_per_bar = 8 if "--quarters-per-bar" in flags else 6
    assert line.get_xdata()[0] == pytest.approx(1 + given / steps_per_bar)


def test_primer_may_be_the_whole_piece(tmp_path, preset, waltz):
    where = ("--model", preset, "--output", tmp_path / "out")
    succeed("generate", *where, "--primer", waltz, "--steps", 22)
    check_heard(tmp_path / "out" / "001.mid", read(waltz))


def test_files_go_on_after_their_last_note(tmp_path, preset, model, waltz):
    other = tmp_path / "op.1 no.2.mid"
    music.write_midi([music.frame("C E G")] * 3, other, tempo=60, steps_per_quarter=2)
    output = tmp_path / "out"
    where = ("--model", preset, "--output", output, "--steps", 10, "--seed", 2)
    printed = succeed("continue", waltz, other, *where)
    stems = ["op.1 no.2-continued", "waltz-continued"]
    assert names(output) == [f"{stem}.{kind}" for stem in stems for kind in KINDS]
    for path in (waltz, other):
        given = read(path)
        [piece] = drawn(model, given, len(given) + 10, seed=2)
        np.testing.assert_array_equal(piece[: len(given)], given)
        written = output / f"{path.stem}-continued.mid"
        check_heard(written, piece)
        tempi = [music.read_midi(each).tempo for each in (path, written)]
        assert tempi[0] == pytest.approx(tempi[1], rel=1e-4)
        assert f"piece       {len(piece)} time steps" in printed


def test_notes_stay_and_what_is_drawn_is_below_the_highest(
    tmp_path, preset, model, waltz, figures
):
    output = tmp_path / "out"
    succeed("harmonize", waltz, "--model", preset, "--output", output, "--tempo", 200)
    assert names(output) == [f"waltz-harmonized.{kind}" for kind in KINDS]
    song = read(waltz)
    found = read(output / "waltz-harmonized.mid")
    highest = [[row.nonzero()[0].max() for row in roll] for roll in (song, found)]
    assert highest[0] == highest[1]
    below = np.arange(88) < np.array(highest[0])[:, None]
    free = below & (song == 0)
    drawn = model.harmonize(song[None], free=free[None], seed=0)[0]
    np.testing.assert_array_equal(found, drawn)
    assert (found >= song).all()
    assert (found != song).any()
    written = music.read_midi(output / "waltz-harmonized.mid")
    assert written.tempo == pytest.approx(200, rel=1e-4)
    titles = [axes.get_title() for axes in figures[0].axes]
    assert titles == ["waltz.mid", "waltz-harmonized"]


def test_files_cost_what_the_model_says(tmp_path, preset, model, waltz):
    other = tmp_path / "é.mid"
    music.write_midi([music.frame("C E G")] * 3, other, steps_per_quarter=2)
    files = [waltz, other]
    rows = succeed("score", *files, "--model", preset, "--json").splitlines()
    header, *table = succeed("score", *files, "--model", preset).splitlines()
    assert header.split("  ") == ["nats per frame", "published", "frames", "file"]
    for path, line, told in zip(files, rows, table, strict=True):
        roll = read(path)
        expected = {
            key: float(value[0]) for key, value in model.score(roll[None]).items()
        }
        row = json.loads(line)
        assert row == {
            "file": str(path),
            "frames": len(roll),
            **{key: pytest.approx(value, rel=1e-5) for key, value in expected.items()},
        }
        assert told.split() == [
            f"{expected['nats_per_frame']:.4f}",
            f"{expected['published_nats_per_frame']:.4f}",
            str(len(roll)),
            str(path),
        ]


def test_drums_are_read_and_written_as_drums(monkeypatch, tmp_path):
    model = music_presets.model(9)
    preset = music_presets.pretend(
        monkeypatch, tmp_path / "preset", model, step=0.25, drums=True
    )
    beat = np.eye(9)[[0, 2, 1, 2] * 4]
    music.write_midi(beat, tmp_path / "beat.mid", drums=True)
    where = ("--model", preset, "--output", tmp_path / "out", "--steps", 20)
    succeed("continue", tmp_path / "beat.mid", *where)
    succeed("generate", "--primer", tmp_path / "beat.mid", "--bars", 1, *where)
    for name, steps in (("beat-continued", 36), ("001", 20)):
        [piece] = drawn(model, beat, steps)
        grid = {"drums": True, "steps_per_quarter": 4}
        check_heard(tmp_path / "out" / f"{name}.mid", piece, **grid)


def test_without_matplotlib_there_is_no_picture(monkeypatch, tmp_path, preset):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    output = tmp_path / "out"
    flags = ("--steps", 4, "--output", output)
    printed = succeed("generate", "--model", preset, *flags)
    assert names(output) == ["001.mid", "001.wav"]
    assert "picture     Pictures need matplotlib, of the extra 'plots'" in printed
