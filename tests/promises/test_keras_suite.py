"""Keras' own tests of its recurrent layers, with ours in their place."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

SUITE = Path(keras.__file__).parent / "src" / "layers" / "rnn"
FILES = [
    "bidirectional_test.py",
    "gru_test.py",
    "lstm_test.py",
    "rnn_test.py",
    "simple_rnn_test.py",
    "stacked_rnn_cells_test.py",
]


@pytest.mark.slow
def test_keras_own_suite_passes_with_our_classes_in_place():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "tests.promises.keras_suite_plugin", "-c", "/dev/null"]
    command += ["--rootdir", str(SUITE)]
    command += [str(SUITE / name) for name in FILES]
    run = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]

    built = re.search(r"zoo classes built: (.*)", run.stdout).group(1).split()
    assert built == [
        "Bidirectional",
        "GRU",
        "GRUCell",
        "LSTM",
        "LSTMCell",
        "RNN",
        "SimpleRNN",
        "SimpleRNNCell",
    ]
    passed = int(re.search(r"(\d+) passed", run.stdout).group(1))
    assert passed >= 50
