"""The cells on Keras' other backends, each in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import keras
import numpy as np
from tests.zoo.cells.units import ELEMENTWISE, ELEMENTWISE_VARIANTS, UNITS, VARIANTS
from tests.zoo.cells.units import N_A, N_X, WRAPPED, draw, draw_weights

units = UNITS + VARIANTS + WRAPPED + ELEMENTWISE + ELEMENTWISE_VARIANTS
for unit in units:
    cell = unit.cell()
    cell.build((None, N_X))
    draw_weights(cell)
    x = draw(2, N_X)
    states = [draw(2, N_A, seed=9 + place) for place in range(unit.states)]
    output, _ = cell(x, states)
    output = keras.ops.convert_to_numpy(output)
    expected, *_ = unit.step(x, states, *cell.get_weights())
    np.testing.assert_allclose(output, expected, atol=1e-5)
print(keras.backend.backend(), len(units))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "needs"),
    # Keras' NumPy backend takes its Fourier transforms from JAX.
    [("jax", ["jax"]), ("torch", ["torch"]), ("numpy", ["scipy", "jax"])],
)
def test_cells_follow_the_equations_on_another_backend(backend, needs):
    for module in needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.split() == [backend, "23"]
