"""Gradients written by hand, as TensorFlow asks for them."""

import numpy as np
import tensorflow as tf

from zoo.kernels import gradients

X = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def cubed(x):
    """Returns x³, with a gradient by hand."""
    (found,) = gradients.call(
        lambda inputs, fixed: ([inputs[0] ** 3], ()),
        lambda inputs, fixed, kept, upstream: [3 * inputs[0] ** 2 * upstream[0]],
        lambda inputs, fixed: [inputs[0] ** 3],
        [x],
    )
    return found


def test_rows_that_are_gathered_of_an_output_have_its_gradient_in_a_graph():
    # TensorFlow hands on the gradient of rows as their places and values.
    @tf.function(autograph=False)
    def first_and_second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                some = tf.gather(cubed(x), [2, 0, 2])
            first = tape.gradient(some, x)
            seen = tf.gather(first, [0])
        return first, outer.gradient(seen, x)

    first, second = first_and_second(X)
    times = np.array([[1.0], [0.0], [2.0]])
    np.testing.assert_allclose(first, times * 3 * X**2, rtol=1e-6)
    np.testing.assert_allclose(second, [[6.0, 12.0], [0, 0], [0, 0]], rtol=1e-6)
