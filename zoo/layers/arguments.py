"""The arguments that layers hand on as keywords, for editors and type checkers.

What runs takes them by `**kwargs`, and `zoo.layers.signatures` tells `help`; editors
don't run the code, and read these. A test holds both equal.
"""

from collections.abc import Callable
from typing import TypeAlias, TypedDict

import keras

Activation: TypeAlias = str | Callable
Initializer: TypeAlias = str | dict | keras.initializers.Initializer
Regularizer: TypeAlias = str | dict | keras.regularizers.Regularizer | None
Constraint: TypeAlias = str | dict | keras.constraints.Constraint | None


class LayerArguments(TypedDict, total=False):
    """What every layer takes."""

    name: str | None
    dtype: str | keras.DTypePolicy | None
    trainable: bool


class StepArguments(LayerArguments, total=False):
    """What every layer takes that runs a cell over a sequence, of Keras' own."""

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool


class RNNArguments(StepArguments, total=False):
    """What `RNN` takes beside its own, by name."""

    zero_output_for_mask: bool


class OverTimeArguments(StepArguments, total=False):
    """What every layer takes that makes its cell: how it goes through time."""

    fused: bool | str
    checkpoint_every: int | None


class InputArguments(OverTimeArguments, total=False):
    """What every layer takes that makes its cell: how it projects inputs."""

    use_bias: bool
    kernel_initializer: Initializer
    bias_initializer: Initializer
    kernel_regularizer: Regularizer
    bias_regularizer: Regularizer
    kernel_constraint: Constraint
    bias_constraint: Constraint
    dropout: float
    seed: int | None


class ElementwiseArguments(InputArguments, total=False):
    """What `MinGRU`, `MinLSTM`, `SRU` and `RGLRU` take beside their own."""

    zero_output_for_mask: bool


class SRUArguments(ElementwiseArguments, total=False):
    """What `SRU` takes beside its own."""

    recurrent_initializer: Initializer


class RecurrentArguments(InputArguments, total=False):
    """What `SimpleRNN` takes beside its own, by name."""

    activation: Activation
    recurrent_initializer: Initializer
    recurrent_regularizer: Regularizer
    recurrent_constraint: Constraint
    recurrent_dropout: float
    recurrent_weight_dropout: float


class GatedArguments(RecurrentArguments, total=False):
    """What `GRU` takes beside its own, by name."""

    recurrent_activation: Activation
    activity_regularizer: Regularizer
    use_cudnn: bool | str


class LSTMArguments(GatedArguments, total=False):
    """What `LSTM` takes beside its own, by name."""

    unit_forget_bias: bool


class BidirectionalArguments(LayerArguments, total=False):
    """What `Bidirectional` takes beside the layer, by name."""

    merge_mode: str | None
    weights: list | None
    backward_layer: keras.layers.Layer | None
