"""Recurrent layers from torch, with their weights."""

from typing import Any

import numpy as np

from zoo.layers.bidirectional import Bidirectional
from zoo.layers.deep import DeepRNN
from zoo.layers.recurrent import GRU, LSTM, SimpleRNN

# Where torch's gates go: its LSTM has Keras' order i, f, g, o; its GRU r, z, n, where
# Keras has z, r, c̃ with the same meaning (z keeps).
ORDERS = {"RNN_TANH": [0], "RNN_RELU": [0], "GRU": [1, 0, 2], "LSTM": [0, 1, 2, 3]}


def from_torch(module: Any) -> Any:
    """Makes a layer that computes what a `torch.nn.RNN`, `GRU` or `LSTM` does.

    It is built, holds the module's weights, and returns all outputs and then the
    last states, as the module does. It takes (batch, steps, n_x) whatever the
    module's `batch_first`. Torch's states (layers · directions, batch, n_a) are a
    flat list here, layer by layer, the forward direction first, of an LSTM a and c
    next to each other.

    torch adds two biases where one is enough; here they are one, their sum, but for
    the GRU's, which has two (`reset_after=True`).

    Args:
        module: a `torch.nn.RNN`, `GRU` or `LSTM`, of any number of layers, in one or
            both directions. torch itself is not imported.

    Returns:
        `SimpleRNN`, `GRU` or `LSTM`, in a `Bidirectional` if the module is; of
        several layers a `DeepRNN`, with the module's dropout between them.

    Raises:
        ValueError: the module is no such module, or an LSTM with `proj_size`.
    """
    _check(module)
    arguments = {
        "dtype": str(module.weight_ih_l0.dtype).removeprefix("torch."),
        "use_bias": module.bias,
        "return_sequences": True,
        "return_state": True,
    }
    layers = [_layer(module, arguments) for _ in range(module.num_layers)]
    layer = layers[0]
    if module.num_layers > 1:
        layer = DeepRNN(
            layers,
            dropout=module.dropout,
            return_sequences=True,
            return_state=True,
            dtype=arguments["dtype"],
        )
    layer.build((None, None, module.input_size))
    directions = ("", "_reverse") if module.bidirectional else ("",)
    layer.set_weights(
        [
            weight
            for number in range(module.num_layers)
            for direction in directions
            for weight in _weights(module, f"l{number}{direction}")
        ]
    )
    return layer


def _check(module):
    mode = getattr(module, "mode", None)
    if mode not in ORDERS or not hasattr(module, "weight_ih_l0"):
        raise ValueError(
            "from_torch takes a torch.nn.RNN, torch.nn.GRU or torch.nn.LSTM. Found: "
            f"{type(module).__module__}.{type(module).__name__}."
        )
    if getattr(module, "proj_size", 0):
        raise ValueError(
            f"The torch.nn.LSTM has `proj_size={module.proj_size}`: it projects its "
            "state, which zoo.layers.LSTM does not. Use one without `proj_size`."
        )


def _layer(module, arguments):
    """Makes a layer as one of the module's, without its weights."""
    units = module.hidden_size
    if module.mode == "LSTM":
        layer = LSTM(units, **arguments)
    elif module.mode == "GRU":
        layer = GRU(units, reset_after=True, **arguments)
    else:
        activation = module.mode.removeprefix("RNN_").lower()
        layer = SimpleRNN(units, activation=activation, **arguments)
    if module.bidirectional:
        layer = Bidirectional(layer, dtype=arguments["dtype"])
    return layer


def _weights(module, suffix):
    """Returns the weights of one layer and direction in Keras' layout."""

    def columns(name):
        # By way of float64, for NumPy has no bfloat16.
        weight = getattr(module, f"{name}_{suffix}").detach().cpu().double().numpy()
        gates = np.split(weight, len(ORDERS[module.mode]))
        return np.concatenate([gates[place] for place in ORDERS[module.mode]]).T

    weights = [columns("weight_ih"), columns("weight_hh")]
    if not module.bias:
        return weights
    biases = columns("bias_ih"), columns("bias_hh")
    bias = np.stack(biases) if module.mode == "GRU" else sum(biases)
    return [*weights, bias]
