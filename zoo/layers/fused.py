"""The choice of a recurrent layer's path through time: a kernel, or cell by cell."""

import weakref
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo import kernels
from zoo.cells import (
    GRUCell,
    LSTMCell,
    MinGRUCell,
    MinLSTMCell,
    RGLRUCell,
    SimpleRNNCell,
    SRUCell,
)
from zoo.cells.wrapping import state_dtype
from zoo.typing import Tensor

FUSED = "fused"


def path(layer: keras.layers.Layer) -> str:
    """Returns "fused", or "lean" or "cell" and why.

    Args:
        layer: a `zoo.layers.RNN`.
    """
    if layer.fused is False:
        return "cell: fused=False"
    if is_lean(layer):
        return "lean: an export has to run without XLA"
    obstacle = _obstacle(layer) or _surroundings(layer)
    return f"cell: {obstacle}" if obstacle else FUSED


def is_lean(layer: keras.layers.Layer, training: bool | None = False) -> bool:
    """Says whether a call now goes by core operations: see `kernels.inference`.

    Args:
        layer: a `zoo.layers.RNN`.
        training: whether it is to train.
    """
    if training or not has_step(layer):
        return False
    return kernels.is_portable() and not kernels.is_vectorized()


def check(layer: keras.layers.Layer) -> None:
    """Raises a ValueError where the choice of a path is none, or can't be had."""
    fused, every = layer.fused, layer.checkpoint_every
    if not (fused is True or fused is False or fused == "auto"):
        raise ValueError(f"fused must be 'auto', True or False, found {fused!r}.")
    if every is not None and not (isinstance(every, int | np.integer) and every >= 1):
        raise ValueError(
            f"checkpoint_every must be a whole number, 1 at least, found {every!r}."
        )
    _insist(layer, "fused=False" if fused is False else _obstacle(layer))


def is_chosen(layer: keras.layers.Layer) -> bool:
    """Says whether a call now takes the kernel.

    Raises:
        ValueError: it can't here, and the layer insists on it by `fused=True` or
            `checkpoint_every`. (An export goes without; it doesn't train.)
    """
    way = path(layer)
    if way != FUSED and not kernels.is_portable():
        _insist(layer, way.removeprefix("cell: "))
    return way == FUSED


def insists(layer: keras.layers.Layer) -> bool:
    """Says whether a layer is to take the kernel or raise."""
    return layer.fused is True or layer.checkpoint_every is not None


def _insist(layer, obstacle):
    """Raises if there is an obstacle for a layer that insists on its kernel."""
    if obstacle and insists(layer):
        asked = "fused=True" if layer.fused is True else "checkpoint_every"
        raise ValueError(
            f"{layer.name}: {asked} takes a kernel, but {obstacle}. Leave {asked} out "
            "to go cell by cell."
        )


def _obstacle(layer):
    """Returns what in a layer's arguments no kernel can do, "" if nothing."""
    cell = layer.cell
    kind = type(cell)
    if kind not in _RECURRENCES:
        return f"there is no kernel for {kind.__module__}.{kind.__qualname__}"
    if getattr(layer, "use_cudnn", None) is True:
        return "use_cudnn=True asks for cuDNN"
    if layer.unroll:
        return "unroll=True asks for a graph of single steps"
    if cell.recurrent_dropout:
        return "recurrent_dropout acts within a step"
    activation = getattr(cell, "activation", keras.activations.tanh)
    if activation is not keras.activations.tanh:
        return f"activation is {_name(activation)}, not tanh"
    gate = getattr(cell, "recurrent_activation", keras.activations.sigmoid)
    if gate is not keras.activations.sigmoid:
        return f"recurrent_activation is {_name(gate)}, not sigmoid"
    for name, plain in _PLAIN.items():
        if getattr(cell, name, plain) != plain:
            return f"{name}={not plain} has no kernel"
    return ""


def _surroundings(layer):
    """Returns what around a layer keeps it from its kernel, "" if nothing."""
    if keras.backend.backend() != "tensorflow":
        return f"kernels are TensorFlow's, the backend is {keras.backend.backend()}"
    if kernels.is_portable():
        return "an export has to run without XLA"
    if kernels.is_vectorized():
        return "tf.vectorized_map and Jacobians can't convert what XLA compiles"
    if layer.checkpoint_every is not None and kernels.is_compiled_as_a_whole():
        return (
            "jit_compile=True makes one XLA computation of all around it, which would "
            "have to know the length of the last segment"
        )
    if _has_gpu():
        return "a GPU is there (by cuDNN where the arguments allow it)"
    return ""


