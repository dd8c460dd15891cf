"""Layers within TensorFlow's own control flow, against the cells."""

import numpy as np
import pytest
import tensorflow as tf

from zoo import layers

X = tf.constant(np.random.default_rng(0).normal(size=(5, 6, 2)), "float32")


def in_a_branch(layer, x):
    return tf.cond(
        tf.reduce_sum(x) < 1e9,
        lambda: tf.reduce_sum(layer(x, training=True) ** 2),
        lambda: 0.0,
    )


def in_a_loop(layer, x):
    def body(count, total):
        outputs = layer(x * tf.cast(count, x.dtype) + total, training=True)
        return count + 1, total + tf.reduce_mean(outputs**2)

    return tf.while_loop(lambda count, _: count < 3, body, (0, 0.0))[1]


@pytest.mark.slow
@pytest.mark.parametrize("flow", [in_a_branch, in_a_loop])
def test_gradient_in_control_flow_is_that_of_the_cell(flow):
    @tf.function(autograph=False)
    def gradients(layer):
        with tf.GradientTape() as tape:
            tape.watch(X)
            loss = flow(layer, X)
        weights = [weight.value for weight in layer.trainable_variables]
        return tape.gradient(loss, [X, *weights])

    kernel, cell = layers.LSTM(3), layers.LSTM(3, fused=False)
    for layer in (kernel, cell):
        layer(X)
    cell.set_weights(kernel.get_weights())
    assert kernel.fused_path == "fused"
    for found, expected in zip(gradients(kernel), gradients(cell), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [3, 5])
def test_gradient_of_some_rows_in_a_graph_is_that_of_the_cell(rows):
    x, chosen = X[:rows], tf.constant([True, False, True, True, False][:rows])

    @tf.function(autograph=False)
    def gradients(layer):
        with tf.GradientTape() as tape:
            tape.watch(x)
            last = tf.boolean_mask(layer(x, training=True), chosen)
            loss = tf.reduce_sum(last**2)
        weights = [weight.value for weight in layer.trainable_variables]
        return tape.gradient(loss, [x, *weights])

    kernel, cell = layers.SimpleRNN(3, fused=True), layers.SimpleRNN(3, fused=False)
    for layer in (kernel, cell):
        layer.build(x.shape)
    cell.set_weights(kernel.get_weights())
    for found, expected in zip(gradients(kernel), gradients(cell), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
