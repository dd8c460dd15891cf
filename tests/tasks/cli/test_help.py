"""What help shows, what is suggested, and what the program is called."""

import os
import re
import subprocess
import sys

import pytest

from tasks import __main__ as front
from tasks.cli import command_line as cli
from tasks.music import config as music_config
from tasks.text import config as text_config
from tests.tasks.templates import TEMPLATES
from zoo.errors import did_you_mean, nearest
from zoo.version import __version__

templates = pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)


def commands(template):
    """Returns a template's parsers by command, with all flags."""
    parser = cli._parser(template)
    found = next(a for a in parser._actions if a.dest == "command").choices
    for command in found.values():
        command.format_help()  # adds the config's flags
    return found


def folded(text):
    return " ".join(text.split())


@templates
def test_every_default_but_none_and_empty_is_shown(template):
    for name, parser in commands(template).items():
        shown = folded(parser.format_help())
        for action in parser._actions:
            default = action.default
            if not action.option_strings or default in (None, "", []):
                continue
            if isinstance(default, bool) or default == "==SUPPRESS==":
                continue
            default = " ".join(default) if isinstance(default, list) else default
            text = folded(action.help % {"prog": "", "default": default})
            text = text.removesuffix(f" (default: {default})")
            expected = f"{text} (default: {default})"
            assert expected in shown or "(default: runs/…)" in text, (name, action.dest)


@templates
def test_help_names_no_class_and_explains_every_argument(template):
    for parser in commands(template).values():
        shown = parser.format_help()
        assert not re.search(r"^\w*Config:$", shown, re.MULTILINE)
        assert all(action.help for action in parser._actions)


def test_a_default_of_zero_is_shown():
    shown = folded(commands(TEMPLATES[2])["train"].format_help())
    assert "by this times the step size (decoupled weight decay, AdamW); 0: not at" in (
        shown
    )
    for flag in ("--weight-decay", "--dropout", "--ema-momentum"):
        assert re.search(rf" {flag} [A-Z_]+ [^-].*?\(default: 0\.0\)", shown), flag
    assert re.search(r" --cache CACHE .*?\(default: 0\) --cache-sharpness", shown)


@templates
def test_a_switch_is_shown_with_its_opposite_and_its_default(template):
    parser = commands(template)["train"]
    shown = folded(parser.format_help())
    assert "[--mirrored | --no-mirrored]" in shown
    assert "--mirrored, --no-mirrored spread" in shown
    assert "(default: --no-mirrored)" in shown
    assert not re.search(r"\[--[\w-]+ \[", parser.format_usage())
    assert "MIRRORED" not in shown


@templates
def test_no_flag_is_given_without_its_value(run, template):
    outcome = run("train", "--data-dir", template=template)
    assert outcome.code == 2
    assert "--data-dir: expected one argument" in outcome.err


@pytest.mark.parametrize("given", [["--no-mirrored", "true"], ["--no-mirrored=0"]])
def test_a_switch_that_is_off_takes_no_value(run, given):
    outcome = run("train", *given)
    assert outcome.code == 2
    assert "error: Negative flags" in outcome.err


@templates
def test_the_version_is_told_by_every_template(run, template):
    for argv in (["--version"], ["--version", "train"]):
        outcome = run(*argv, template=template)
        assert (outcome.code, outcome.out) == (0, f"sequence-zoo {__version__}\n")


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("imdb", ["imdb_reviews", "i_naturalist", "ipdb9"], ["imdb_reviews"]),
        ("IMDB-Reviews", ["imdb_reviews", "imdb"], ["imdb_reviews"]),
        ("imbd_reviews", ["imdb_reviews", "reviews"], ["imdb_reviews"]),
        ("multi", ["multi30k", "multi_nli", "multi_news", "multi_xy"], 3),
        ("shakespeare", ["tiny_shakespeare", "shapes"], ["tiny_shakespeare"]),
        ("val", ["train", "validation"], ["validation"]),
        ("text_en", ["text", "label"], ["text"]),
        ("conll", ["ner_conll2002_es", "sentiment"], ["ner_conll2002_es"]),
        ("e", ["epochs", "seed"], []),
        ("", ["epochs"], []),
        ("___", ["epochs"], []),
        ("zzz", ["epochs", "seed"], []),
    ],
)
def test_a_name_half_remembered_is_found(name, known, found):
    near = nearest(name, known)
    assert len(near) == found if isinstance(found, int) else near == found


