"""What needs TensorFlow says so on Keras' other backends."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import keras
import numpy as np
from zoo import layers

attention = layers.Attention("general")
makers = {
    "CRF": lambda: layers.CRF(3),
    "CRFLoss": layers.CRFLoss,
    "CRFAccuracy": layers.CRFAccuracy,
    "CRFDecoder": layers.CRFDecoder,
    "BernoulliOutput": lambda: layers.BernoulliOutput(3),
    "PointerGenerator": layers.PointerGenerator,
    "NADEOutput": lambda: layers.NADEOutput(3),
    "input_feeding": lambda: layers.AttentionDecoder(
        layers.GRU(3), attention, input_feeding=True
    ),
    "order": lambda: layers.AttentionDecoder(
        layers.GRU(3), attention, order="before"
    ),
}
for name, make in makers.items():
    try:
        make()
    except RuntimeError as error:
        assert name in str(error), error
        assert keras.backend.backend() in str(error), error
        assert "KERAS_BACKEND=tensorflow" in str(error), error
    else:
        raise AssertionError(f"{name} was made")
try:
    layers.LSTM(3, checkpoint_every=2)(np.zeros((1, 4, 2), "float32"))
except ValueError as error:
    assert keras.backend.backend() in str(error), error
x = np.ones((2, 4, 3), "float32")
whole = layers.DeepRNN([layers.GRU(3), layers.LSTM(3)], return_sequences=True)(x)
decoder = layers.AttentionDecoder(layers.GRU(3), attention)
decoder(x, np.ones((2, 5, 3), "float32"))
step = layers.stepper(decoder.layer)
step(x[:, 0], [np.zeros((2, 3), "float32")])
layers.MeanPooling()(whole), layers.AttentionPooling(3)(whole)
layers.LearnedInitialState(layers.Bidirectional(layers.SimpleRNN(2)))(x)
layers.Conditioned(layers.GRU(3))(x, np.ones((2, 2), "float32"))
layers.OutputRecurrence(layers.GRU(3))(x, x)
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_layers_run_on_another_backend_or_name_it(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.split() == ["done"]
