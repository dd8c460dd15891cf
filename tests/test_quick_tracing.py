"""Graphs are made as `tests.quick_tracing` has them, in tests of all kinds."""

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.util import tf_stack


def test_calls_are_looked_through_once():
    with tf.Graph().as_default():
        made = [tf.constant(number) for number in range(2)]
    stacks = [tensor.op.traceback for tensor in made]
    assert list(stacks[0]) == list(stacks[1]) == list(tf_stack.extract_stack())


def test_functions_are_optimized_once():
    serialized = context.context().function_call_options.config_proto_serialized
    config = context.config_pb2.ConfigProto.FromString(serialized)
    options = config.graph_options.rewrite_options
    assert options.meta_optimizer_iterations == options.ONE
    assert not options.disable_meta_optimizer
