"""Graphs of eager calls, one for each kind of arguments."""

import logging

import pytest
import tensorflow as tf

from zoo import layers
from zoo.kernels import tracing


@pytest.fixture
def warnings():
    """What TensorFlow logs."""
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    yield records
    tf.get_logger().removeHandler(handler)


def test_layers_of_many_sizes_are_not_traced_again_and_again(warnings):
    x = tf.ones([2, 3, 4])
    for units in range(1, 8):
        layers.SimpleRNN(units)(x)
        layers.CRF(units, None)(tf.ones([2, 3, units]))
    assert not [each for each in warnings if "retracing" in each]


def test_a_graph_that_is_traced_for_each_shape_is_told(warnings):
    double = tracing.graph(lambda x: 2 * x)
    for size in range(8):
        assert double(tf.ones([size])).shape == [size]
    assert [each for each in warnings if "retracing" in each]
