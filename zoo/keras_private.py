"""What Keras keeps to itself, and the zoo can't do without: every such name.

All of them are in Keras 3.10, the oldest that the zoo takes, and in 3.15, the newest
that it was tested with. A version without one is found out by
`tests/zoo/test_keras_private.py`, and mended here.

Reached through this module alone:

| Keras' name | here |
| --- | --- |
| `keras.src.layers.rnn.dropout_rnn_cell.DropoutRNNCell` | `DropoutRNNCell` |
| `_dropout_mask`, `_recurrent_dropout_mask`, attributes of it | `DROPOUT_MASKS` |
| `keras.src.backend.common.symbolic_scope.in_symbolic_scope` | `in_symbolic_scope` |
| `keras.layers.Layer._call_has_training_arg` | `takes_training` |
| `keras.layers.Layer._flatten_layers` | `layers_in` |
| `_keras_mask`, an attribute of tensors | `mask_of`, `carry_mask` |

Overridden, for which there is no other place:

| Keras' method | in | what for |
| --- | --- | --- |
| `keras.layers.RNN.inner_loop` | `zoo.layers.RNN`, `LSTM`, `GRU` | kernels |
| `keras.layers.RNN._maybe_config_dropout_masks` | `zoo.layers.RNN` | training alone |
| `keras.Model._maybe_symbolic_build` | `zoo.models` | strings |
| `keras.Optimizer._all_reduce_sum_gradients` | `tasks.training.fitting` | clipping |

`zoo.layers.RNN` calls `keras.layers.RNN._maybe_reset_dropout_masks` too.
"""

from collections.abc import Iterator
from typing import Any

import keras

# Says whether a call is about shapes and dtypes only.
from keras.src.backend.common.symbolic_scope import in_symbolic_scope

# A cell that holds dropout masks, which the layer around it draws and forgets.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from zoo.typing import Tensor

__all__ = [
    "DROPOUT_MASKS",
    "DropoutRNNCell",
    "carry_mask",
    "in_symbolic_scope",
    "layers_in",
    "mask_of",
    "takes_training",
]

# Where a `DropoutRNNCell` holds what it has drawn; None where it holds nothing.
DROPOUT_MASKS = ("_dropout_mask", "_recurrent_dropout_mask")


def takes_training(layer: keras.layers.Layer) -> bool:
    """Says whether a layer's `call` has an argument `training`."""
    return layer._call_has_training_arg


def layers_in(layer: keras.layers.Layer, include_self: bool = True) -> Iterator:
    """Yields the layers in a layer at any depth, itself first by default."""
    return layer._flatten_layers(include_self=include_self)


def mask_of(tensor: Tensor) -> Any:
    """Returns the mask that a layer gave a tensor along, (batch, steps), or None."""
    return getattr(tensor, "_keras_mask", None)


def carry_mask(tensor: Tensor, mask: Tensor) -> None:
    """Gives a tensor a mask along, (batch, steps), as a layer does."""
    tensor._keras_mask = mask
