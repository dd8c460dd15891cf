"""One step of a recurrent layer, for loops that draw, search or attend at each step."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.cells.dropout import KeptMasks
from zoo.keras_private import takes_training
from zoo.layers import fused
from zoo.layers.deep import DeepRNN
from zoo.layers.initial_state import LearnedInitialState
from zoo.layers.states import find_backwards, pack, state_sizes
from zoo.typing import Tensor

# A table of products with more numbers than this costs more to make than a text saves.
_LARGEST_TABLE = 2**22


def stepper(
    layer: keras.layers.Layer,
    training: bool | None = False,
    *,
    table: Tensor | None = None,
    compiled: bool = False,
) -> Callable:
    """Returns `step(inputs, states) → output, states` of a recurrent layer.

    The step is the cell's, or the kernel's where the layer has one, which agree. All
    that is the same at every step is prepared here, outside of the loop: slicing a
    GRU's weights takes longer than its step. So it is the layer's step as the weights
    are now: make one for each loop.

    With a `table`, inputs are its rows by their ids, as tokens are embedded. A kernel
    multiplies the table by W_x once, and looks the products up:

    ```
    z<t> = T id<t>,   T = table W_x + b
    ```

    but for a table so long that this would cost more than it saves.

    In training, masks of dropout are drawn at a stepper's first step, for as many rows
    as that has, and are the same at all further ones; the next stepper draws anew.
    Before a loop in a graph, such as `tf.while_loop`, take a step outside of it, whose
    results nobody needs: what is drawn inside is drawn at each step.

    Args:
        layer: `SimpleRNN`, `GRU`, `LSTM`, `MinGRU`, `MinLSTM`, `SRU`, `RGLRU`, `RNN`
            around any cell, `DeepRNN` or `LearnedInitialState`, built.
        training: whether dropout is applied.
        table: float (n, n_x), or None.
        compiled: whether XLA is to compile the loop: see `Product`.

    Returns:
        A function of inputs, (batch, n_x), or ids, int32 (batch,), if there is a
        table; and of the layer's states, a flat list of (batch, n). It returns the
        output, (batch, n_y), and the new states.

    Raises:
        ValueError: the layer has no weights yet, goes backwards, or has more arguments
            than these.
    """
    backwards = find_backwards(layer)
    if backwards is not None:
        raise ValueError(
            f"'{backwards.name}' goes backwards, from the sequence's end: it has no "
            "step to take before the rest is known. Use layers that go forward."
        )
    if not (hasattr(layer, "cell") or isinstance(layer, DeepRNN | LearnedInitialState)):
        raise ValueError(
            f"'{layer.name}' ({type(layer).__name__}) has no step by itself. Use "
            "SimpleRNN, GRU, LSTM, MinGRU, MinLSTM, SRU, RGLRU, RNN, DeepRNN or "
            "LearnedInitialState."
        )
    if not layer.built:
        raise ValueError(
            f"'{layer.name}' has no weights yet. Call it, or `build(shape)` with the "
            "shape of its sequences, (None, None, n_x), before its steps are taken."
        )
    if isinstance(layer, LearnedInitialState):
        return stepper(layer.layer, training, table=table, compiled=compiled)
    if isinstance(layer, DeepRNN):
        return _of_stack(layer, training, table, compiled)
    if fused.has_step(layer) and not (training and _drops(layer.cell)):
        return _of_kernel(layer, table, compiled)
    return _looking_up(table, _of_cell(layer, training))


class Product:
    """Multiplies rows by a matrix that is the same at every step of a loop.

    Args:
        matrix: (n, m), read once, outside of the loop.
        compiled: whether XLA is to compile the loop. It multiplies a row by a matrix
            two or three times as fast where the matrix lies transposed, which
            TensorFlow by itself does not. Transposed outside of the loop and
            transposed back in it, XLA would copy some matrices at each step.

    Call arguments:
        rows: (batch, n).

    Returns:
        (batch, m).
    """

    def __init__(self, matrix: Tensor, compiled: bool = False):
        self._matrix = laid_out(matrix, compiled)
        self._compiled = compiled

    def __call__(self, rows: Tensor) -> Any:
        """Multiplies."""
        return _times(self._compiled)(rows, self._matrix)


def laid_out(matrix: Tensor, compiled: bool) -> Any:
    """Returns a matrix, or a vector, as a loop's products are to read it."""
    return tf.transpose(matrix) if compiled else tf.identity(matrix)


def _times(compiled):
    """Returns what multiplies rows by a matrix that is `laid_out`."""
    return functools.partial(tf.matmul, transpose_b=compiled)


def _of_kernel(layer, table, compiled):
    step, kernel, bias, weights = fused.recurrence(layer)
    weights = [laid_out(weight, compiled) for weight in weights]
    times = _times(compiled)
    inputs_product = Product(kernel, compiled)

    def products(inputs):
        inputs = ops.cast(inputs, kernel.dtype)
        return step.given(inputs_product(inputs) + bias, inputs)

    if table is not None:
        table = ops.cast(table, kernel.dtype)
        if table.shape[0] * kernel.shape[1] <= _LARGEST_TABLE:
            table = step.given(tf.matmul(table, kernel) + bias, table)
            products = tf.identity

    def take(inputs, states):
        z = products(inputs)
        given = [state.dtype for state in states]
        states = [ops.cast(state, kernel.dtype) for state in states]
        if compiled:  # which fuses what is given in parts
            states, _ = step.forward(step.split(z), states, weights, times)
        else:
            states = step.infer(z, states, weights, times)
        output = ops.cast(states[0], layer.compute_dtype)
        pairs = zip(states, given, strict=True)
        return output, [ops.cast(state, dtype) for state, dtype in pairs]

    return _looking_up(table, take)


def _of_cell(layer, training):
    arguments = {"training": training} if takes_training(layer.cell) else {}
    with_masks = KeptMasks(layer).in_place if training else contextlib.nullcontext

    def take(inputs, states):
        with with_masks():
            output, states = layer.cell(inputs, pack(layer, states), **arguments)
        return output, keras.tree.flatten(states)

    return take


def _of_stack(stack, training, table, compiled):
    # With skip connections, others than the first layer see its inputs.
    first = None if {"input", "residual"} & {*stack.skip} else table
    steps = [
        stepper(
            layer,
            training,
            table=first if number == 0 else None,
            compiled=compiled,
        )
        for number, layer in enumerate(stack.layers)
    ]
    counts = [len(state_sizes(layer)) for layer in stack.layers]

    def take(inputs, states):
        below, outputs, new = inputs, [], []
        for number, (step, count) in enumerate(zip(steps, counts, strict=True)):
            own, states = states[:count], states[count:]
            inside = stack.inputs_of(number, below, inputs, training)
            output, own = step(inside, own)
            below = stack.output_of(number, output, below)
            outputs.append(below)
            new += own
        return stack.joined(outputs), new

    return _looking_up(table, take) if first is None else take


def _looking_up(table, step):
    """Returns a step that takes the rows of a table by their ids, if there is one."""
    if table is None:
        return step
    table = ops.convert_to_tensor(table)
    return lambda ids, states: step(tf.gather(table, ids), states)


def _drops(cell):
    return cell.dropout or cell.recurrent_weight_dropout
