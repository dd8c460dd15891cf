"""A batch that is spread over devices trains as it does on one."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_two_devices_train_as_one_does():
    done = subprocess.run(
        [sys.executable, "-m", "tests.tasks.training.devices"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
