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


def start(folder, data_dir, run, environment, err=subprocess.PIPE):
    arguments = map(str, (folder, data_dir, run))
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
