"""The choice of a recurrent layer's path through time: a kernel, or cell by cell."""

import keras
from keras import ops

from zoo import kernels
from zoo.cells import GRUCell, LSTMCell, SimpleRNNCell

CHOICES = ("auto", True, False)
FUSED = "fused"


def path(layer) -> str:
    """Returns "fused", or "cell" and why.

    Args:
        layer: a `zoo.layers.RNN`.
    """
    if layer.fused is False:
        return "cell: fused=False"
    obstacle = _obstacle(layer) or _surroundings()
    return f"cell: {obstacle}" if obstacle else FUSED


def check(layer) -> None:
    """Raises a ValueError where `fused` is none of its choices, or can't be had."""
    if layer.fused not in CHOICES:
        raise ValueError(f"fused must be 'auto', True or False, found {layer.fused!r}.")
    if layer.checkpoint_every is not None and layer.checkpoint_every < 1:
        raise ValueError(
            f"checkpoint_every must be at least 1, found {layer.checkpoint_every}."
        )
    obstacle = _obstacle(layer)
    if layer.checkpoint_every is not None and (layer.fused is False or obstacle):
        raise ValueError(
            "checkpoint_every takes a kernel, but "
            f"{obstacle or 'fused=False'}. Leave it out."
        )
    if layer.fused is True and obstacle:
        raise ValueError(
            f"fused=True, but {obstacle}. Say fused='auto' to go cell by cell."
        )


def is_chosen(layer) -> bool:
    """Says whether a call now takes the kernel.

    Raises:
        ValueError: it can't here, and `fused=True`.
    """
    way = path(layer)
    if layer.fused is True and way != FUSED and not kernels.is_portable():
        raise ValueError(
            f"{layer.name}: fused=True, but {way.removeprefix('cell: ')}. "
            "Say fused='auto' to go cell by cell."
        )
    return way == FUSED


def _obstacle(layer):
    """Returns what in a layer's arguments no kernel can do, "" if nothing."""
    cell = layer.cell
    kind = type(cell)
    if kind not in _RECURRENCES:
        return f"there is no kernel for {kind.__module__}.{kind.__qualname__}"
    if layer.unroll:
        return "unroll=True asks for a graph of single steps"
    if cell.recurrent_dropout:
        return "recurrent_dropout acts within a step"
    if cell.activation is not keras.activations.tanh:
        return f"activation is {_name(cell.activation)}, not tanh"
    gate = getattr(cell, "recurrent_activation", keras.activations.sigmoid)
    if gate is not keras.activations.sigmoid:
        return f"recurrent_activation is {_name(gate)}, not sigmoid"
    for name, plain in _PLAIN.items():
        if getattr(cell, name, plain) != plain:
            return f"{name}={not plain} has no kernel"
    return ""


def _surroundings():
    """Returns what around a layer keeps it from its kernel, "" if nothing."""
    if keras.backend.backend() != "tensorflow":
        return f"kernels are TensorFlow's, the backend is {keras.backend.backend()}"
    if kernels.is_portable():
        return "an export has to run without XLA"
    if _has_gpu():
        return "kernels are for CPUs, and a GPU is there"
    return ""


def _has_gpu():
    import tensorflow as tf  # the cells' path needs none

    return bool(tf.config.list_logical_devices("GPU"))


def _name(function):
    return getattr(function, "__name__", repr(function))


def run(layer, sequences, initial_state, mask, training):
    """Runs a layer over its sequences by a kernel.

    Args:
        layer: a `zoo.layers.RNN`, for which `is_chosen`.
        sequences: (batch, steps, n_x).
        initial_state: list of (batch, n_a).
        mask: bool (batch, steps), or None.
        training: whether dropout is applied.

    Returns:
        As Keras' `inner_loop`: the last output, (batch, n_a), all outputs, (batch,
        steps, n_a), or the last one alone where the layer returns no sequences, and
        the last states.
    """
    cell = layer.cell
    sequences = ops.cast(sequences, layer.compute_dtype)
    states = keras.tree.flatten(initial_state)
    states = [ops.cast(state, layer.compute_dtype) for state in states]
    if training and cell.dropout:
        sequences = sequences * cell.get_dropout_mask(sequences[:, 0])[:, None]
    if layer.go_backwards:
        sequences = ops.flip(sequences, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    step, kernel, bias, weights = _RECURRENCES[type(cell)](cell)
    arguments = step, sequences, states, mask, kernel, bias, weights
    if layer.checkpoint_every is None:
        outputs, states = kernels.run(*arguments, layer.return_sequences)
    else:
        outputs, states = kernels.checkpointed.run(
            *arguments, layer.return_sequences, every=layer.checkpoint_every
        )
    last = states[0]
    if mask is not None:
        # A masked step repeats the output before it, or is zero where there is none.
        shown = mask if layer.zero_output_for_mask else _begun(mask)
        last = ops.where(_last(shown), last, ops.zeros_like(last))
        if outputs is not None:
            outputs = ops.where(shown[..., None], outputs, ops.zeros_like(outputs))
    return last, last[:, None] if outputs is None else outputs, states


def _begun(mask):
    """Says for each step whether it or one before it is valid."""
    return ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0


def _last(shown):
    """Returns (batch, 1), false where there are no steps at all."""
    return ops.any(shown[:, -1:], axis=1, keepdims=True)


def _simple_rnn(cell):
    kernel, recurrent_kernel, bias = _weights(cell)
    return kernels.SimpleRNNStep(), kernel, bias, [recurrent_kernel]


def _lstm(cell):
    # The kernel has its three sigmoids side by side: Γ_u, Γ_f, Γ_o, c̃.
    kernel, recurrent_kernel, bias = (
        ops.concatenate([update, forget, output, candidate], axis=-1)
        for update, forget, candidate, output in (
            ops.split(weight, 4, axis=-1) for weight in _weights(cell)
        )
    )
    return kernels.LSTMStep(), kernel, bias, [recurrent_kernel]


def _gru(cell):
    kernel, recurrent_kernel, bias = _weights(cell)
    gates = 2 * cell.units
    if not cell.reset_after:
        weights = [recurrent_kernel[:, :gates], recurrent_kernel[:, gates:]]
        return kernels.GRUStep(), kernel, bias, weights
    if cell.use_bias:
        # Γ_u's and Γ_r's two biases only ever occur as their sum.
        recurrent_bias = bias[1, gates:]
        bias = ops.concatenate([bias[0, :gates] + bias[1, :gates], bias[0, gates:]])
    else:
        recurrent_bias = ops.zeros_like(bias[gates:])
    return kernels.ResetAfterGRUStep(), kernel, bias, [recurrent_kernel, recurrent_bias]


def _weights(cell):
    """Returns kernel, recurrent kernel and bias as tensors, zeros for no bias."""
    kernel = ops.cast(cell.kernel, cell.compute_dtype)
    bias = cell.bias if cell.use_bias else ops.zeros_like(kernel[0])
    return [
        kernel,
        *(
            ops.cast(weight, cell.compute_dtype)
            for weight in (cell.recurrent_kernel, bias)
        ),
    ]


_PLAIN = {"relevance_gate": True, "peephole": False, "layer_normalization": False}
_RECURRENCES = {SimpleRNNCell: _simple_rnn, LSTMCell: _lstm, GRUCell: _gru}
