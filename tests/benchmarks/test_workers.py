"""The worker protocol, with a worker that computes nothing."""

import sys
import time

import pytest

from tests.benchmarks import fresh_process, training_memory, workers

FAKE = """
import os, sys
from tests.benchmarks import worker

class Desk:
    def __init__(self, library):
        self.library = library
    def greet(self, name):
        print("a library that prints what nobody asked for")
        return [self.library, name]
    def fail(self):
        raise LookupError("no such thing")
    def die(self):
        print("the last words", file=sys.stderr, flush=True)
        os._exit(3)

worker.Desk = Desk
worker.main()
"""


@pytest.fixture
def worker():
    worker = workers.Worker("fake", [sys.executable, "-c", FAKE, "nothing"])
    yield worker
    worker.close()


def test_worker_answers_fails_and_goes_on(worker):
    assert worker.ask("greet", name="you") == ["nothing", "you"]
    with pytest.raises(
        workers.WorkerError, match=r"(?s)fake failed on 'fail'.*no such"
    ):
        worker.ask("fail")
    assert worker.ask("greet", name="again") == ["nothing", "again"]


def test_dead_worker_leaves_its_last_words(worker):
    for _ in range(2):  # asked of a corpse, too
        with pytest.raises(workers.WorkerError, match=r"died on 'die'.*\n.*last words"):
            worker.ask("die")


class Scripted:
    """Takes the seconds of its calls from a list, a turn each."""

    def __init__(self, name, turns, asked):
        self.name, self.turns, self.asked = name, iter(turns), asked

    def ask(self, do, seconds):
        assert do == "measure"
        self.asked.append(self.name)
        return next(self.turns)


def test_turns_alternate_and_each_gives_its_median(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    asked = []
    desks = {
        "a": Scripted("a", [[3.0, 1.0, 2.0], [5.0], [1.0, 9.0]], asked),
        "b": Scripted("b", [[1.0], [2.0], [3.0]], asked),
    }
    found = workers.medians_in_turn(desks, rounds=3, seconds=0.1)
    assert found == {"a": [2.0, 5.0, 5.0], "b": [1.0, 2.0, 3.0]}
    assert asked == ["a", "b", "b", "a", "a", "b"]


def test_function_is_called_in_a_process_of_its_own():
    ballast = bytearray(300 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    own = training_memory.high_water_mark()
    theirs = fresh_process.call(training_memory.high_water_mark)
    assert 2**20 < theirs < own - 200 * 2**20


def test_failure_in_another_process_says_why():
    with pytest.raises(RuntimeError, match=r"(?s)bytes_a_step.*polyfit"):
        fresh_process.call(training_memory.bytes_a_step, lengths=[], peaks=[])
