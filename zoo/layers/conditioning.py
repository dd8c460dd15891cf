"""Sequences that depend on one vector."""

from typing import Any

import keras
from keras import ops

from zoo.keras_private import mask_of
from zoo.layers.shapes import check_axes, refuse_ragged
from zoo.layers.states import pack, state_sizes
from zoo.layers.wrapper import RecurrentWrapper
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class Conditioned(RecurrentWrapper):
    """Conditions a recurrent layer on one vector v for each row.

    ```
    as_input   x'<t>  = [x<t>, v]           at every step
    as_state   a_s<0> = g(W_s v + b_s)      for each state s of the layer, c included
    ```

    Either, or both (vector-to-sequence, as the decoder of Cho et al. 2014, which does
    both). With g = tanh the states lie where a<t> does.

    To generate, step by step: take `initial_state(vector)`, then call the layer on
    sequences of one step with `initial_state=` what the call before returned. v as
    an input goes in at each of these steps as well.

    Args:
        layer: any recurrent layer of `zoo.layers`.
        as_input: whether v is an extra input at every step.
        as_state: whether v sets the initial states.
        state_activation: g.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: (batch, steps, n_x), a floating dtype.
        vector: v, (batch, n_v).
        initial_state: list of (batch, n): goes before what v would set.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied.

    Returns:
        What the layer returns.

    Raises:
        ValueError: v is used for neither, or is not (batch, n_v); or the layer is
            stateful.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        as_input: bool = True,
        as_state: bool = True,
        state_activation: str = "tanh",
        **kwargs: Any,
    ):
        super().__init__(layer, **kwargs)
        if not as_input and not as_state:
            raise ValueError(
                "Conditioned has no use for the vector. Give `as_input=True`, "
                "`as_state=True` or both."
            )
        self.as_input = as_input
        self.as_state = as_state
        self.state_activation = keras.activations.get(state_activation)
        self.to_states = [
            keras.layers.Dense(
                size,
                self.state_activation,
                dtype=self.dtype_policy,
                name=f"state_{number}",
            )
            for number, size in enumerate(state_sizes(layer) if as_state else [], 1)
        ]

    def __call__(self, sequences: Tensor, vector: Tensor, **kwargs: Any) -> Any:
        """Runs the layer over `sequences`, under the mask that they carry."""
        return super().__call__(sequences, vector, **kwargs)

    def build(
        self, sequences_shape: Any, vector_shape: Any, initial_state_shape: Any = None
    ) -> None:
        """Creates the weights, for (batch, steps, n_x) and (batch, n_v)."""
        super().build(self._inputs_shape(sequences_shape, vector_shape))
        for dense in self.to_states:
            dense.build(vector_shape)

    def _inputs_shape(self, sequences_shape, vector_shape):
        *steps, features = sequences_shape
        return (*steps, features + (vector_shape[-1] if self.as_input else 0))

    def initial_state(self, vector: Tensor) -> Any:
        """Returns the states that `vector` (batch, n_v) sets, a list of (batch, n).

        Raises:
            ValueError: it sets none, `as_state` is false.
        """
        if not self.as_state:
            raise ValueError(
                f"'{self.name}' takes its vector as an input alone: it sets no "
                "initial state. Make it with `as_state=True`."
            )
        return [dense(vector) for dense in self.to_states]

    def call(
        self,
        sequences: Tensor,
        vector: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the layer over `sequences`."""
        inputs, states = self._inputs(sequences, vector, initial_state)
        return self.layer(inputs, initial_state=states, mask=mask, training=training)

    def gates(
        self,
        sequences: Tensor,
        vector: Tensor,
        mask: Tensor | None = None,
        initial_state: Any = None,
    ) -> Any:
        """Returns the layer's gates at every step, for `sequences` and `vector`."""
        refuse_ragged(self, sequences)
        if not self.built:
            self.build(sequences.shape, vector.shape)
        if mask is None:
            mask = mask_of(sequences)
        inputs, states = self._inputs(sequences, vector, initial_state)
        return self.layer.gates(inputs, mask=mask, initial_state=states)

    def _inputs(self, sequences, vector, initial_state):
        """Returns the layer's sequences and initial states."""
        if len(vector.shape) != 2:
            raise ValueError(
                f"'{self.name}' depends on one vector for each row, (batch, n_v), "
                f"found the shape {tuple(vector.shape)}."
            )
        check_axes(
            self,
            sequences=(sequences, "rows, steps, n_x"),
            vector=(vector, "rows, n_v"),
        )
        if initial_state is None and self.as_state:
            initial_state = self.initial_state(vector)
        if initial_state is not None:
            initial_state = pack(self.layer, initial_state)
        if self.as_input:
            steps = ops.shape(sequences)[1]
            repeated = ops.repeat(vector[:, None, :], steps, axis=1)
            sequences = ops.concatenate([sequences, repeated], axis=-1)
        return sequences, initial_state

    def compute_output_shape(
        self, sequences_shape: Any, vector_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the layer's output shapes."""
        shape = self._inputs_shape(sequences_shape, vector_shape)
        return self.layer.compute_output_shape(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "as_input": self.as_input,
            "as_state": self.as_state,
            "state_activation": keras.activations.serialize(self.state_activation),
        }
