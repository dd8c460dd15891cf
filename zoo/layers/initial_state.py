"""An initial state that is learned."""

from typing import Any

import keras
from keras import ops

from zoo.layers.shapes import refuse_ragged
from zoo.layers.states import pack, state_sizes
from zoo.layers.wrapper import RecurrentWrapper
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class LearnedInitialState(RecurrentWrapper):
    """Starts a recurrent layer from states that are weights, instead of zeros.

    ```
    a<0> = w, the same for every row, trained with the rest
    ```

    A state that is given, as it is from one piece of a stream to the next, is used
    in its place.

    Args:
        layer: any recurrent layer of `zoo.layers`.
        initializer: what w starts as.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: (batch, steps, n_x), a floating dtype.
        initial_state: list of (batch, n), all the layer's states; w by default.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied.

    Returns:
        What the layer returns.
    """

    def __init__(
        self, layer: keras.layers.Layer, initializer: str = "zeros", **kwargs: Any
    ):
        super().__init__(layer, **kwargs)
        self.initializer = keras.initializers.get(initializer)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Creates the weights, for (batch, steps, n_x): one vector for each state."""
        super().build(sequences_shape)
        self.first_states = [
            self.add_weight(
                shape=(size,), initializer=self.initializer, name=f"state_{number}"
            )
            for number, size in enumerate(state_sizes(self.layer), start=1)
        ]

    def get_initial_state(self, batch_size: int) -> Any:
        """Returns the learned states, each (batch_size, n)."""
        return [
            ops.broadcast_to(
                ops.cast(state, self.compute_dtype), (batch_size, state.shape[0])
            )
            for state in self.first_states
        ]

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the layer over `sequences`."""
        states = self._states(sequences, initial_state)
        return self.layer(sequences, initial_state=states, mask=mask, training=training)

    def gates(
        self, sequences: Tensor, mask: Tensor | None = None, initial_state: Any = None
    ) -> Any:
        """Returns the layer's gates at every step, from the learned states."""
        refuse_ragged(self, sequences)
        if not self.built:
            self.build(sequences.shape)
        states = self._states(sequences, initial_state)
        return self.layer.gates(sequences, mask=mask, initial_state=states)

    def _states(self, sequences, initial_state):
        if initial_state is None:
            initial_state = self.get_initial_state(ops.shape(sequences)[0])
        return pack(self.layer, initial_state)

    def compute_output_shape(
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the layer's output shapes."""
        return self.layer.compute_output_shape(sequences_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}