def _has_gpu():
    return bool(tf.config.list_logical_devices("GPU"))


def _name(function):
    return getattr(function, "__name__", repr(function))


def run(
    layer: keras.layers.Layer,
    sequences: Tensor,
    initial_state: Any,
    mask: Tensor | None,
    training: bool | None,
) -> Any:
    """Runs a layer over its sequences by a kernel, or by core operations.

    Args:
        layer: a `zoo.layers.RNN`, for which `is_lean` or `is_chosen`.
        sequences: (batch, steps, n_x).
        initial_state: list of (batch, n_a).
        mask: (batch, steps), bool, or None.
        training: whether dropout is applied, and a gradient expected.

    Returns:
        As Keras' `inner_loop`: the last output, (batch, n_a), all outputs, (batch,
        steps, n_a), or the last one alone where the layer returns no sequences, and
        the last states.
    """
    cell = layer.cell
    # Of a variable too, which a cast to its own dtype would leave.
    sequences = ops.cast(tf.convert_to_tensor(sequences), cell.compute_dtype)
    states = keras.tree.flatten(initial_state)
    states = [ops.cast(state, state_dtype(cell)) for state in states]
    kernels.refuse_forward_mode([sequences, *states])
    unit = recurrence(layer, training)
    if training and cell.dropout:
        sequences = sequences * cell.get_dropout_mask(sequences[:, 0])[:, None]
    sequences = ops.cast(sequences, state_dtype(cell))

    def compiled():
        return _run_compiled(layer, unit, sequences, states, mask, training)

    def lean():
        return _run_lean(layer, unit, sequences, states, mask)

    if is_lean(layer, training):
        return lean()
    if training or insists(layer) or kernels.is_compiled_as_a_whole():
        return compiled()
    step, kernel, *_ = unit
    worth = kernels.is_worth_compiling(step, sequences, kernel, mask is not None)
    return tf.cond(worth, compiled, lean)


