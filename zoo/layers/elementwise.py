"""`MinGRU`, `MinLSTM`, `SRU` and `RGLRU`: units that train in parallel over time.

No matrix multiplies their states, `h<t> = A<t> * h<t-1> + B<t>`. Their cells have the
equations; whatever an `LSTM` of the zoo can be asked, they can.
"""

import inspect
from typing import Any, Unpack

import keras

from zoo.cells import MinGRUCell, MinLSTMCell, RGLRUCell, SRUCell
from zoo.cells.elementwise import ElementwiseCell
from zoo.layers.arguments import ElementwiseArguments, Initializer, SRUArguments
from zoo.layers.rnn import RNN
from zoo.layers.signatures import spelled_out

# What the layer, and not its cell alone, is given too.
_SHARED = {"name", "dtype", "trainable"}


class ElementwiseRNN(RNN):
    """A layer around one of the element-wise cells, by the cell's own arguments."""

    cell_class: type[ElementwiseCell]
    spells_cell = True

    def __init__(self, units: int, **kwargs: Any):
        own = {name: kwargs.pop(name) for name in self._of_cell() if name in kwargs}
        cell = self.cell_class(
            units,
            **own,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name=f"{self.cell_class.__name__.removesuffix('Cell').lower()}_cell",
        )
        super().__init__(cell, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @classmethod
    def _of_cell(cls):
        """Returns the names of the arguments that the cell takes, but for `units`."""
        classes = cls.cell_class.__mro__
        found = [
            name
            for each in classes[: classes.index(ElementwiseCell) + 1]
            for name, kind in inspect.signature(each.__init__).parameters.items()
            if kind.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        return dict.fromkeys(found)

    @property
    def units(self) -> int:
        """n_a."""
        return self.cell.units

    @property
    def dropout(self) -> float:
        """The rate at which inputs are dropped in training."""
        return self.cell.dropout

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["cell"]
        of_cell = self.cell.get_config()
        own = {name: of_cell[name] for name in self._of_cell()}
        return {**config, "units": self.units, **own}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes the layer from its arguments."""
        return cls(**config)


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class MinGRU(ElementwiseRNN):
    """A layer of minimal gated recurrent units: see `zoo.cells.MinGRUCell`.

    (Feng et al. 2024.) What a call takes, returns and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        positive: whether states stay above 0.
        **kwargs: the other arguments of `MinGRUCell` and `RNN`.
    """

    cell_class = MinGRUCell

    def __init__(
        self,
        units: int,
        *,
        positive: bool = False,
        **kwargs: Unpack[ElementwiseArguments],
    ):
        super().__init__(units, positive=positive, **kwargs)


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class MinLSTM(ElementwiseRNN):
    """A layer of minimal long short-term memory: see `zoo.cells.MinLSTMCell`.

    (Feng et al. 2024.) Its one state is c<T>, which is a<T>. What a call takes, returns
    and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        positive: whether states stay above 0.
        **kwargs: the other arguments of `MinLSTMCell` and `RNN`.
    """

    cell_class = MinLSTMCell

    def __init__(
        self,
        units: int,
        *,
        unit_forget_bias: bool = True,
        positive: bool = False,
        **kwargs: Unpack[ElementwiseArguments],
    ):
        own = {"unit_forget_bias": unit_forget_bias, "positive": positive}
        super().__init__(units, **own, **kwargs)


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class SRU(ElementwiseRNN):
    """A layer of simple recurrent units (Lei et al. 2018): see `zoo.cells.SRUCell`.

    Its states are a<T> and c<T>; of an initial state c<0> alone matters. What a call
    takes, returns and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        highway_scale: α, by which the highway's input is multiplied.
        **kwargs: the other arguments of `SRUCell` and `RNN`.
    """

    cell_class = SRUCell

    def __init__(
        self, units: int, *, highway_scale: float = 1.0, **kwargs: Unpack[SRUArguments]
    ):
        super().__init__(units, highway_scale=highway_scale, **kwargs)


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class RGLRU(ElementwiseRNN):
    """A layer of real-gated linear recurrent units: see `zoo.cells.RGLRUCell`.

    (De et al. 2024.) What a call takes, returns and raises: see `RNN`.

    Args:
        units: n_a, a positive integer.
        retention_initializer: of Λ, which says how slowly each unit forgets.
        **kwargs: the other arguments of `RGLRUCell` and `RNN`.
    """

    cell_class = RGLRUCell

    def __init__(
        self,
        units: int,
        *,
        retention_initializer: Initializer | None = None,
        **kwargs: Unpack[ElementwiseArguments],
    ):
        super().__init__(units, retention_initializer=retention_initializer, **kwargs)
