"""What is drawn without a seed in these tests is the same in every run."""

import random

import numpy as np
import pytest


def pytest_collectstart(collector):
    """Has layers that a file makes as it is imported draw alike."""
    if isinstance(collector, pytest.Module):
        _begin()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Has each test draw alike, and what fixtures make for it and those behind it.

    Whichever tests run before it in its process.
    """
    _begin()


def _begin():
    """Begins the draws of Python, which Keras' seeds are, and of NumPy anew.

    TensorFlow's own seed stays unset: its operations take it into their graphs.
    """
    random.seed(0)
    np.random.seed(0)
