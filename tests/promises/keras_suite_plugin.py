"""A pytest plugin that puts the zoo's classes in the place of Keras' own.

`test_keras_suite.py` runs Keras' tests with it in a process of their own.
"""

import keras.src.layers as keras_layers

from tests.quick_tracing import trace_quickly
from zoo import cells, layers

built = set()


def _watched(cls):
    """Makes each construction of `cls` leave its name in `built`."""
    original = cls.__new__

    def __new__(cls, *args, **kwargs):  # noqa: N807
        built.add(cls.__name__)
        return original(cls, *args, **kwargs)

    cls.__new__ = __new__
    return cls


def pytest_configure(config):
    trace_quickly()
    for cls in (cells.GRUCell, layers.GRU):
        # Keras' default, which its golden values assume.
        cls.__init__.__kwdefaults__["reset_after"] = True
    for module in (cells, layers):
        for name in module.__all__:
            if hasattr(keras_layers, name):
                setattr(keras_layers, name, _watched(getattr(module, name)))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"zoo classes built: {' '.join(sorted(built))}")
