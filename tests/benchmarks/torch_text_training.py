"""A character model trained with torch, in a loop as its users write it."""

import numpy as np
import torch

from tests.benchmarks import torch_text
from tests.benchmarks.text_cases import EPSILON, TextCase


class Contestant:
    """A model and a text, ready to be trained on it again and again.

    Args:
        name: "torch".
        case: the model's sizes, a `TextCase`'s fields.
        window: steps in a window.
        windows: how many follow each other in an epoch.
    """

    def __init__(self, name: str, case: dict, window: int, windows: int):
        case = TextCase(**case)
        arrays = (torch.from_numpy(each) for each in case.windows(window, windows))
        ids, targets = (each.long().split(case.batch) for each in arrays)
        self._windows = list(zip(ids, targets, strict=True))
        self._model = torch_text.CharacterModel(case, torch_text.layers(case))
        for weight_name, weight in self._model.recurrent.named_parameters():
            # Keras has one bias. Adam would move the sum of two twice as far.
            weight.requires_grad_(not weight_name.startswith("bias_hh"))
        self._optimizer = torch.optim.Adam(
            [weight for weight in self._model.parameters() if weight.requires_grad],
            eps=EPSILON,
        )
        self._loss = torch.nn.CrossEntropyLoss()
        self._losses = []

    def run(self):
        """Trains for an epoch, from its first window to its last."""
        state, losses = None, []
        for ids, targets in self._windows:
            logits, state = self._model(ids, state)
            loss = self._loss(logits.flatten(0, 1), targets.flatten())
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            state = _detached(state)
            losses.append(loss.detach())
        self._losses.append(float(torch.stack(losses).mean()))

    def results(self) -> list[np.ndarray]:
        """Returns the mean losses of the first epochs, in nats."""
        return [np.array(self._losses[:2])]


def _detached(state):
    """Returns a state, a tensor or a tuple of them, without its history."""
    if isinstance(state, tuple):
        return tuple(each.detach() for each in state)
    return state.detach()
