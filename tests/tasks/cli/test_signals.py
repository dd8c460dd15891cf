"""Commands that a signal ends."""

import dataclasses
import os
import signal
import threading

import pytest

from tasks import sentiment
from tasks.cli import command_line as cli
from tasks.cli import signals
from tests.tasks.templates import TEMPLATES
from zoo.files import replaced_file

SIGNALS = [signal.SIGTERM, signal.SIGHUP]

pytestmark = pytest.mark.usefixtures("heard")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_command_and_leaves_nothing_half(run, tmp_path, number):
    def predict(*_):
        with replaced_file(tmp_path / "out.txt") as part:
            part.write_text("half of it")
            os.kill(os.getpid(), number)
            for _ in range(1000):
                pass

    template = dataclasses.replace(sentiment.TEMPLATE, predict=predict)
    outcome = run("predict", "A text.", template=template)
    assert outcome.code == 128 + number
    assert outcome.err == "\npython -m tasks.sentiment: interrupted.\n"
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is signal.SIG_DFL


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
