"""What is wrong with what a music model is given: code 2, one line, no file."""

import shutil
import sys

import pytest

from tasks import music as music_template
from tests.tasks.music import small_presets as music_presets
from zoo import music

mido = pytest.importorskip("mido")
pytest.importorskip("pretty_midi")

from tests.zoo.music.midi_files import midi_bytes, note  # noqa: E402

MISTAKES = {
    "temperature": (["generate", "--temperature", -1], "--temperature must be at"),
    "no number": (["generate", "--temperature", "nan"], "--temperature must be"),
    "seed": (["generate", "--seed", -1], "--seed must be at least 0"),
    "large seed": (["generate", "--seed", 2**63], "--seed must be in [0, "),
    "count": (["generate", "--count", 0], "--count must be at least 1, found 0"),
    "steps": (["generate", "--steps", 0], "--steps must be at least 1, found 0"),
    "many steps": (["generate", "--steps", 2**31], "--steps must be in [0, "),
    "tempo": (["generate", "--tempo", 0], "--tempo: A tempo is from 4 to 1000"),
    "both": (
        ["generate", "--primer", "x", "--chord", "C"],
        "Give --primer or --chord, not both",
    ),
    "bars": (["generate", "--bars", 2], "--bars are of a --primer"),
    "no bars": (
        ["generate", "--primer", "SONG", "--bars", 0],
        "--bars must be at least 1, found 0",
    ),
    "bar": (["generate", "--quarters-per-bar", 0], "--quarters-per-bar must be above"),
    "output": (["generate", "--output", "SONG"], "song.mid is a file, not a folder"),
    "deep output": (["generate", "--output", "SONG/out"], "song.mid is a file, not a"),
    "chord": (["generate", "--chord", "C Hm G"], "There is no note 'Hm'"),
    "no chord": (["generate", "--chord", ""], "has no notes"),
    "high chord": (["generate", "--chord", "C9"], "The note C9 (MIDI 120) is not on"),
    "long": (
        ["generate", "--primer", "SONG", "--steps", 15],
        "The primer has 16 time steps, the piece is to have 15",
    ),
    "more bars": (
        ["generate", "--primer", "SONG", "--bars", 3],
        "song.mid has: 2, of 4 quarter notes each",
    ),
    "part": (
        ["generate", "--primer", "SONG", "--bars", 1, "--quarters-per-bar", 0.75],
        "--bars 1, of 0.75 quarter notes each, would end within",
    ),
    "no primer": (["generate", "--primer", "no.mid"], "no.mid can't be read: No such"),
    "no preset": (["generate", "--model", "no"], "Unknown preset 'no'"),
    "no files": (["continue"], "the following arguments are required: FILE"),
    "continue": (["continue", "SONG", "--steps", 0], "--steps must be at least 1"),
    "same": (["harmonize", "SONG", "SONG"], "Two files would be written as"),
    "moved": (["generate", "--transpose", 2], "--transpose moves a --primer"),
    "moved away": (
        ["continue", "SONG", "--transpose", 99],
        "--transpose 99: Moved by +99 semitones, notes would leave the 88 keys",
    ),
    "no MIDI": (["continue", "TEXT"], "text.mid is no MIDI file"),
    "no note": (["harmonize", "EMPTY"], "empty.mid has no notes"),
    "folder": (["score", "."], "can't be read: Is a directory. Give its files: *.mid"),
    "unknown": (["predict", "SONG"], "There are: train, evaluate, generate, continue"),
}


@pytest.fixture
def run_music(run):
    return lambda *argv: run(*argv, template=music_template.TEMPLATE)


@pytest.fixture
def files(tmp_path):
    """Files by what MISTAKES calls them; the song has two bars, 16 time steps."""
    paths = {
        name: tmp_path / f"{name.lower()}.mid" for name in ("SONG", "TEXT", "EMPTY")
    }
    music.write_midi([music.frame("C E G")] * 16, paths["SONG"], steps_per_quarter=2)
    paths["TEXT"].write_text("A text.")
    paths["EMPTY"].write_bytes(midi_bytes([]))
    return paths


@pytest.fixture
def preset(monkeypatch, tmp_path):
    model = music_presets.model()
    return music_presets.pretend(monkeypatch, tmp_path / "preset", model, step=0.5)


