"""Dropout inside a cell, of its values or of its recurrent weights."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from zoo.cells.arguments import check_rate, checked
from zoo.keras_private import DROPOUT_MASKS, DropoutRNNCell, layers_in
from zoo.typing import Tensor


def drop(cell: Any, inputs: Tensor, state: Any, training: bool | None) -> Any:
    """Drops parts of a step's input and of its recurrent state, in training.

    This is variational dropout (Gal & Ghahramani 2016). Each sequence has one mask
    for its inputs and one for its state, the same at every step and for all gates.
    The surrounding layer draws new ones for each batch.

    Args:
        cell: a `DropoutRNNCell` with `dropout` and `recurrent_dropout`, both
            fractions in [0, 1).
        inputs: (batch, features).
        state: (batch, units), what the recurrent kernel multiplies.
        training: nothing is dropped unless this is true.

    Returns:
        `inputs` and `state`, scaled by 1 / (1 - rate) where they are kept.
    """
    if training and cell.dropout > 0.0:
        inputs = inputs * cell.get_dropout_mask(inputs)
    if training and cell.recurrent_dropout > 0.0:
        state = state * cell.get_recurrent_dropout_mask(state)
    return inputs, state


class WeightDropout:
    """Drops recurrent weights in training: DropConnect (Wan et al. 2013).

    ```
    training    W_aa * m / (1 - p),   P(m = 0) = p for each weight by itself
    inference   W_aa
    ```

    W_aa stands for all columns of `recurrent_kernel`. One mask m serves all steps and
    all rows of a batch (Merity et al. 2018), so that the state itself is left alone.
    It is drawn and forgotten when Keras' recurrent layers have a cell draw and forget
    the mask of its state.

    Mixed into a cell of Keras', before it.

    Args:
        recurrent_weight_dropout: p in [0, 1).

    Raises:
        ValueError: p, another rate or `units` is out of range.
    """

    def __init__(
        self, *args: Any, recurrent_weight_dropout: float = 0.0, **kwargs: Any
    ):
        check_rate("recurrent_weight_dropout", recurrent_weight_dropout)
        args, kwargs = checked(type(self), args, kwargs)
        super().__init__(*args, **kwargs)
        self.recurrent_weight_dropout = recurrent_weight_dropout
        self._dropped_recurrent_kernel = None

    def recurrent_weights(self, training: bool | None = False) -> Any:
        """Returns the recurrent kernel as a step takes it.

        Args:
            training: whether weights are dropped, the same until the cell forgets
                them by `reset_recurrent_dropout_mask`.

        Returns:
            (n_a, gates · n_a), in the compute dtype.
        """
        kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
        rate = self.recurrent_weight_dropout
        if not (training and rate):
            return kernel
        if self._dropped_recurrent_kernel is None:
            # In float32: half precision has too few numbers to draw from.
            drawn = keras.random.uniform(
                kernel.shape, dtype="float32", seed=self.seed_generator
            )
            # Kept whole, not its mask alone: a loop would multiply at every step.
            self._dropped_recurrent_kernel = ops.where(
                drawn < rate, 0, kernel / (1 - rate)
            )
        return self._dropped_recurrent_kernel

    def get_recurrent_dropout_mask(self, step_input: Tensor) -> Any:
        """Draws, if there are none, the mask of the state and that of the weights."""
        mask = super().get_recurrent_dropout_mask(step_input)
        self.recurrent_weights(training=True)
        return mask

    def reset_recurrent_dropout_mask(self) -> None:
        """Forgets the masks of the state and of the weights."""
        super().reset_recurrent_dropout_mask()
        self._dropped_recurrent_kernel = None

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        rate = self.recurrent_weight_dropout
        return {**super().get_config(), "recurrent_weight_dropout": rate}


class KeptMasks:
    """The masks that cells draw for one loop, kept apart from the cells.

    A cell holds what it has drawn until it is told to forget it, whoever takes its next
    step. These are drawn at the first step that is taken with them, and are the same at
    all further ones; in between the cells hold what they held before.

    Args:
        layer: what the cells are in, at any depth.
    """

    def __init__(self, layer: keras.layers.Layer):
        inside = layers_in(layer)
        self._cells = [each for each in inside if isinstance(each, DropoutRNNCell)]
        self._drawn: list[dict] = [dict.fromkeys(_names(each)) for each in self._cells]

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Lets the cells take a step with these masks."""
        before = self._exchanged(self._drawn)
        try:
            yield
        finally:
            self._drawn = self._exchanged(before)

    def _exchanged(self, masks):
        """Gives the cells masks, and returns those that they held."""
        held = []
        for cell, own in zip(self._cells, masks, strict=True):
            held.append({name: getattr(cell, name, None) for name in own})
            for name, mask in own.items():
                setattr(cell, name, mask)
        return held


def _names(cell):
    """Returns the attributes in which a cell holds what it has drawn."""
    own = ("_dropped_recurrent_kernel",) if isinstance(cell, WeightDropout) else ()
    return (*DROPOUT_MASKS, *own)
