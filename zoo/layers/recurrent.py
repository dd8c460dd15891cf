"""`SimpleRNN`, `GRU` and `LSTM`: a cell of ours over time.

Each layer subclasses its Keras namesake, so that arguments, properties, weights and
serialization are Keras'. In the order in which Python looks for a method (the MRO),
our `RNN` stands between the namesake and `keras.layers.RNN`:

| class | `__init__` | `inner_loop` |
| --- | --- | --- |
| `LSTM` | its variants become `cell_arguments` | |
| `_WeightDropout` | so does its rate | |
| `_AnyMask` | | to `RNN` where cuDNN must not be asked, else on |
| `keras.layers.LSTM` | makes Keras' cell and hands it on | cuDNN on a GPU, else on |
| `RNN` | puts our cell in the place of Keras' | a kernel, else on |
| `DenseInputs` | | (refuses ragged tensors before) |
| `keras.layers.RNN` | keeps the cell | the cell, step by step |
| `keras.layers.Layer`, … | | |

So does `GRU`; `SimpleRNN`, for which there is no cuDNN, goes without `_AnyMask`.
"""

from typing import Any, Unpack

import keras

from zoo.cells import GRUCell, LSTMCell, SimpleRNNCell
from zoo.cells.arguments import checked
from zoo.layers.arguments import (
    GatedArguments,
    LSTMArguments,
    RecurrentArguments,
    Regularizer,
)
from zoo.layers.elementwise import RGLRU, SRU, MinGRU, MinLSTM
from zoo.layers.fused import insists
from zoo.layers.rnn import RNN
from zoo.layers.signatures import spelled_out


class _AnyMask:
    """Keeps cuDNN off masked sequences, and off a layer that chose its path itself.

    cuDNN refuses all masks but right padding, and in a graph does so at run time, when
    it is too late to go another way. Off dropped weights too: it is given the whole
    recurrent kernel.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Steps through time, on a GPU by cuDNN where the arguments allow it."""
        chosen = self.fused is False or insists(self)
        drops = training and self.recurrent_weight_dropout
        if (mask is not None or chosen or drops) and self.use_cudnn is not True:
            return RNN.inner_loop(self, sequences, initial_state, mask, training)
        return super().inner_loop(sequences, initial_state, mask, training)


def _without_cudnn(arguments, variant):
    """Returns the `use_cudnn` of a variant, which cuDNN would take for plain."""
    if arguments.get("use_cudnn") is True:
        raise ValueError(
            "`use_cudnn=True`, but cuDNN has plain units alone. Found: "
            f"{', '.join(f'{name}={value}' for name, value in variant.items())}. "
            "Leave `use_cudnn` out."
        )
    return False