def test_several_that_may_be_meant_are_named():
    known = ["wmt14", "wmt15", "wmt16", "wmt17", "glue"]
    told = "Unknown dataset 'wmt'. Did you mean 'wmt14', 'wmt15' or 'wmt16'?"
    assert did_you_mean("dataset", "wmt", known) == told


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_zoo_alone_lists_the_templates(capsys, argv):
    assert front.main(argv) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for template in TEMPLATES:
        assert re.search(rf"^  zoo {template.name}  +\w", out, re.MULTILINE)
    assert front.main([], front.MODULE) == 0
    assert "  python -m tasks.sentiment  " in capsys.readouterr().out


@templates
@pytest.mark.parametrize("program", [front.SCRIPT, front.MODULE])
def test_help_and_mistakes_name_the_program_that_was_called(capsys, template, program):
    called = (
        f"zoo {template.name}" if program == "zoo" else f"{program}.{template.name}"
    )
    assert front.main([template.name], program) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: {called} ")
    others = {"zoo ": "python -m tasks", "python -m tasks": "  zoo "}
    assert next(o for p, o in others.items() if called.startswith(p)) not in out
    assert len(re.findall(rf"^  {re.escape(called)} ", out, re.MULTILINE)) >= 4
    with pytest.raises(SystemExit) as stop:
        front.main([template.name, "train", "--epoch", "3"], program)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{called} train: error: ")
    assert err.endswith(f"See {called} train --help.\n")
    assert front.main([template.name, "evaluate", "--model", "no"], program) == 2
    assert capsys.readouterr().err.startswith(f"{called}: error: Unknown preset 'no'")


def test_an_unknown_template_is_told_with_the_nearest(capsys):
    with pytest.raises(SystemExit) as stop:
        front.main(["sentimnet", "predict"])
    assert stop.value.code == 2
    assert "Did you mean 'sentiment'? See zoo --help." in capsys.readouterr().err


def test_zoo_works_beside_a_users_own_tasks(tmp_path):
    """As an installed script does it: its folder, not the current one, is searched."""
    for name in ("tasks.py", "sentiment.py", "cli.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong one')")
    scripts = tmp_path / "bin"
    scripts.mkdir()
    script = scripts / "zoo"
    script.write_text("import sys\nfrom tasks.__main__ import main\nsys.exit(main())")
    root = os.path.dirname(os.path.dirname(front.__file__))
    outcome = subprocess.run(
        [sys.executable, str(script), "sentiment", "train", "--epoch", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("zoo sentiment train: error: Unknown flag")


@pytest.mark.parametrize("config", [text_config.Generation, music_config.Generation])
def test_draws_without_a_seed_differ_and_tell_theirs(capsys, config):
    seeds = []
    for _ in range(2):
        settings = config()
        settings.check()
        with cli._seed_told(settings):
            seeds.append(settings.seed)
    assert seeds[0] != seeds[1]
    told = [f"note: drawn with --seed {seed}" for seed in seeds]
    assert capsys.readouterr().err.splitlines() == told
    settings = config(seed=7)
    with cli._seed_told(settings):
        assert settings.seed == 7
    assert capsys.readouterr().err == ""


def interrupt(settings):
    with cli._seed_told(settings):
        raise KeyboardInterrupt


def test_a_seed_is_told_of_what_is_interrupted_too(capsys):
    settings = text_config.Generation()
    with pytest.raises(KeyboardInterrupt):
        interrupt(settings)
    assert f"--seed {settings.seed}" in capsys.readouterr().err


@pytest.mark.parametrize("argv", ["", "--help", "text train --help", "music"])
def test_a_reader_of_help_who_has_had_enough_is_no_error(argv):
    program = "import sys; from tasks.__main__ import main; sys.exit(main())"
    outcome = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -c '{program}' {argv} | :"],
        capture_output=True,
        text=True,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_help_without_docstrings_shows_no_signatures():
    program = "from tasks.__main__ import main; main(['text', 'generate', '--help'])"
    outcome = subprocess.run(
        [sys.executable, "-OO", "-c", program], capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "--model PRESET" in outcome.stdout
    assert not re.search(r"^  \w+\(\w+: ", outcome.stdout, re.MULTILINE)
