"""What the gates of a layer do over a sequence."""

from typing import Any

import keras
from keras import ops

from zoo.cells.gated import require_gates
from zoo.cells.wrapping import state_dtype
from zoo.layers import masks
from zoo.typing import Tensor


def gates_over_time(
    layer: keras.layers.Layer,
    sequences: Tensor,
    mask: Tensor | None = None,
    initial_state: Any = None,
) -> Any:
    """Runs a layer's cell over a sequence for its gates: see `RNN.gates`.

    Args:
        layer: a built `keras.layers.RNN` with a cell of `zoo.cells`.
        sequences: (batch, steps, n_x), a floating dtype.
        mask: (batch, steps), bool, true where a step is valid.
        initial_state: list of (batch, n_a).

    Returns:
        A dict of (batch, steps, n_a) tensors.
    """
    require_gates(layer.cell, layer.name)
    names = layer.cell.gate_names
    if initial_state is None and layer.stateful:
        initial_state = [ops.convert_to_tensor(state) for state in layer.states]
    elif initial_state is None:
        initial_state = layer.get_initial_state(ops.shape(sequences)[0])
    elif not isinstance(initial_state, list | tuple):
        initial_state = [initial_state]
    reader = keras.layers.RNN(
        _Reader(layer.cell),
        return_sequences=True,
        go_backwards=layer.go_backwards,
        dtype=layer.dtype_policy,
        name=f"{layer.name}_gates",
    )
    mask = masks.of_steps(layer, mask, sequences)
    sequences = masks.without_masked(sequences, mask)
    values = _read(reader, sequences, list(initial_state), mask)
    gates = dict(zip(names, ops.split(values, len(names), axis=-1), strict=True))
    if layer.go_backwards and mask is not None:
        mask = ops.flip(mask, axis=1)
    if mask is not None:
        first = ops.cast(initial_state[-1], values.dtype)
        gates = _at_masked_steps(gates, mask, first)
    if layer.go_backwards:
        gates = {name: ops.flip(gate, axis=1) for name, gate in gates.items()}
    return gates


def _read(reader, sequences, initial_state, mask):
    """Runs a layer of Keras' over sequences that may have no step.

    Keras' loop needs one to tell shapes by: it is given one, which is taken back.
    """
    if sequences.shape[1]:
        return reader(sequences, initial_state=initial_state, mask=mask)
    steps, missing = 0, 1
    if sequences.shape[1] is None:
        steps = ops.shape(sequences)[1]
        missing = ops.maximum(1 - steps, 0)
    sequences = ops.pad(sequences, [(0, 0), (0, missing), (0, 0)])
    if mask is not None:
        mask = ops.pad(mask, [(0, 0), (0, missing)])
    return reader(sequences, initial_state=initial_state, mask=mask)[:, :steps]


def _at_masked_steps(gates, mask, first_memory):
    """Closes gates at masked steps; the memory stays what it was before."""
    valid = mask[:, :, None]
    begun = ops.cumsum(ops.cast(mask, "int32"), axis=1)[:, :, None] > 0
    return {
        # Keras repeats the last valid step's output, after zeros before the first.
        name: ops.where(begun, gate, first_memory[:, None])
        if name == "memory"
        else ops.where(valid, gate, ops.zeros_like(gate))
        for name, gate in gates.items()
    }


class _Reader:
    """A cell whose output is another's gates, concatenated."""

    def __init__(self, cell):
        self.cell = cell
        self.state_size = cell.state_size
        self.output_size = len(cell.gate_names) * cell.output_size
        # In which Keras carries states.
        self.compute_dtype = state_dtype(cell)

    def call(self, inputs, states):
        """Takes a step of the cell."""
        _, states, gates = self.cell(inputs, states, return_gates=True)
        return ops.concatenate(list(gates.values()), axis=-1), states

    __call__ = call