class _WeightDropout:
    """Hands `recurrent_weight_dropout` to the cell."""

    def __init__(
        self, *args, recurrent_weight_dropout=0.0, cell_arguments=None, **kwargs
    ):
        own = {"recurrent_weight_dropout": recurrent_weight_dropout}
        if recurrent_weight_dropout:
            _without_cudnn(kwargs, own)
        args, kwargs = checked(type(self), args, kwargs)
        super().__init__(
            *args, cell_arguments={**(cell_arguments or {}), **own}, **kwargs
        )

    @property
    def recurrent_weight_dropout(self):
        """The rate at which recurrent weights are dropped in training."""
        return self.cell.recurrent_weight_dropout

    def get_config(self):
        """Returns the constructor's arguments."""
        rate = self.recurrent_weight_dropout
        return {**super().get_config(), "recurrent_weight_dropout": rate}


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class SimpleRNN(_WeightDropout, keras.layers.SimpleRNN, RNN):
    """A fully connected recurrent layer: see `zoo.cells.SimpleRNNCell`.

    Takes the arguments of `keras.layers.SimpleRNN` and replaces it. What a call takes,
    returns and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        recurrent_weight_dropout: rate in [0, 1) of the recurrent weights in training,
            the same at all steps of a batch (Merity et al. 2018).
        **kwargs: the other arguments of `keras.layers.SimpleRNN`.
    """

    cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        *args: Any,
        activity_regularizer: Regularizer = None,
        **kwargs: Unpack[RecurrentArguments],
    ):
        super().__init__(units, *args, **kwargs)
        # Keras' constructor takes it and forgets it.
        self.activity_regularizer = keras.regularizers.get(activity_regularizer)


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class LSTM(_WeightDropout, _AnyMask, keras.layers.LSTM, RNN):
    """A layer of long short-term memory: see `zoo.cells.LSTMCell`.

    Takes the arguments of `keras.layers.LSTM` and replaces it. Its states are
    a<T> and c<T>. What a call takes, returns and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        peephole: whether the gates see the memory.
        layer_normalization: whether sums and memory are normalised.
        recurrent_weight_dropout: rate in [0, 1) of the recurrent weights in training,
            the same at all steps of a batch (Merity et al. 2018).
        **kwargs: the other arguments of `keras.layers.LSTM`. What `recurrent_dropout`
            drops of a state, it drops for all gates; in Keras each of the four has a
            mask of its own.
    """

    cell_class = LSTMCell

    def __init__(
        self,
        units: int,
        *args: Any,
        peephole: bool = False,
        layer_normalization: bool = False,
        **kwargs: Unpack[LSTMArguments],
    ):
        variant = {"peephole": peephole, "layer_normalization": layer_normalization}
        if any(variant.values()):
            kwargs["use_cudnn"] = _without_cudnn(kwargs, variant)
        super().__init__(units, *args, cell_arguments=variant, **kwargs)

    @property
    def peephole(self) -> bool:
        """Whether the gates see the memory."""
        return self.cell.peephole

    @property
    def layer_normalization(self) -> bool:
        """Whether sums and memory are normalised."""
        return self.cell.layer_normalization

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "peephole": self.peephole,
            "layer_normalization": self.layer_normalization,
        }


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class GRU(_WeightDropout, _AnyMask, keras.layers.GRU, RNN):
    """A layer of gated recurrent units: see `zoo.cells.GRUCell`.

    Takes the arguments of `keras.layers.GRU` and replaces it; to move weights
    to or from a Keras layer made with Keras' default, say `reset_after=True`. What a
    call takes, returns and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        reset_after: whether the relevance gate acts after the matrix product
            (cuDNN, torch, Keras' default) or before it (the default here).
        relevance_gate: false for the simplified unit, without Γ_r.
        layer_normalization: whether the sums are normalised.
        recurrent_weight_dropout: rate in [0, 1) of the recurrent weights in training,
            the same at all steps of a batch (Merity et al. 2018).
        **kwargs: the other arguments of `keras.layers.GRU`. What `recurrent_dropout`
            drops of a state, it drops for all gates; in Keras each of the three has a
            mask of its own.
    """

    cell_class = GRUCell

    def __init__(
        self,
        units: int,
        *args: Any,
        reset_after: bool = False,
        relevance_gate: bool = True,
        layer_normalization: bool = False,
        **kwargs: Unpack[GatedArguments],
    ):
        variant = {
            "relevance_gate": relevance_gate,
            "layer_normalization": layer_normalization,
        }
        if layer_normalization or not relevance_gate:
            kwargs["use_cudnn"] = _without_cudnn(kwargs, variant)
        super().__init__(
            units, *args, reset_after=reset_after, cell_arguments=variant, **kwargs
        )

    @property
    def relevance_gate(self) -> bool:
        """Whether the unit has a Γ_r."""
        return self.cell.relevance_gate

    @property
    def layer_normalization(self) -> bool:
        """Whether the sums are normalised."""
        return self.cell.layer_normalization

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "relevance_gate": self.relevance_gate,
            "layer_normalization": self.layer_normalization,
        }


# The layers by the names that `--cell` and the models' `cell` argument take.
BY_CELL = {
    "rnn": SimpleRNN,
    "gru": GRU,
    "lstm": LSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "sru": SRU,
    "rglru": RGLRU,
}
