"""Texts generated with torch by the loops that its users write."""

import torch

from tests.benchmarks import text_cases, torch_text
from tests.benchmarks.generation import Generation
from tests.benchmarks.text_cases import START_ID, TextCase


class Loop:
    """A call of the model for each character, without gradients.

    Args:
        case: the model's sizes.
        cell: whether by `GRUCell` or `LSTMCell`; else by a layer, given one step.
    """

    def __init__(self, case: TextCase, cell: bool):
        self._case = case
        # A cell takes (batch,), a layer (batch, steps).
        self._shape = (case.batch,) if cell else (case.batch, 1)
        module = torch_text.cell if cell else torch_text.layers
        self._model = torch_text.CharacterModel(case, module(case)).eval()

    def start(self):
        """Returns the state before the first step: None, which is zeros."""

    @torch.inference_mode()
    def step(self, ids, state):
        """Returns logits and the new state."""
        ids = torch.as_tensor(ids).reshape(self._shape)
        logits, state = self._model(ids, state)
        return logits.reshape(self._case.batch, -1), state

    @torch.inference_mode()
    def generate(self, length: int) -> list[str]:
        """Returns a text for each row."""
        ids, state = torch.full([self._case.batch, 1], START_ID), self.start()
        drawn = []
        for _ in range(length):
            logits, state = self.step(ids, state)
            ids = torch.multinomial(torch.softmax(logits, dim=-1), 1)
            drawn.append(ids)
        return text_cases.as_texts(torch.cat(drawn, dim=1).numpy())


class Contestant(Generation):
    """See `Generation`."""

    WAYS = {
        "torch, cell": lambda case: Loop(case, cell=True),
        "torch, layer": lambda case: Loop(case, cell=False),
    }
