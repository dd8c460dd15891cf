"""The last output as an input of the next step."""

from typing import Any

import keras
from keras import ops

from zoo.layers import masks
from zoo.layers.rnn import with_mask
from zoo.layers.shapes import DenseInputs, SpecOfCall, check_axes
from zoo.layers.states import (
    check_goes_forward,
    check_recurrent,
    for_call,
    pack,
    state_sizes,
)
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class OutputRecurrence(SpecOfCall, DenseInputs):
    """Feeds y<t-1> back into step t: the target in training, the draw afterwards.

    ```
    a<t> = g(W_ay y<t-1> + W_ax x<t> + b_a)                   around a Dense
    a<t> = g(W_ay y<t-1> + W_ax x<t> + W_aa a<t-1> + b_a)     around a SimpleRNN
    ```

    or the step of any other recurrent layer, a `GRU`, an `LSTM`, a `DeepRNN`, that
    sees [x<t>, y<t-1>]; the rows of its kernel are W_ax's, then W_ay's.

    Without the hidden recurrence it is weaker: y alone must hold what is to be
    remembered. But then, y being known in training (teacher forcing), all steps are
    computed at once, without a loop. With it, outputs are not conditionally
    independent given x.

    Called on whole sequences the layer shifts y by a step itself. A masked step's y
    is skipped: y<t-1> is that of the last valid step. To generate, call `step`, which
    is the same computation, with what was drawn.

    Args:
        layer: `keras.layers.Dense` (or another layer that treats each step by
            itself), or a recurrent layer of `zoo.layers`, not Bidirectional, whose
            backward direction would see the targets.
        return_state: whether y<T> and the layer's last states are returned too.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: x, (batch, steps, n_x), a floating dtype.
        targets: y<1..T>, (batch, steps, n_y): as they are, one-hot or embedded.
        initial_state: a list, y<0> (batch, n_y) and then the layer's states; zeros
            by default.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied.

    Returns:
        a<1..T>, (batch, steps, n_a), of which the model makes ŷ; with `return_state`
        y<T> and the layer's last states after it.

    Raises:
        ValueError: `layer` is none, sees the future, or is stateful.
    """

    def __init__(
        self, layer: keras.layers.Layer, return_state: bool = False, **kwargs: Any
    ):
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                "OutputRecurrence stands around a layer, such as keras.layers.Dense "
                f"or zoo.layers.SimpleRNN. Found: {layer!r}."
            )
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layer = layer
        self.return_state = return_state
        self.has_hidden_recurrence = hasattr(layer, "return_sequences")
        if self.has_hidden_recurrence:
            check_recurrent(layer, "OutputRecurrence")
            check_goes_forward(layer)
            layer.return_sequences = layer.return_state = True

    def __call__(self, sequences: Tensor, targets: Tensor, **kwargs: Any) -> Any:
        """Runs over `sequences`, under the mask that they carry."""
        kwargs = with_mask(sequences, (targets,), kwargs)
        return super().__call__(sequences, targets, **kwargs)

    def build(
        self, sequences_shape: Any, targets_shape: Any, initial_state_shape: Any = None
    ) -> None:
        """Creates the weights, for (batch, steps, n_x) and (batch, steps, n_y)."""
        self.output_units = targets_shape[-1]
        *steps, features = sequences_shape
        if not self.layer.built:
            self.layer.build((*steps, features + self.output_units))

    @property
    def state_size(self) -> Any:
        """The sizes of y and of the layer's states, once the layer is built."""
        return [self.output_units, *self._hidden_sizes()]

    def _hidden_sizes(self):
        return state_sizes(self.layer) if self.has_hidden_recurrence else []

    def get_initial_state(self, batch_size: int) -> Any:
        """Returns y<0> and the layer's states before the first step."""
        hidden = []
        if self.has_hidden_recurrence:
            hidden = keras.tree.flatten(self.layer.get_initial_state(batch_size))
        y = ops.zeros((batch_size, self.output_units), dtype=self.compute_dtype)
        return [y, *hidden]

    def call(
        self,
        sequences: Tensor,
        targets: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs over `sequences` with the targets as outputs (teacher forcing)."""
        check_axes(
            self,
            sequences=(sequences, "rows, steps, n_x"),
            targets=(targets, "rows, steps, n_y"),
        )
        if initial_state is None:
            initial_state = self.get_initial_state(ops.shape(sequences)[0])
        first, *states = for_call(self, initial_state, sequences)
        mask = masks.of_steps(self, mask, sequences)
        sequences = masks.without_masked(sequences, mask)
        before, last = previous(targets, first, mask)
        a, states = self._advance(sequences, before, states, mask, training)
        return (a, last, *states) if self.return_state else a

    def step(self, inputs: Tensor, output: Tensor, states: Any = None) -> Any:
        """Takes one step, to generate.

        Args:
            inputs: x<t>, (batch, n_x).
            output: y<t-1>, (batch, n_y): what was drawn, y<0> at first.
            states: the layer's states, a list; those before the first step by
                default, and always empty around a Dense.

        Returns:
            a<t>, (batch, n_a), and the list of the layer's new states.
        """
        if states is None:
            states = self.get_initial_state(ops.shape(inputs)[0])[1:]
        a, states = self._advance(
            inputs[:, None], output[:, None], states, mask=None, training=False
        )
        return a[:, 0], states

    def _advance(self, sequences, outputs_before, states, mask, training):
        """Takes all steps, given y<t-1> at each."""
        inputs = ops.concatenate([sequences, outputs_before], axis=-1)
        if not self.has_hidden_recurrence:
            return self.layer(inputs), []
        a, *states = self.layer(
            inputs,
            initial_state=pack(self.layer, states),
            mask=mask,
            training=training,
        )
        return a, keras.tree.flatten(states)

    def compute_output_shape(
        self, sequences_shape: Any, targets_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the shape of a, and those of y<T> and the last states after it."""
        *steps, features = sequences_shape
        inputs = (*steps, features + targets_shape[-1])
        shape = self.layer.compute_output_shape(inputs)
        if self.has_hidden_recurrence:
            shape = shape[0]
        if not self.return_state:
            return shape
        sizes = [targets_shape[-1], *self._hidden_sizes()]
        return (shape, *[(sequences_shape[0], size) for size in sizes])

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' mask; states have none."""
        mask = masks.of_first(mask)
        count = 1 + len(self._hidden_sizes())
        return [mask, *[None] * count] if self.return_state else mask

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        layer = keras.saving.serialize_keras_object(self.layer)
        config = {"layer": layer, "return_state": self.return_state}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes the layer, and the one in it, from its arguments."""
        config = dict(config)
        layer = keras.saving.deserialize_keras_object(
            config.pop("layer"), custom_objects=custom_objects
        )
        return cls(layer, **config)


def previous(targets: Tensor, first: Any, mask: Tensor | None = None) -> Any:
    """Returns y<t-1> for each step t, and y<T>.

    Args:
        targets: y<1..T>, (batch, steps, n_y).
        first: y<0>, (batch, n_y).
        mask: (batch, steps), bool: y of masked steps is skipped.

    Returns:
        (batch, steps, n_y): at each step the y of the last valid step before it, y<0>
        if there is none; and (batch, n_y): that of the last valid step of all.
    """
    first = ops.cast(first, targets.dtype)
    known = ops.concatenate([first[:, None], targets], axis=1)
    if mask is None:
        return known[:, :-1], known[:, -1]
    # The valid steps' places come first when sorted, after that of y<0>; how many
    # there were before a step says which of them was the last.
    mask = ops.convert_to_tensor(mask, "bool")
    rows, steps = ops.shape(mask)
    # Not of the first step: there may be none.
    before = ops.zeros((rows, 1), dtype="int32")
    places = ops.broadcast_to(ops.arange(1, steps + 1), ops.shape(mask))
    order = ops.sort(ops.where(mask, places, steps + 1), axis=1)
    order = ops.concatenate([before, order], axis=1)
    count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    count = ops.concatenate([before, count], axis=1)
    last_valid = ops.take_along_axis(order, count, axis=1)
    known = ops.take_along_axis(known, last_valid[..., None], axis=1)
    return known[:, :-1], known[:, -1]
