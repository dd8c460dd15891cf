"""A stack of recurrent layers one step at a time, for loops of many steps."""

from collections.abc import Sequence

import tensorflow as tf

from zoo.layers import fused


class RecurrentSteps:
    """Takes the steps of stacked layers, with all prepared that is the same at each.

    The steps are the kernels', their weights split once. (Slicing a GRU's weights at
    every step takes longer than the step.) It is the layers' as the weights are when
    it is made: make one for each generation, outside of the loop.

    Args:
        layers: recurrent layers of `zoo.layers`, built, the first one first.
        compiled: whether XLA is to compile the loop. It multiplies a row by a matrix
            two or three times as fast where the matrix lies transposed, which
            TensorFlow by itself does not.

    Call arguments:
        x: (batch, n_x).
        state: a list of (batch, n_a), all layers' states.
        is_product: whether x is W_x x<t> + b of the first layer already.

    Returns:
        The last layer's output, (batch, n_a), and the new state.

    Raises:
        ValueError: there is no kernel for a layer's arguments.
    """

    def __init__(self, layers: Sequence, compiled: bool = False):
        self._compiled = compiled
        self._recurrences = [
            (step, self.turn(kernel), bias, [self.turn(each) for each in weights])
            for step, kernel, bias, weights in map(fused.recurrence, layers)
        ]

    def __call__(self, x, state, is_product: bool = False):
        """Takes one step."""
        a, state, new = x, list(state), []
        for number, (step, kernel, bias, weights) in enumerate(self._recurrences):
            is_ready = number == 0 and is_product
            z = a if is_ready else self.times(a, kernel) + bias
            states, state = state[: step.states], state[step.states :]
            states, _ = step.forward(step.parted(z), states, weights, self.times)
            a = states[0]
            new += states
        return a, new

    def turn(self, matrix):
        """Returns a matrix as `times` takes it, for which it may be transposed.

        Matrices are turned outside of the loop, and read turned inside. Turned back
        there, XLA would copy some of them at each step.
        """
        return tf.transpose(matrix) if self._compiled else tf.identity(matrix)

    def times(self, rows, turned):
        """Returns rows times a matrix, which has been turned."""
        return tf.matmul(rows, turned, transpose_b=self._compiled)
