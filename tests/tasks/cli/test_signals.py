"""Commands that a signal ends."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks import sentiment
from tasks.cli import command_line as cli
from tasks.cli import signals
from tests.tasks.templates import TEMPLATES
from zoo.files import replaced_file

SIGNALS = [signal.SIGTERM, signal.SIGHUP]
ROOT = Path(cli.__file__).parents[2]

pytestmark = pytest.mark.usefixtures("heard")


def running(predict):
    """Returns a template whose `predict` does this."""
    return dataclasses.replace(sentiment.TEMPLATE, predict=predict)


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGINT])
def test_a_signal_ends_a_command_and_leaves_nothing_half(run, tmp_path, number):
    def predict(*_):
        with replaced_file(tmp_path / "out.txt") as part:
            part.write_text("half of it")
            os.kill(os.getpid(), number)
            for _ in range(1000):
                pass

    before = signal.getsignal(number)
    outcome = run("predict", "A text.", template=running(predict))
    assert outcome.code == 128 + number
    assert outcome.err == "\npython -m tasks.sentiment: interrupted.\n"
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is before


def test_signals_that_follow_at_once_are_the_same_one(run, tmp_path):
    """A terminal that is closed tells it twice; what tidies up has to get through."""
    tidied = []

    def predict(*_):
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            tidied.append(True)

    outcome = run("predict", "A text.", template=running(predict))
    assert (outcome.code, tidied) == (129, [True])
    assert outcome.err == "\npython -m tasks.sentiment: interrupted.\n"


def test_a_signal_that_comes_later_is_heard_again(run, monkeypatch):
    def predict(*_):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:  # hangs
            monkeypatch.setattr(signals, "_SAME_SECONDS", 0.0)
            os.kill(os.getpid(), signal.SIGINT)

    assert run("predict", "A text.", template=running(predict)).code == 130


def test_what_a_library_makes_of_an_interruption_is_one(run):
    def predict(*_):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt as error:
            try:
                raise ValueError("can't be closed")  # in its `__exit__`
            except ValueError:
                raise RuntimeError("has no cause of its own") from error

    outcome = run("predict", "A text.", template=running(predict))
    assert outcome.code == 143
    assert outcome.err == "\npython -m tasks.sentiment: interrupted.\n"


@pytest.mark.parametrize("library", ["simple_parsing", "tasks.cli.parser"])
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "tasks"],
        ["-m", "tasks.sentiment", "predict", "x"],
        ["-m", "tasks.demo"],
        ["-c", "import sys; from tasks.__main__ import main; sys.exit(main())"],
    ],
    ids=lambda each: each[1],
)
def test_an_interruption_while_a_command_is_imported_is_told_in_a_line(
    tmp_path, command, library
):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Interrupts:\n"
        "    def find_spec(name, *_):\n"
        f"        if name == {library!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts)\n"
    )
    outcome = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        timeout=120,  # the page would serve for ever
    )
    assert (outcome.returncode, outcome.stdout) == (130, "")
    assert outcome.stderr == "\ninterrupted.\n"


def test_who_imports_the_templates_keeps_what_python_does_with_an_interruption():
    program = (
        "import sys, tasks.cli.command_line, tasks.sentiment; "
        "assert sys.excepthook is sys.__excepthook__"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_or_handled_stays_so(number):
    told = []
    for handler in (signal.SIG_IGN, lambda number, _: told.append(number)):
        before = signal.signal(number, handler)
        try:
            with signals.obeyed():
                assert signal.getsignal(number) is handler
                os.kill(os.getpid(), number)
            assert signal.getsignal(number) is handler
        finally:
            signal.signal(number, before)
    assert told == [number]


def test_what_is_ignored_tells_nobody_to_leave():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        assert signals.to_leave() == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signals.to_leave() == SIGNALS


def test_in_other_threads_signals_are_left_alone():
    found = []

    def work():
        with signals.obeyed():
            found.extend(map(signal.getsignal, SIGNALS))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL] * 2


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_an_interruption_before_the_flags_are_known_gives_130(
    run, monkeypatch, template
):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_add_commands", interrupted)
    outcome = run("predict", "A text.", template=template)
    assert outcome.code == 130
    assert outcome.err == f"\npython -m tasks.{template.name}: interrupted.\n"
