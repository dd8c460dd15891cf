"""One step of a recurrent layer, for who goes through time himself."""

import contextlib
from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

# Not exported: what Keras' cells draw their dropout masks with.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from zoo.layers import fused
from zoo.layers.deep import DeepRNN
from zoo.layers.initial_state import LearnedInitialState
from zoo.layers.states import find_backwards, pack, state_sizes


def stepper(layer, training=False) -> Callable:
    """Returns `step(inputs, states) → output, states` of a recurrent layer.

    The step is the cell's, or the kernel's where the layer has one, which agree. All
    that is the same at every step is prepared here, outside of the loop: slicing a
    GRU's weights takes longer than its step.

    Args:
        layer: `SimpleRNN`, `GRU`, `LSTM`, `RNN` around any cell, `DeepRNN` or
            `LearnedInitialState`, built.
        training: whether dropout is applied.

    Returns:
        A function of inputs, (batch, n_x), and of the layer's states, a flat list of
        (batch, n); it returns the output, (batch, n_y), and the new states.

    Raises:
        ValueError: the layer goes backwards, or has more arguments than these.
    """
    backwards = find_backwards(layer)
    if backwards is not None:
        raise ValueError(
            f"'{backwards.name}' goes backwards, from the sequence's end: it has no "
            "step to take before the rest is known. Use layers that go forward."
        )
    if isinstance(layer, LearnedInitialState):
        return stepper(layer.layer, training)
    if isinstance(layer, DeepRNN):
        return _of_stack(layer, training)
    if not hasattr(layer, "cell"):
        raise ValueError(
            f"'{layer.name}' ({type(layer).__name__}) has no step by itself. Use "
            "SimpleRNN, GRU, LSTM, RNN, DeepRNN or LearnedInitialState."
        )
    if fused.has_step(layer) and not (training and _drops(layer.cell)):
        return _of_kernel(layer)
    return _of_cell(layer, training)


def _of_kernel(layer):
    step, kernel, bias, weights = fused.recurrence(layer)

    def take(inputs, states):
        z = tf.matmul(ops.cast(inputs, kernel.dtype), kernel) + bias
        states = [ops.cast(state, kernel.dtype) for state in states]
        states, _ = step.forward(step.parted(z), states, weights)
        return states[0], states

    return take


def _of_cell(layer, training):
    arguments = {"training": training} if layer.cell._call_has_training_arg else {}

    def take(inputs, states):
        output, states = layer.cell(inputs, pack(layer, states), **arguments)
        return output, keras.tree.flatten(states)

    return take


def _of_stack(stack, training):
    steps = [stepper(layer, training) for layer in stack.layers]
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

    return take


@contextlib.contextmanager
def drawn_dropout(layer, first_step: Callable, training):
    """Lets a layer's cells draw their dropout masks before a loop of steps.

    They are the same at all steps, and so must be of the graph around the loop.

    Args:
        layer: the layer.
        first_step: takes a step, of which nothing is used but the masks.
        training: whether dropout is applied.
    """
    cells = [each for each in layer._flatten_layers() if _draws(each)]
    if training and cells:
        first_step()
    try:
        yield
    finally:
        for cell in cells:
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()


def _drops(cell):
    return cell.dropout or cell.recurrent_weight_dropout


def _draws(layer):
    return isinstance(layer, DropoutRNNCell) and hasattr(layer, "dropout")
