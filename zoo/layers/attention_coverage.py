"""How much of a source was attended to, over all output steps."""

from typing import Any, NamedTuple

from keras import ops

from zoo.typing import Tensor


class Coverage(NamedTuple):
    """How much attention each source step got, and how it was spread.

    Attributes:
        received: Σ_t α<t,s>, float32 (batch, source): about 1 for a word that is
            translated by one word.
        missed: float32 (batch,): the mean over s of max(0, 1 - received).
        repeated: float32 (batch,): the mean over s of max(0, received - 1).
        entropy: float32 (batch,): the mean over t of -Σ_s α<t,s> log α<t,s>, in nats:
            0 where each output step looks at one source step.
    """

    received: Any
    missed: Any
    repeated: Any
    entropy: Any


def coverage(
    weights: Any, source_mask: Tensor | None = None, target_mask: Tensor | None = None
) -> Coverage:
    """Returns statistics of attention (Tu et al. 2016; Rikters & Fishel 2017).

    A translation that leaves words out has source steps that are `missed`, one that
    loops has some that are `repeated`; a model that doesn't know where to look has
    a high `entropy`.

    Args:
        weights: α, float (batch, steps, source).
        source_mask: (batch, source), bool; all is counted by default.
        target_mask: (batch, steps), bool.
    """
    weights = ops.cast(weights, "float32")
    batch, steps, source = ops.shape(weights)
    if source_mask is None:
        source_mask = ops.ones((batch, source), dtype="bool")
    if target_mask is None:
        target_mask = ops.ones((batch, steps), dtype="bool")
    weights = ops.where(source_mask[:, None], weights, 0)
    weights = ops.where(target_mask[:, :, None], weights, 0)
    received = ops.sum(weights, axis=1)
    logs = ops.log(ops.maximum(weights, 1e-30))
    entropies = -ops.sum(weights * logs, axis=-1)
    return Coverage(
        received=received,
        missed=_mean(ops.relu(1 - received), source_mask),
        repeated=_mean(ops.relu(received - 1), source_mask),
        entropy=_mean(entropies, target_mask),
    )


def _mean(values, mask):
    """Returns each row's mean over what is not masked, 0 of nothing."""
    mask = ops.cast(mask, values.dtype)
    return ops.sum(values * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1)
