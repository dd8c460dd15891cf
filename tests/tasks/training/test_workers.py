"""Several processes train what one trains."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tasks.cli import launching
from tasks.errors import LostWorkerError
from tasks.training import workers
from tests.tasks.commands import history
from tests.tasks.training import trainings
from zoo import presets


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


def start(folder, data_dir, run, environment, err=subprocess.PIPE, more=()):
    arguments = map(str, (folder, data_dir, run, *more))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tasks.training.trainings", *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=err,
        text=True,
    )


def weights(output):
    """Returns the weights that a training's preset has on disk."""
    path = output / "preset" / presets.SAVED_MODEL / "variables" / "variables"
    reader = tf.train.load_checkpoint(os.fspath(path))
    kinds = reader.get_variable_to_dtype_map()
    names = sorted(name for name, kind in kinds.items() if kind.is_floating)
    return {name: reader.get_tensor(name) for name in names}


@pytest.mark.slow
def test_workers_of_which_one_is_told_to_leave_go_on_at_the_next_batch(
    tmp_path, data_dir
):
    pytest.importorskip("sacrebleu")
    trainings.write_files(tmp_path)

    def run_both(*more):
        ports = launching._free_ports(2)
        return [
            start(tmp_path, data_dir, "two", each, more=more)
            for each in launching.environments(2, ports)
        ]

    alone = start(tmp_path, data_dir, "one", {}, more=["sentiment"])
    first = run_both("--told", "sentiment")
    told = [process.communicate() for process in (alone, *first)]
    assert alone.returncode == 0, told[0][1]
    # The chief has saved amid an epoch, and left; the other had been told to.
    assert "LostWorkerError: Another worker was told to leave: saved" in told[1][1]
    assert "InterruptionError" in told[2][1]
    within = tmp_path / "two" / "sentiment" / "checkpoints" / "latest" / "within_epoch"
    assert list(within.glob("ckpt-*.index"))

    for process in run_both("sentiment"):
        _, err = process.communicate()
        assert process.returncode == 0, err
    one, two = (tmp_path / run / "sentiment" for run in ("one", "two"))
    assert len(history(two)) == len(history(one))
    expected = weights(one)
    for key, found in weights(two).items():
        np.testing.assert_allclose(found, expected[key], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_two_workers_train_each_template_as_one_process_does(tmp_path, data_dir):
    pytest.importorskip("pretty_midi")
    pytest.importorskip("sacrebleu")
    trainings.write_files(tmp_path)
    ports = launching._free_ports(2)
    started = [start(tmp_path, data_dir, "one", {})]
    started += [
        start(tmp_path, data_dir, "two", each)
        for each in launching.environments(2, ports)
    ]
    told = [process.communicate() for process in started]
    for process, (_, err) in zip(started, told, strict=True):
        assert process.returncode == 0, err
    # The chief tells what one process does, the other what concerns it alone.
    assert told[1][0].count("\npreset      ") == len(trainings.FLAGS)
    [line] = told[2][0].splitlines()
    assert line == f"worker      1 of 2, at localhost:{ports[1]}"
    for name in trainings.FLAGS:
        one, two = (tmp_path / run / name for run in ("one", "two"))
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
