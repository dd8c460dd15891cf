"""A case computed by `torch.nn`, as its users would.

Eager, with autograd in training and `torch.inference_mode` at inference. A mask is
what torch has for it: a packed sequence, packed and padded again at every call.
"""

import numpy as np
import torch
from torch.nn.utils import rnn

from tests.benchmarks import cases
from tests.benchmarks.cases import Case

_MODULES = {
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "simple_rnn": torch.nn.RNN,
    "bidirectional_lstm": torch.nn.LSTM,
}


class Contestant:
    """A case, ready to be computed again and again."""

    def __init__(self, library_name: str, case: dict, seed: int, options: dict):
        case = Case.from_json(case)
        data = cases.data(case, seed)
        _, _, inputs, units = case.shape
        self._kind = case.kind
        self._training = case.mode == "training"
        self.module = _MODULES[case.kind](
            inputs,
            units,
            batch_first=True,
            bidirectional=case.kind == "bidirectional_lstm",
        )
        self.module.train(self._training)
        arrays = to_torch(case.kind, data.weights)
        with torch.no_grad():
            for weight, array in zip(self.module.parameters(), arrays, strict=True):
                weight.copy_(torch.from_numpy(array))
        self._sequences = torch.from_numpy(data.sequences)
        self._lengths = torch.from_numpy(data.lengths) if case.masked else None
        self._upstream = torch.from_numpy(data.upstream)

    def run(self):
        """Computes the case once; returns when the result is there."""
        if self._training:
            sequences = self._sequences.requires_grad_()
            outputs = self._forward(sequences)
            sources = [sequences, *self.module.parameters()]
            return outputs, *torch.autograd.grad(outputs, sources, self._upstream)
        with torch.inference_mode():
            return (self._forward(self._sequences),)

    def _forward(self, sequences):
        if self._lengths is None:
            return self.module(sequences)[0]
        packed = rnn.pack_padded_sequence(
            sequences, self._lengths, batch_first=True, enforce_sorted=False
        )
        return rnn.pad_packed_sequence(
            self.module(packed)[0], batch_first=True, total_length=sequences.shape[1]
        )[0]

    def results(self) -> list[np.ndarray]:
        """Returns the outputs; in training also the gradients, in Keras' layout."""
        outputs, *gradients = (tensor.detach().numpy() for tensor in self.run())
        if not gradients:
            return [outputs]
        return [outputs, gradients[0], *to_keras(self._kind, gradients[1:])]


def to_torch(kind: str, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Returns Keras' weights (kernel, recurrent kernel, bias) as torch has them.

    torch transposes the kernels, has two biases for each direction, and orders
    the GRU's gates r, z, n where Keras has z, r, h.
    """
    arrays = []
    for kernel, recurrent, bias in zip(*[iter(weights)] * 3, strict=True):
        biases = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
        arrays += [_swapped(kind, array.T) for array in (kernel, recurrent)]
        arrays += [_swapped(kind, array) for array in biases]
    return arrays


def to_keras(kind: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Returns torch's gradients by its weights in Keras' order and layout."""
    weights = []
    for kernel, recurrent, *biases in zip(*[iter(arrays)] * 4, strict=True):
        weights += [_swapped(kind, array).T for array in (kernel, recurrent)]
        biases = [_swapped(kind, array) for array in biases]
        weights.append(np.stack(biases) if kind == "gru" else biases[0])
    return weights


def _swapped(kind, array):
    """Exchanges the first two gates of a GRU, along the first axis."""
    if kind != "gru":
        return np.ascontiguousarray(array)
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])
