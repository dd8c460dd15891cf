"""Wrappers around a recurrent layer that are recurrent layers themselves."""

from collections.abc import Sequence
from typing import Any

import keras

from zoo.cells.gru import check_reset_after
from zoo.layers import masks
from zoo.layers.rnn import with_mask
from zoo.layers.shapes import DenseInputs, ranks_of
from zoo.layers.states import check_recurrent
from zoo.typing import Tensor


class RecurrentWrapper(DenseInputs, keras.layers.Wrapper):
    """A layer around a recurrent layer, with its flags, states and masks.

    Args:
        layer: any recurrent layer of `zoo.layers`, DeepRNN and Bidirectional
            included.
        **kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `layer` isn't recurrent, or it is stateful.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        check_recurrent(layer, type(self).__name__)
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"'{layer.name}' is stateful: it starts from the states that it "
                f"carries on, and {type(self).__name__} couldn't say where. Leave "
                "`stateful` out and pass the states on, as `zoo.layers.stream` does."
            )
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(layer, **kwargs)
        self.supports_masking = True
        # Not how many features: the layer's inputs may have more than the wrapper's.
        self.input_spec = keras.layers.InputSpec(**ranks_of(layer))

    def __call__(self, sequences: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Runs the layer over `sequences`, under the mask that they carry."""
        return super().__call__(sequences, *args, **with_mask(sequences, args, kwargs))

    @property
    def return_sequences(self) -> bool:
        """Whether the layer returns all steps."""
        return self.layer.return_sequences

    @return_sequences.setter
    def return_sequences(self, value: Any) -> None:
        self.layer.return_sequences = value

    @property
    def return_state(self) -> bool:
        """Whether the layer returns its last states."""
        return self.layer.return_state

    @return_state.setter
    def return_state(self, value: Any) -> None:
        self.layer.return_state = value

    @property
    def state_size(self) -> Any:
        """The sizes of the layer's states."""
        return self.layer.state_size

    def get_initial_state(self, batch_size: int) -> Any:
        """Returns the layer's own states before the first step."""
        return self.layer.get_initial_state(batch_size)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the weights, as `keras.layers.Layer` does."""
        check_reset_after(self, weights)
        super().set_weights(weights)

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' mask; states have none."""
        mask = masks.of_first(mask)
        return self.layer.compute_mask(sequences, mask)