def check(outcome, told):
    """Checks that a mistake was told in one line that contains `told`."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert line.startswith("python -m tasks.music")
    assert told in line


@pytest.mark.parametrize(("argv", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(
    run_music, monkeypatch, tmp_path, files, request, argv, told
):
    argv = [str(argument).replace("SONG", str(files["SONG"])) for argument in argv]
    argv = [str(files.get(argument, argument)) for argument in argv]
    if "--model" not in argv and argv[0] != "predict":
        argv += ["--model", request.getfixturevalue("preset")]
    if "--output" not in argv and argv[0] not in ("score", "predict"):
        argv += ["--output", tmp_path / "out"]
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    check(run_music(*argv), told)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["continue", "harmonize", "score"])
def test_bad_files_are_told_and_the_others_done(
    run_music, tmp_path, files, preset, command
):
    last = tmp_path / "last.mid"
    shutil.copy(files["SONG"], last)
    given = [files["TEXT"], files["SONG"], tmp_path / "none.mid", last]
    where = () if command == "score" else ("--output", tmp_path / "out")
    outcome = run_music(command, *given, "--model", preset, *where)
    assert outcome.code == 2
    first, second, end = outcome.err.splitlines()
    assert first.startswith(f"left out: {files['TEXT']} is no MIDI file")
    assert second.startswith(f"left out: {tmp_path / 'none.mid'} can't be read")
    assert end.endswith("error: 2 of 4 files are left out: see above.")
    if command == "score":
        told = [line.split()[-1] for line in outcome.out.splitlines()]
        assert told == ["file", str(files["SONG"]), str(last)]
    else:
        written = sorted(path.name for path in (tmp_path / "out").glob("*.mid"))
        ending = {"continue": "continued", "harmonize": "harmonized"}[command]
        assert written == [f"last-{ending}.mid", f"song-{ending}.mid"]


def test_no_given_file_is_replaced(run_music, tmp_path, files, preset):
    given = files["SONG"].read_bytes()
    shutil.copy(files["SONG"], tmp_path / "001.mid")
    shutil.copy(files["SONG"], tmp_path / "song-continued.mid")
    where = ("--model", preset, "--output", tmp_path)
    told = "would be replaced: choose another --output"
    check(run_music("generate", "--primer", tmp_path / "001.mid", *where), told)
    both = (files["SONG"], tmp_path / "song-continued.mid")
    check(run_music("continue", *both, *where), told)
    for path in (*both, tmp_path / "001.mid"):
        assert path.read_bytes() == given


def test_tempo_that_no_file_can_have_is_told(run_music, tmp_path, files, preset):
    fast = mido.MetaMessage("set_tempo", tempo=1)
    files["SONG"].write_bytes(midi_bytes([fast, *note(60, 16_000)]))
    outcome = run_music("continue", files["SONG"], "--model", preset)
    check(outcome, "song.mid, without --tempo: A tempo is from 4 to 1000")


def test_missing_library_is_told_with_its_extra(
    run_music, monkeypatch, tmp_path, files, preset
):
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    for argv in (["generate"], ["continue", files["SONG"]], ["score", files["SONG"]]):
        outcome = run_music(*argv, "--model", preset)
        check(outcome, "pip install pretty_midi")


@pytest.mark.parametrize("command", ["generate", "continue", "harmonize", "score"])
def test_model_that_wants_a_vector_is_told(
    run_music, monkeypatch, tmp_path, files, command
):
    model = music_presets.model(conditioning=3)
    preset = music_presets.pretend(monkeypatch, tmp_path / "preset", model)
    given = [] if command == "generate" else [files["SONG"]]
    outcome = run_music(command, *given, "--model", preset)
    check(outcome, "depend on a vector of 3 numbers")


def test_models_without_a_melody_are_told(run_music, monkeypatch, tmp_path, files):
    folder = tmp_path / "preset"
    model = music_presets.model(order="low_to_high")
    preset = music_presets.pretend(monkeypatch, folder, model, step=0.5)
    outcome = run_music("harmonize", files["SONG"], "--model", preset)
    check(outcome, "draws a frame's notes from low to high")
    preset = music_presets.pretend(
        monkeypatch, folder, music_presets.model(9), drums=True
    )
    outcome = run_music("harmonize", files["SONG"], "--model", preset)
    check(outcome, "plays drums, which have no melody")
    outcome = run_music("generate", "--chord", "C E G", "--model", preset)
    check(outcome, "--chord: the model plays drums")
    outcome = run_music("score", files["SONG"], "--model", preset)
    check(outcome, "song.mid has no notes for drums")


def test_grid_that_is_none_is_told(run_music, monkeypatch, tmp_path):
    preset = music_presets.pretend(
        monkeypatch, tmp_path / "preset", music_presets.model(), step=2
    )
    check(run_music("generate", "--model", preset), "A time step is a quarter note")
