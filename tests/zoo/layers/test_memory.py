"""Nothing of a training stays in TensorFlow when its layers are gone."""

import gc

import keras
import numpy as np
import pytest
from tensorflow.python.framework import ops
from tensorflow.python.framework.func_graph import FuncGraph

from zoo import layers


def train(layer):
    model = keras.Sequential([keras.Input((5, 2)), layer, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 5, 2)), np.zeros((4, 1)), batch_size=2, verbose=0)


def train_tagger(units):
    recurrent = layers.GRU(units, return_sequences=True)
    stack = recurrent, keras.layers.Dense(2), layers.CRF(2)
    model = keras.Sequential([keras.Input((5, 2)), *stack])
    model.compile("adam", layers.CRFLoss())
    model.fit(np.ones((4, 5, 2)), np.zeros((4, 5), "int32"), batch_size=2, verbose=0)


def left():
    """Returns registered gradients and graphs, when all that can go is gone."""
    keras.backend.clear_session()
    for _ in range(3):
        gc.collect()
    names = list(ops.gradient_registry._registry)
    custom = [name for name in names if name.startswith("CustomGradient")]
    # By type(), for isinstance() asks dead weak references, which raise.
    graphs = [each for each in gc.get_objects() if issubclass(type(each), FuncGraph)]
    return custom, graphs


@pytest.mark.slow
@pytest.mark.parametrize(
    "train",
    [lambda units: train(layers.LSTM(units)), train_tagger],
    ids=["lstm", "crf"],
)
def test_models_of_new_sizes_leave_no_gradients_and_no_graphs(train):
    train(3)
    # Held, for what other tests have left may go meanwhile.
    gradients, graphs = map(set, left())
    for units in (4, 5):
        train(units)
    found = left()
    assert not set(found[0]) - gradients
    assert not set(found[1]) - graphs
