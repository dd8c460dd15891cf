"""Several processes train what one trains."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tasks.cli import launching
from tasks.errors import LostWorkerError
from tasks.training import workers
from tests.free_port import free_port
from tests.tasks.commands import history
from tests.tasks.training import trainings


def test_a_lost_worker_is_told_in_a_sentence(monkeypatch):
    failed = tf.errors.UnavailableError(None, None, "{{node a/b}} Socket closed\nmore")

    def lose():
        with workers.lost_told():
            raise failed

    with pytest.raises(tf.errors.UnavailableError):
        lose()  # in a training of one process it is something else
    monkeypatch.setattr(workers, "_joined", [object()])
    with pytest.raises(LostWorkerError, match=r"\(Socket closed\)\. Start all of"):
        lose()


class Said(NamedTuple):
    """What a process has said on stdout and on stderr."""

    out: str
    err: str


class Processes:
    """Trains models by processes, which are forks of one: see `trainings`."""

    def __init__(self, folder, data_dir):
        command = [sys.executable, "-m", "tests.tasks.training.trainings"]
        self._parent = subprocess.Popen(
            [*command, folder, data_dir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def train(self, ports, *jobs, fail=False):
        """Has workers train one model after the other; without ports one process.

        Returns what each has said.
        """
        environments = launching.environments(len(ports), ports) if ports else [{}]
        self._parent.stdin.write(json.dumps([environments, jobs]) + "\n")
        self._parent.stdin.flush()
        said = []
        for code, *each in json.loads(self._parent.stdout.readline()):
            assert (code != 0) == fail, each[1]
            said.append(Said(*each))
        return said

    def close(self):
        self._parent.communicate()


def weights(output):
    """Returns the weights that a training has ended with."""
    with np.load(output / trainings.WEIGHTS) as file:
        return dict(file)


class Trainings(NamedTuple):
    """What processes have trained, and said.

    Attributes:
        folder: of the runs.
        alone: one process: all templates in "one", one of them from its preset in
            "further_one", and two in "left", which it was told to leave.
        told: two workers: "told", of which one was told to leave it.
        within: the checkpoints amid an epoch that those left.
        two: two workers: all templates in "two", one from the preset of one process in
            "further_two", and the rest of "left" and "told".
        ports: theirs.
        rest: one process: the rest of "told", in "rest".
    """

    folder: Path
    alone: Said
    told: list[Said]
    within: list[Path]
    two: list[Said]
    ports: list[int]
    rest: Said


TOLD = "music"
LEFT = TOLD, "text"
BY_TWO = (
    *(f"two/{name}" for name in trainings.FLAGS),
    *("further_two/sentiment", *(f"left/{name}" for name in LEFT), f"told/{TOLD}"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory, data_dir):
    """All trainings."""
    pytest.importorskip("pretty_midi")
    pytest.importorskip("sacrebleu")
    folder = tmp_path_factory.mktemp("trainings")
    trainings.write_files(folder)
    processes = Processes(folder, data_dir)
    try:
        one = *(f"one/{name}" for name in trainings.FLAGS), "further_one/sentiment"
        [alone] = processes.train([], *one, *(f"told:left/{name}" for name in LEFT))
        ports = [free_port(), free_port()]
        told = processes.train(ports, f"told:told/{TOLD}", fail=True)
        checkpoints = folder / "told" / TOLD / "checkpoints"
        within = list((checkpoints / "latest" / "within_epoch").glob("ckpt-*.index"))
        shutil.copytree(folder / "told", folder / "rest")
        [rest] = processes.train([], f"rest/{TOLD}")
        ports = [free_port(), free_port()]
        two = processes.train(ports, *BY_TWO)
    finally:
        processes.close()
    return Trainings(folder, alone, told, within, two, ports, rest)


def batches(said, job):
    """Returns how many batches a process has trained a model on."""
    [count] = re.findall(rf"^batches {job} (\d+)$", said.err, re.MULTILINE)
    return int(count)


def assert_same_end(folder, name, expected):
    """Checks that two trainings have ended with the same weights."""
    one, other = (weights(folder / run) for run in (expected, name))
    assert len(history(folder / name)) == len(history(folder / expected))
    for key, found in other.items():
        np.testing.assert_allclose(found, one[key], rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.slow
def test_workers_of_which_one_is_told_to_leave_go_on_at_the_next_batch(made):
    """By several processes, or by one: what was saved is that of all."""
    # The chief has saved amid an epoch, and left; the other had been told to.
    chief, other = made.told
    assert "LostWorkerError: Another worker was told to leave: saved" in chief.err
    assert "InterruptionError" in other.err
    assert made.within
    whole = batches(made.alone, f"one/{TOLD}")
    before = batches(chief, f"told/{TOLD}")
    assert whole / 2 < before < whole
    for job, rest in (("told", made.two[0]), ("rest", made.rest)):
        assert before + batches(rest, f"{job}/{TOLD}") == whole
        assert_same_end(made.folder, f"{job}/{TOLD}", f"one/{TOLD}")


@pytest.mark.slow
@pytest.mark.parametrize("template", LEFT)
def test_what_one_process_has_left_in_an_epoch_goes_on_by_two(made, template):
    """Behind the last batch, with its validation.

    But for what it carries from batch to batch: then from the epoch before.
    """
    assert_same_end(made.folder, f"left/{template}", f"one/{template}")
    before = batches(made.alone, f"left/{template}")
    rest = batches(made.two[0], f"left/{template}")
    whole = batches(made.alone, f"one/{template}")
    if template == "text":
        assert rest == whole / 2
        assert "is passed over, for several replicas" in made.two[0].err
    else:
        assert before + rest == whole


@pytest.mark.slow
def test_two_workers_train_each_template_as_one_process_does(made):
    # The chief tells what one process does, the other what concerns it alone.
    chief, other = made.two
    assert chief.out.count("\npreset      ") == 1
    assert all(f"done {job}\n" in other.err for job in BY_TWO)
    [line] = other.out.splitlines()
    assert line == f"worker      1 of 2, at localhost:{made.ports[1]}"
    for name in trainings.FLAGS:
        one, two = (made.folder / run / name for run in ("one", "two"))
        assert sorted(p.name for p in one.iterdir()) == sorted(
            p.name for p in two.iterdir()
        )
        for row, other in zip(history(one), history(two), strict=True):
            assert list(row) == list(other)
            for figure in row:
                found = float(row[figure]), float(other[figure])
                told = f"{figure} of {name}"
                np.testing.assert_allclose(*found, rtol=1e-4, err_msg=told)
        expected = weights(one)
        for key, found in weights(two).items():
            np.testing.assert_allclose(
                found, expected[key], rtol=1e-4, atol=1e-5, err_msg=f"{key} of {name}"
            )


@pytest.mark.slow
def test_two_workers_train_a_preset_further_as_one_process_does(made):
    """Each loads it for itself; what begins anew is drawn alike."""
    one, two = (f"further_{who}/sentiment" for who in ("one", "two"))
    assert_same_end(made.folder, two, one)
    began, found = (weights(made.folder / run) for run in ("one/sentiment", two))
    assert any((found[name] != weight).any() for name, weight in began.items())
