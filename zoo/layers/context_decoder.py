"""A decoder without attention: one vector is all that it knows of its source."""

from typing import Any

import keras
from keras import ops

from zoo.layers import masks
from zoo.layers.rnn import with_mask
from zoo.layers.shapes import DenseInputs, SpecOfCall, check_axes
from zoo.layers.states import (
    check_goes_forward,
    check_recurrent,
    pack,
    state_sizes,
)
from zoo.layers.stepping import stepper
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class ContextDecoder(SpecOfCall, DenseInputs):
    """Runs a recurrent layer that may see C, the context, at every step.

    ```
    a<t> = layer([x<t>, C], a<t-1>)     as_input (Cho et al. 2014)
    a<t> = layer(x<t>, a<t-1>)          else: C is in a<0> alone (Sutskever et al. 2014)
    ```

    It has the other methods of `zoo.layers.AttentionDecoder`, with C as the memory, and
    no attention to return.

    Args:
        layer: a recurrent layer that goes forward.
        as_input: whether C is an input at every step.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: x, (batch, steps, n_x), a floating dtype.
        context: C, (batch, n_c).
        initial_state: the layer's states, a flat list; its own by default.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied.

    Returns:
        a, (batch, steps, n_a). `run` returns the last states as well.

    Raises:
        ValueError: `layer` isn't recurrent, goes backwards, or is stateful.
    """

    def __init__(self, layer: keras.layers.Layer, as_input: bool = True, **kwargs: Any):
        check_recurrent(layer, "ContextDecoder")
        check_goes_forward(layer)
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layer = layer
        self.as_input = as_input
        layer.return_sequences = layer.return_state = True

    def build(self, sequences_shape: Any, context_shape: Any) -> None:
        """Creates the weights, for (batch, steps, n_x) and (batch, n_c)."""
        extra = context_shape[-1] if self.as_input else 0
        if not self.layer.built:
            self.layer.build((None, None, sequences_shape[-1] + extra))

    def __call__(self, sequences: Tensor, context: Tensor, **kwargs: Any) -> Any:
        """Runs over `sequences`, under the mask that they carry."""
        kwargs = with_mask(sequences, (context,), kwargs)
        return super().__call__(sequences, context, **kwargs)

    def call(
        self,
        sequences: Tensor,
        context: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs over `sequences`."""
        check_axes(
            self,
            sequences=(sequences, "rows, steps, n_x"),
            context=(context, "rows, n_c"),
        )
        return self.run(sequences, context, initial_state, mask, training)[0]

    @property
    def state_size(self) -> Any:
        """The sizes of the layer's states."""
        return state_sizes(self.layer)

    def with_fed(self, states: Any, batch_size: int) -> Any:
        """Returns the layer's states: nothing else is fed."""
        return list(states)

    def run(
        self,
        sequences: Tensor,
        context: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Any:
        """Runs over `sequences`.

        Args:
            sequences: (batch, steps, n_x).
            context: C, (batch, n_c).
            initial_state: the layer's states, a flat list; its own by default.
            mask: bool (batch, steps).
            training: whether dropout is applied.

        Returns:
            a, (batch, steps, n_a), None, and all last states.
        """
        if initial_state is None:
            initial_state = self.layer.get_initial_state(ops.shape(sequences)[0])
        if self.as_input:
            repeated = ops.repeat(context[:, None], ops.shape(sequences)[1], axis=1)
            sequences = ops.concatenate([sequences, repeated], axis=-1)
        a, *states = self.layer(
            sequences,
            initial_state=pack(self.layer, initial_state),
            mask=mask,
            training=training,
        )
        return a, None, *keras.tree.flatten(states)

    def stepper(self, training: bool | None = False, beams: int = 1) -> Any:
        """Returns `step(inputs, states, context) → a, states, None`.

        Args:
            training: whether dropout is applied: see `zoo.layers.stepper`.
            beams: how many rows of inputs and states each row of the context is for.
        """
        advance = stepper(self.layer, training)

        def step(inputs, states, context):
            if self.as_input:
                if beams > 1:
                    context = ops.repeat(context, beams, axis=0)
                inputs = ops.concatenate([inputs, context], axis=-1)
            a, states = advance(inputs, states)
            return a, states, None

        return step

    def compute_output_shape(
        self, sequences_shape: Any, context_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the shape of a."""
        *steps, features = sequences_shape
        extra = context_shape[-1] if self.as_input else 0
        return self.layer.compute_output_shape((*steps, features + extra))[0]

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' mask."""
        return masks.of_first(mask)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer, "as_input": self.as_input}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes the decoder, and the layer in it, from its arguments."""
        layer = keras.saving.deserialize_keras_object(
            config["layer"], custom_objects=custom_objects
        )
        return cls(**{**config, "layer": layer})
