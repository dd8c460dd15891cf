"""The text benchmarks' models by `torch.nn`."""

import torch

from tests.benchmarks.text_cases import EMBEDDING_UNITS, VOCABULARY_SIZE, TextCase
from tests.benchmarks.torch_layers import to_torch


class CharacterModel(torch.nn.Module):
    """Embedding, recurrent layers, logits, with a case's weights.

    torch's GRU is the one with `reset_after`.

    Args:
        case: the sizes.
        recurrent: a module with all layers' weights, or a cell's.
    """

    def __init__(self, case: TextCase, recurrent: torch.nn.Module):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY_SIZE, EMBEDDING_UNITS)
        self.recurrent = recurrent
        self.logits = torch.nn.Linear(case.units, VOCABULARY_SIZE)
        kernel, bias = case.softmax()
        layers = case.layer_weights(case.cell)
        arrays = [case.embedding()]
        arrays += [each for layer in layers for each in to_torch(case.cell, layer)]
        arrays += [kernel.T, bias]
        with torch.no_grad():
            for weight, array in zip(self.parameters(), arrays, strict=True):
                weight.copy_(torch.from_numpy(array))

    def forward(self, ids, state=None):
        """Returns logits and the new state, as the recurrent module has it.

        Args:
            ids: int (batch, steps), or (batch,) for a cell.
            state: the state before, None for zeros.
        """
        found = self.recurrent(self.embedding(ids), state)
        if isinstance(self.recurrent, torch.nn.RNNBase):
            a, state = found
        else:  # a cell's output is the first of its states
            a, state = (found[0] if isinstance(found, tuple) else found), found
        return self.logits(a), state


def layers(case: TextCase) -> torch.nn.Module:
    """Returns all of a case's layers as a module."""
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[case.cell]
    return layer(EMBEDDING_UNITS, case.units, case.layers, batch_first=True)


def cell(case: TextCase) -> torch.nn.Module:
    """Returns a case's only layer as a cell."""
    cell = {"gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}[case.cell]
    return cell(EMBEDDING_UNITS, case.units)
