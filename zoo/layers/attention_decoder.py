"""A recurrent layer that attends to a memory at every step."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.cells.arguments import positive_integer
from zoo.layers import masks
from zoo.layers.attention import Attention, Memory
from zoo.layers.backend import require_tensorflow
from zoo.layers.rnn import with_mask
from zoo.layers.shapes import DenseInputs, SpecOfCall
from zoo.layers.states import (
    check_goes_forward,
    check_recurrent,
    for_call,
    pack,
    state_sizes,
    top_state,
)
from zoo.layers.stepping import stepper
from zoo.typing import Tensor

ORDERS = ("after", "before")


@keras.saving.register_keras_serializable(package="zoo")
class AttentionDecoder(SpecOfCall, DenseInputs):
    """Attends to a memory once for each step of a recurrent layer.

    ```
    order="after"   a<t> = layer([x<t>, f<t>], a<t-1>)
                    context<t>, α<t,·> = attention(a<t>, memory)
    order="before"  context<t>, α<t,·> = attention(a<t-1>, memory)
                    a<t> = layer([x<t>, context<t>, f<t>], a<t-1>)
    both            ã<t> = tanh(W_c [context<t>; a<t>])
    ```

    "after" is the order of Luong et al. (2015), "before" that of Bahdanau et al.
    (2015). f<t> is ã<t-1> with `input_feeding` (Luong et al. 2015, §3.3), zeros at
    first; without it there is no f. Of several layers, a<t-1> is the uppermost one's.

    Without input feeding, attending "after" asks nothing of the step before: then
    the layer runs over whole sequences by its kernel and attention is computed for all
    steps at once: with "dot" or "general" in half the time or less. Else there is a
    loop. `step` is the same computation, step by step, to generate:

    ```python
    memory = decoder.memory(values, mask)
    output, state, weights = decoder.step(inputs, state, memory)
    ```

    For a loop of many steps take `decoder.stepper()`, outside of it.

    Args:
        layer: a recurrent layer that goes forward: `SimpleRNN`, `GRU`, `LSTM`, `MinGRU`
            and the like, `RNN` around any cell or stack of cells, `DeepRNN`.
        attention: an `Attention`.
        units: the size of ã; that of a by default.
        order: whether to attend "after" the layer's step or "before" it.
        input_feeding: whether ã<t-1> is an input too.
        return_state: whether the last states are returned as well.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: x, (batch, steps, n_x), a floating dtype.
        values: h, (batch, source, n_h), what is attended to.
        initial_state: a flat list, with input feeding ã<0> first, then the layer's
            states; by default zeros and the layer's own.
        mask: (batch, steps), bool, true where a step of `sequences` is valid.
        values_mask: (batch, source), bool, true where a step of `values` is.
        training: whether dropout is applied.

    Returns:
        ã, (batch, steps, units), and α, float32 (batch, steps, source): zeros at masked
        steps; with `return_state` the last states after them.

    Raises:
        ValueError: an argument is not one of the above.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        attention: Any,
        units: int | None = None,
        order: str = "after",
        input_feeding: bool = False,
        return_state: bool = False,
        **kwargs: Any,
    ):
        check_recurrent(layer, "AttentionDecoder")
        _check(layer, attention, order)
        if input_feeding or order == "before":
            asked = "input_feeding=True" if input_feeding else "order='before'"
            require_tensorflow(f"AttentionDecoder with {asked}")
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layer = layer
        self.attention = attention
        self.units = units if units is None else positive_integer("units", units)
        self.order = order
        self.input_feeding = input_feeding
        self.return_state = return_state
        layer.return_sequences = layer.return_state = True
        if self.loops:  # whose gradient XLA would have to know the length of
            self.supports_jit = False

    @property
    def loops(self) -> bool:
        """Whether a step needs what came of the one before it."""
        return self.input_feeding or self.order == "before"

    def __call__(self, sequences: Tensor, values: Tensor, **kwargs: Any) -> Any:
        """Runs over `sequences`, under the masks that they and `values` carry."""
        kwargs = with_mask(sequences, (values,), kwargs)
        return super().__call__(sequences, values, **kwargs)

    def build(
        self, sequences_shape: Any, values_shape: Any, initial_state_shape: Any = None
    ) -> None:
        """Creates the weights, for (batch, steps, n_x) and (batch, source, n_h)."""
        n_x, n_h = sequences_shape[-1], values_shape[-1]
        n_a = top_state(self.layer, state_sizes(self.layer))
        n_y = self._layer_units(n_x)
        self.output_units = n_y if self.units is None else self.units
        before = self.order == "before"
        features = n_x + before * n_h + self.input_feeding * self.output_units
        if not self.layer.built:
            self.layer.build((None, None, features))
        if not self.attention.built:
            self.attention.build((None, None, n_a if before else n_y), values_shape)
        self.attentional = keras.layers.Dense(
            self.output_units,
            "tanh",
            use_bias=False,
            dtype=self.dtype_policy,
            name="attentional",
        )
        self.attentional.build((None, None, n_h + n_y))

    def _layer_units(self, n_x):
        """Returns the size of a."""
        return self.layer.compute_output_shape((None, None, n_x))[0][-1]

    @property
    def state_size(self) -> Any:
        """The sizes of ã, with input feeding, and of the layer's states, once built."""
        fed = [self.output_units] if self.input_feeding else []
        return [*fed, *state_sizes(self.layer)]

    def get_initial_state(self, batch_size: int) -> Any:
        """Returns the states before the first step."""
        states = keras.tree.flatten(self.layer.get_initial_state(batch_size))
        return self.with_fed(states, batch_size)

    def with_fed(self, states: Any, batch_size: int) -> Any:
        """Returns the layer's states with ã<0>, zeros, before them if it is fed."""
        if not self.input_feeding:
            return list(states)
        return [ops.zeros((batch_size, self.output_units), self.compute_dtype), *states]

    def call(
        self,
        sequences: Tensor,
        values: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        values_mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs over `sequences`."""
        output, weights, *states = self.run(
            sequences, self.memory(values, values_mask), initial_state, mask, training
        )
        return (output, weights, *states) if self.return_state else (output, weights)

    def memory(self, values: Tensor, mask: Tensor | None = None) -> Memory:
        """Prepares what is attended to: see `Attention.memory`."""
        return self.attention.memory(values, mask)

    def run(
        self,
        sequences: Tensor,
        memory: Any,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Any:
        """Runs over `sequences` with a memory that is prepared.

        Args:
            sequences: x, (batch, steps, n_x).
            memory: what `memory` returned.
            initial_state: as in a call.
            mask: (batch, steps), bool, true where a step is valid.
            training: whether dropout is applied.

        Returns:
            ã, (batch, steps, units), α, float32 (batch, steps, source), and all last
            states.
        """
        if initial_state is None:
            initial_state = self.get_initial_state(ops.shape(sequences)[0])
        states = keras.tree.flatten(for_call(self, initial_state, sequences))
        mask = masks.of_steps(self, mask, sequences)
        if self.loops and sequences.shape[1]:
            return self._loop(sequences, memory, states, mask, training)
        if self.loops:
            return self._loop_of_any_length(sequences, memory, states, mask, training)
        a, *states = self.layer(
            sequences,
            initial_state=pack(self.layer, states),
            mask=mask,
            training=training,
        )
        context, weights = self.attention.attend(a, memory)
        output = self.attentional(ops.concatenate([context, a], axis=-1))
        if mask is not None:
            output, weights = _unmasked(mask[..., None], (output, weights))
        return (output, weights, *keras.tree.flatten(states))

    def _loop_of_any_length(self, sequences, memory, states, mask, training):
        """Runs over `sequences` that may have no step: over one more, in its place."""
        steps = tf.shape(sequences)[1]
        missing = tf.maximum(1 - steps, 0)
        sequences = tf.pad(sequences, [[0, 0], [0, missing], [0, 0]])
        mask = None if mask is None else tf.pad(mask, [[0, 0], [0, missing]])
        output, weights, *after = self._loop(sequences, memory, states, mask, training)
        states = [tf.cast(state, self.compute_dtype) for state in states]
        pairs = zip(after, states, strict=True)
        states = [tf.where(steps > 0, new, old) for new, old in pairs]
        return (output[:, :steps], weights[:, :steps], *states)

    def _loop(self, sequences, memory, states, mask, training):
        """Runs over `sequences` step by step."""
        step = self.stepper(training)
        sequences = masks.without_masked(sequences, mask)
        by_step = tf.transpose(tf.cast(sequences, self.compute_dtype), [1, 0, 2])
        steps = tf.shape(by_step)[0]
        states = [tf.cast(state, self.compute_dtype) for state in states]

        def go_on(t, states, outputs):
            output, new, weights = step(by_step[t], states, memory)
            found = [output, weights]
            if mask is not None:
                valid = mask[:, t, None]
                found = _unmasked(valid, found)
                pairs = zip(new, states, strict=True)
                new = [tf.where(valid, after, before) for after, before in pairs]
            pairs = zip(outputs, found, strict=True)
            return t + 1, new, [array.write(t, each) for array, each in pairs]

        room = [
            tf.TensorArray(dtype, steps, element_shape=(None, size))
            for dtype, size in (
                (self.compute_dtype, self.output_units),
                (keras.backend.result_type(self.compute_dtype, "float32"), None),
            )
        ]
        if training:
            # Draws the masks of dropout, the same at all steps, outside of the loop.
            step(by_step[0], states, memory)
        _, states, arrays = tf.while_loop(
            lambda t, *_: t < steps, go_on, (0, states, room)
        )
        output, weights = [tf.transpose(each.stack(), [1, 0, 2]) for each in arrays]
        # What a loop's arrays don't know; other layers are built by it.
        steps = sequences.shape[1]
        output.set_shape((None, steps, self.output_units))
        weights.set_shape((None, steps, memory.mask.shape[1]))
        return (output, weights, *states)

    def step(self, inputs: Tensor, states: Any, memory: Any) -> Any:
        """Takes one step, to generate.

        Args:
            inputs: x<t>, (batch, n_x).
            states: a flat list of (batch, n), as `initial_state` in a call.
            memory: what `memory` returned.

        Returns:
            ã<t>, (batch, units), the list of the new states, and α<t,·>, float32
            (batch, source).
        """
        return self.stepper()(inputs, list(states), memory)

    def stepper(self, training: bool | None = False, beams: int = 1) -> Any:
        """Returns `step`, with all prepared that is the same at every step.

        Args:
            training: whether dropout is applied: see `zoo.layers.stepper`.
            beams: how many rows of inputs and states look at each row of the memory:
                rows i · beams to (i + 1) · beams - 1 at row i.
        """
        advance = stepper(self.layer, training)
        fed = 1 if self.input_feeding else 0

        def attend(query, memory):
            if beams == 1:
                return self.attention.attend(query, memory)
            queries = ops.reshape(query, (-1, beams, query.shape[-1]))
            found = self.attention.attend(queries, memory)
            return [ops.reshape(each, (-1, ops.shape(each)[-1])) for each in found]

        def step(inputs, states, memory):
            before, states = states[:fed], states[fed:]
            seen = [ops.cast(inputs, self.compute_dtype), *before]
            if self.order == "before":
                query = top_state(self.layer, states)
                context, weights = attend(query, memory)
                seen.insert(1, context)
            a, states = advance(ops.concatenate(seen, axis=-1), states)
            if self.order == "after":
                context, weights = attend(a, memory)
            output = self.attentional(ops.concatenate([context, a], axis=-1))
            return output, fed * [output] + states, weights

        return step

    def compute_output_shape(
        self, sequences_shape: Any, values_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the shapes of ã and α, and those of the last states after them."""
        batch, steps, n_x = sequences_shape
        units = self._layer_units(n_x) if self.units is None else self.units
        shapes = (batch, steps, units), (batch, steps, values_shape[1])
        if not self.return_state:
            return shapes
        fed = [units] if self.input_feeding else []
        sizes = [*fed, *state_sizes(self.layer)]
        return (*shapes, *[(batch, size) for size in sizes])

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' mask; α and the states have none."""
        return masks.of_first(mask)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "attention": keras.saving.serialize_keras_object(self.attention),
            "units": self.units,
            "order": self.order,
            "input_feeding": self.input_feeding,
            "return_state": self.return_state,
        }

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes the decoder, and the layers in it, from its arguments."""
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("layer", "attention")
        }
        return cls(**{**config, **parts})


def _check(layer, attention, order):
    """Raises a ValueError if one of them is not what it must be."""
    if not isinstance(attention, Attention):
        raise ValueError(
            "AttentionDecoder takes a zoo.layers.Attention, such as "
            f"Attention('general'). Found: {attention!r}."
        )
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, found {order!r}.")
    check_goes_forward(layer)


def _unmasked(valid, tensors):
    """Returns tensors with zeros where a step is masked."""
    return [ops.where(valid, each, ops.zeros_like(each)) for each in tensors]