def _run_compiled(layer, unit, sequences, states, mask, training):
    """Runs a layer by a kernel: see `run`."""
    step, kernel, bias, weights = unit
    if layer.go_backwards:
        sequences = ops.flip(sequences, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    arguments = step, sequences, states, mask, kernel, bias, weights
    if layer.checkpoint_every is None:
        outputs, states = kernels.run(
            *arguments, layer.return_sequences, keep=bool(training)
        )
    else:
        outputs, states = kernels.checkpointed.run(
            *arguments, layer.return_sequences, every=layer.checkpoint_every
        )
    shown = None if mask is None else _shown(layer, mask)
    if shown is not None and outputs is not None:
        outputs = ops.where(shown[..., None], outputs, ops.zeros_like(outputs))
    return _results(layer, outputs, states, shown)


def _run_lean(layer, unit, sequences, states, mask):
    """Runs a layer by core operations: see `run`."""
    step, kernel, bias, weights = unit
    shown = None
    if mask is not None:
        shown = _shown(layer, ops.flip(mask, 1) if layer.go_backwards else mask)
    outputs, states = kernels.inference.run(
        step,
        sequences,
        states,
        mask,
        kernel,
        bias,
        weights,
        layer.return_sequences,
        every_state=_keeps_states(layer),
        shown=shown,
        backwards=layer.go_backwards,
    )
    return _results(layer, outputs, states, shown)


def _results(layer, outputs, states, shown):
    """Returns what Keras' `inner_loop` does; of states those alone that it asks for."""
    last = states[0]
    if shown is not None:
        last = ops.where(_last(shown), last, ops.zeros_like(last))
    states = states if _keeps_states(layer) else states[:1]
    return last, last[:, None] if outputs is None else outputs, states


def _keeps_states(layer):
    return layer.return_state or layer.stateful


def _shown(layer, mask):
    """Says where outputs are no zeros, of a mask in the order of steps taken.

    A masked step repeats the output before it, or is zero where there is none.
    """
    return mask if layer.zero_output_for_mask else _begun(mask)


def has_step(layer: keras.layers.Layer) -> bool:
    """Says whether `recurrence` has a step for a layer, and the layer takes it."""
    if getattr(layer, "fused", False) is False:
        return False
    return keras.backend.backend() == "tensorflow" and not _obstacle(layer)


def recurrence(layer: keras.layers.Layer, training: bool | None = False) -> Any:
    """Returns a layer's step and its weights, for step-by-step use.

    Args:
        layer: a `zoo.layers.RNN`, built.
        training: whether recurrent weights are dropped.

    Returns:
        A `zoo.kernels.steps.Step`, W_x (n_x, gates · n_a), b (gates · n_a,) and the
        weights that the step takes, all in the step's own order of columns.

    Raises:
        ValueError: there is no kernel for the layer's arguments.
    """
    obstacle = _obstacle(layer)
    if obstacle:
        raise ValueError(f"{layer.name} has no kernel's step: {obstacle}.")
    return _RECURRENCES[type(layer.cell)](layer.cell, training)


def _begun(mask):
    """Says for each step whether it or one before it is valid."""
    return ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0


def _last(shown):
    """Returns (batch, 1), false where there are no steps at all."""
    return ops.any(shown[:, -1:], axis=1, keepdims=True)


def _simple_rnn(cell, training):
    kernel, recurrent_kernel, bias = _weights(cell, training)
    return _step(cell, kernels.SimpleRNNStep), kernel, bias, [recurrent_kernel]


def _lstm(cell, training):
    kernel, recurrent_kernel, bias = _weights(cell, training)
    return _step(cell, kernels.LSTMStep), kernel, bias, [recurrent_kernel]


def _gru(cell, training):
    kernel, recurrent_kernel, bias = _weights(cell, training)
    gates = 2 * cell.units
    if not cell.reset_after:
        weights = [recurrent_kernel[:, :gates], recurrent_kernel[:, gates:]]
        return _step(cell, kernels.GRUStep), kernel, bias, weights
    if cell.use_bias:
        # Γ_u's and Γ_r's two biases only ever occur as their sum.
        recurrent_bias = bias[1, gates:]
        bias = ops.concatenate([bias[0, :gates] + bias[1, :gates], bias[0, gates:]])
    else:
        recurrent_bias = ops.zeros_like(bias[gates:])
    step = _step(cell, kernels.ResetAfterGRUStep)
    return step, kernel, bias, [recurrent_kernel, recurrent_bias]


def _min_gru(cell, training):
    kind = kernels.PositiveMinGRUStep if cell.positive else kernels.MinGRUStep
    return _step(cell, kind), *_of_inputs(cell), []


def _min_lstm(cell, training):
    kind = kernels.PositiveMinLSTMStep if cell.positive else kernels.MinLSTMStep
    return _step(cell, kind), *_of_inputs(cell), []


def _sru(cell, training):
    kernel, bias = _of_inputs(cell)
    vectors = ops.cast(cell.recurrent_vectors, cell.compute_dtype)
    weights = [vectors[0], vectors[1]]
    scale, columns = cell.highway_scale, 3 * cell.units
    if scale == 1 and not cell.is_projected:
        return _step(cell, kernels.SRUStep), kernel, bias, weights
    if cell.is_projected:
        past = kernel[:, columns:]
    else:
        past = ops.eye(cell.units, dtype=cell.compute_dtype)
    kernel = ops.concatenate([kernel[:, :columns], scale * past], axis=1)
    bias = ops.pad(bias[:columns], [[0, cell.units]])
    return _step(cell, kernels.ProjectedSRUStep), kernel, bias, weights


def _rg_lru(cell, training):
    projected = kernels.ProjectedRGLRUStep if cell.is_projected else kernels.RGLRUStep
    return _step(cell, projected), *_of_inputs(cell), [cell.decay()]


def _of_inputs(cell):
    """Returns kernel and bias as tensors; what has no bias gets zeros."""
    kernel = ops.cast(cell.kernel, state_dtype(cell))
    if not cell.use_bias:
        return kernel, ops.zeros_like(kernel[0])
    bias = ops.cast(cell.bias, state_dtype(cell))
    return kernel, ops.pad(bias, [[0, kernel.shape[1] - bias.shape[0]]])


def _step(cell, kind):
    """Returns the cell's own step, with which goes what was compiled for it."""
    step = _steps.get(cell)
    if type(step) is not kind:
        step = _steps[cell] = kind()
    return step


_steps = weakref.WeakKeyDictionary()


def _weights(cell, training):
    """Returns kernel, recurrent kernel and bias as tensors, zeros for no bias."""
    kernel = ops.cast(cell.kernel, cell.compute_dtype)
    bias = cell.bias if cell.use_bias else ops.zeros_like(kernel[0])
    recurrent_kernel = cell.recurrent_weights(training)
    return kernel, recurrent_kernel, ops.cast(bias, cell.compute_dtype)


_PLAIN = {"relevance_gate": True, "peephole": False, "layer_normalization": False}
_RECURRENCES = {
    SimpleRNNCell: _simple_rnn,
    LSTMCell: _lstm,
    GRUCell: _gru,
    MinGRUCell: _min_gru,
    MinLSTMCell: _min_lstm,
    SRUCell: _sru,
    RGLRUCell: _rg_lru,
}
