"""Several processes train what one trains."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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


def run(folder, data_dir, name, workers, *more):
    """Returns what the workers of a training, or a single process, say on stderr."""
    environments = [{}]
    if workers > 1:
        ports = launching._free_ports(workers)
        environments = launching.environments(workers, ports)
    started = [start(folder, data_dir, name, each, more=more) for each in environments]
    said = [process.communicate()[1] for process in started]
    for process, err in zip(started, said, strict=True):
        assert (process.returncode == 0) == ("--told" not in more), err
    return said


def batches(said):
    """Returns how many batches the chief, or a single process, has trained on."""
    [count] = re.findall(r"^batches (\d+)$", said[0], re.MULTILINE)
    return int(count)


def assert_same_end(folder, name, expected):
    """Checks that two trainings have ended with the same weights."""
    one, other = (weights(folder / run) for run in (expected, name))
    assert len(history(folder / name)) == len(history(folder / expected))
    for key, found in other.items():
        np.testing.assert_allclose(found, one[key], rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.slow
def test_workers_of_which_one_is_told_to_leave_go_on_at_the_next_batch(
    tmp_path, data_dir
):
    """By several processes, or by one: what was saved is that of all."""
    pytest.importorskip("sacrebleu")
    trainings.write_files(tmp_path)
    whole = run(tmp_path, data_dir, "whole", 1, "sentiment")
    told = run(tmp_path, data_dir, "two", 2, "--told", "sentiment")
    # The chief has saved amid an epoch, and left; the other had been told to.
    assert "LostWorkerError: Another worker was told to leave: saved" in told[0]
    assert "InterruptionError" in told[1]
    within = Path("sentiment", "checkpoints", "latest", "within_epoch")
    assert list((tmp_path / "two" / within).glob("ckpt-*.index"))
    shutil.copytree(tmp_path / "two", tmp_path / "one")
    for name, count in {"two": 2, "one": 1}.items():
        rest = run(tmp_path, data_dir, name, count, "sentiment")
        assert batches(told) + batches(rest) == batches(whole)
        assert_same_end(tmp_path, f"{name}/sentiment", "whole/sentiment")


@pytest.mark.slow
@pytest.mark.parametrize("template", ["sentiment", "text"])
def test_what_one_process_has_left_in_an_epoch_goes_on_by_two(
    tmp_path, data_dir, template
):
    """Behind the last batch, with its validation.

    But for what it carries from batch to batch: then from the epoch before.
    """
    pytest.importorskip("sacrebleu")
    trainings.write_files(tmp_path)
    whole = run(tmp_path, data_dir, "whole", 1, template)
    told = run(tmp_path, data_dir, "run", 1, "--told", template)
    rest = run(tmp_path, data_dir, "run", 2, template)
    assert_same_end(tmp_path, f"run/{template}", f"whole/{template}")
    if template == "text":
        assert batches(rest) == batches(whole) / 2
        assert "is passed over, for several replicas" in rest[0]
    else:
        assert batches(told) + batches(rest) == batches(whole)


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
