"""`zoo presets`: a line for each preset that is installed, at once."""

import os
import subprocess
import sys

import pytest

from tasks import __main__ as front
from zoo import presets

CARD = "# birds\n\nTells birds apart.\n\n## Use\n\nAs you like.\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Returns an empty folder of the user's for presets; the zoo has none."""
    monkeypatch.setenv("ZOO_PRETRAINED", str(tmp_path))
    monkeypatch.setattr(presets, "_SHIPPED", tmp_path / "nowhere")
    return tmp_path


def make(folder, card=None):
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    if card is not None:
        (folder / "README.md").write_text(card, "utf-8")


@pytest.mark.parametrize("program", [front.SCRIPT, front.MODULE])
def test_each_preset_has_a_line_with_its_size_and_what_it_does(place, capsys, program):
    make(place / "trees")
    make(place / "birds", CARD)
    (place / "birds" / "weights").write_bytes(bytes(3_000_000))
    assert front.main(["presets"], program) == 0
    out, err = capsys.readouterr()
    assert [line.split(maxsplit=3) for line in out.splitlines()] == [
        ["birds", "3", "MB", "Tells birds apart."],
        ["trees", "0", "MB"],
    ]
    assert err == ""
    assert out == "".join(f"{each}\n" for each in presets.list())


def test_where_none_are_installed_it_is_told_how_they_get_there(place, capsys):
    assert front.main(["presets"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("note: no presets are installed here: install the zoo ")
    assert "$ZOO_PRETRAINED" in err


def test_those_that_the_zoo_has_are_listed_without_tensorflow():
    program = (
        "import sys; from tasks.__main__ import main; assert main(['presets']) == 0\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    hidden = {k: v for k, v in os.environ.items() if k != "ZOO_PRETRAINED"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=hidden
    )
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == sorted(path.name for path in presets._SHIPPED.iterdir())


def test_a_card_of_any_characters_is_printed_on_any_terminal(place):
    make(place / "birds", "# birds\n\nVögel, 鳥.\n")
    command = [sys.executable, "-m", "tasks", "presets"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert rb"V\u00f6gel, \u9ce5." in done.stdout


def test_a_place_that_may_not_be_looked_into_is_told(place, capsys, forbidden):
    make(place / "birds", CARD)
    forbidden.add(place.parent)
    assert front.main(["presets"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("zoo: error: ")
    assert "can't be read: Permission denied" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_help_names_the_command(capsys, argv):
    assert front.main(argv) == 0
    assert "`zoo presets` lists the trained models" in capsys.readouterr().out
    assert front.main(argv, front.MODULE) == 0
    assert "`python -m tasks presets` lists" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["presets", "--help"], 0, "usage: zoo presets [-h] [--version]"),
        (["presets", "--version"], 0, "sequence-zoo "),
        (["presets", "birds"], 2, "zoo presets: error: unexpected birds"),
        (["presets", "--jsn"], 2, "zoo presets: error: Unknown flag '--jsn'"),
        (["preset"], 2, "Did you mean 'presets'? See zoo --help."),
    ],
)
def test_its_help_and_its_mistakes_are_told(capsys, argv, code, told):
    with pytest.raises(SystemExit) as stop:
        front.main(argv)
    assert stop.value.code == code
    assert told in "".join(capsys.readouterr())
