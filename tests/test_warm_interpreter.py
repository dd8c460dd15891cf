"""Programs in forks of an interpreter end and print as those in a process of theirs."""

import sys
from pathlib import Path

import pytest

from tests.warm_interpreter import WarmInterpreter


@pytest.fixture(scope="module")
def warm():
    warm = WarmInterpreter("import fractions; fractions.told = 'imported before'")
    yield warm
    warm.close()


def test_a_program_runs_in_its_folder_with_its_arguments_and_imports(warm, tmp_path):
    program = "import fractions, os, sys\nprint(os.getcwd(), *sys.argv, fractions.told)"
    result = warm.run(program, tmp_path, "name", "caf\u00e9")
    assert result.returncode == 0
    assert result.stdout == f"{tmp_path} name caf\u00e9 imported before\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("program", "code", "told"),
    [
        ("1 / 0", 1, "ZeroDivisionError"),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("import sys; sys.exit()", 0, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("syntax error", 1, "SyntaxError"),
    ],
)
def test_how_a_program_ends_is_told(warm, tmp_path, program, code, told):
    result = warm.run(program, tmp_path)
    assert result.returncode == code
    assert told in result.stderr
    assert bool(told) == bool(result.stderr)


def test_programs_know_nothing_of_each_other(warm, tmp_path):
    assert warm.run("import sys; sys.mark = mark = 1", tmp_path).returncode == 0
    alike = "import sys; print(hasattr(sys, 'mark'), 'mark' in globals())"
    assert warm.run(alike, tmp_path).stdout == "False False\n"
    assert not hasattr(sys, "mark")


def test_a_program_has_nothing_to_read(warm):
    result = warm.run("import sys; print(repr(sys.stdin.read()))", Path.cwd())
    assert result.stdout == "''\n"
