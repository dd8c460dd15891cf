"""Graphs are made as `tests.quick_tracing` has them, in tests of all kinds."""

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
from tensorflow.python.eager import context

from tests.quick_tracing import optimized_as_elsewhere


def test_operations_know_no_stack_of_calls():
    with tf.Graph().as_default():
        assert tf.constant(1).op.traceback is None


def test_functions_are_optimized_once_but_where_it_is_asked_for():
    def passes():
        serialized = context.context().function_call_options.config_proto_serialized
        config = config_pb2.ConfigProto.FromString(serialized)
        options = config.graph_options.rewrite_options
        assert not options.disable_meta_optimizer
        return options.meta_optimizer_iterations

    assert passes() == rewriter_config_pb2.RewriterConfig.ONE
    with optimized_as_elsewhere():
        assert passes() == rewriter_config_pb2.RewriterConfig.DEFAULT_NUM_ITERS
    assert passes() == rewriter_config_pb2.RewriterConfig.ONE
