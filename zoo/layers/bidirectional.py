"""Both directions over a sequence."""

from collections.abc import Sequence
from typing import Any, Unpack

import keras

from zoo import kernels
from zoo.cells.gated import require_gates
from zoo.cells.gru import check_reset_after
from zoo.layers import masks
from zoo.layers.arguments import BidirectionalArguments
from zoo.layers.rnn import with_mask
from zoo.layers.shapes import DenseInputs, refuse_ragged
from zoo.layers.signatures import spelled_out
from zoo.layers.states import check_given, pack, state_sizes
from zoo.typing import Tensor


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class Bidirectional(DenseInputs, keras.layers.Bidirectional):
    """Runs a recurrent layer over a sequence in both directions.

    ```
    h<t> = [a→<t>, a←<t>]        (Schuster & Paliwal 1997)
    ```

    The backward direction starts at each row's *last valid* step, whatever the
    padding; where sequences are returned, masked steps hold zeros.

    It needs the whole sequence: a piece's end is not the sequence's end, so that a
    stream (`zoo.layers.stream`, a stateful `DeepRNN`) refuses it.

    Takes the arguments of `keras.layers.Bidirectional` and replaces it. The directions
    may be of different kinds and sizes. `weights`, which Keras takes and ignores, are
    for `set_weights`.

    Args:
        layer: a recurrent layer with `go_backwards`, the forward direction.
        **kwargs: the other arguments of `keras.layers.Bidirectional`: `merge_mode`,
            "concat" (the default, as above), "sum", "mul" or "ave", or None for both
            outputs apart; and `backward_layer`, by default `layer` turned round, with
            weights of its own.

    Call arguments:
        sequences: x, (batch, steps, n_x), a floating dtype.
        initial_state: a list of (batch, n_a), the forward direction's states, then the
            backward one's; zeros by default.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied.

    Returns:
        [a→<T>, a←<1>], (batch, n_a + n_a), or where `layer` returns sequences all h<t>,
        (batch, steps, n_a + n_a); where it returns states, the last ones after it, in
        the order of `initial_state`.

    Raises:
        ValueError: `layer` can't be turned round; `weights` are given; outputs of
            different sizes are to be added, multiplied or averaged.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        *args: Any,
        **kwargs: Unpack[BidirectionalArguments],
    ):
        if isinstance(layer, keras.layers.Layer) and not hasattr(layer, "go_backwards"):
            raise ValueError(
                f"Bidirectional can't turn '{layer.name}' ({type(layer).__name__}) "
                "round. Put it around each layer inside: DeepRNN([Bidirectional(…), "
                "…])."
            )
        weights = args[1] if len(args) > 1 else kwargs.get("weights")
        if weights is not None and len(weights):
            raise ValueError(
                "Bidirectional takes no `weights` (Keras' own ignores them). Build the "
                "layer and give them to its `set_weights`."
            )
        super().__init__(layer, *args, **kwargs)
        self.supports_masking = True
        self._check_sizes()

    def _check_sizes(self):
        """Raises a ValueError if outputs of different sizes are to be made one."""
        layers = self.forward_layer, self.backward_layer
        cells = [getattr(layer, "cell", None) for layer in layers]
        sizes = {getattr(cell, "output_size", None) for cell in cells} - {None}
        if len(sizes) > 1 and self.merge_mode in ("sum", "mul", "ave"):
            raise ValueError(
                f"`merge_mode={self.merge_mode!r}` takes two outputs of one size, but "
                f"those of the directions are {' and '.join(map(str, sorted(sizes)))}. "
                "Use 'concat' or None, or layers with the same number of units."
            )

    @property
    def return_sequences(self) -> bool:
        """Whether all steps are returned."""
        return self.forward_layer.return_sequences

    @return_sequences.setter
    def return_sequences(self, value: Any) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            layer.return_sequences = value
            if getattr(layer, "zero_output_for_mask", None) is not None:
                layer.zero_output_for_mask = value  # as Keras' constructor does

    @property
    def return_state(self) -> bool:
        """Whether the last states of both directions are returned."""
        return self.forward_layer.return_state

    @return_state.setter
    def return_state(self, value: Any) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            layer.return_state = value

    @property
    def state_size(self) -> Any:
        """The sizes of the forward direction's states, then the backward one's."""
        return [*self.forward_layer.state_size, *self.backward_layer.state_size]

    def get_initial_state(self, batch_size: int) -> Any:
        """Returns both directions' states before the first step."""
        forward, backward = self.forward_layer, self.backward_layer
        return [
            *forward.get_initial_state(batch_size),
            *backward.get_initial_state(batch_size),
        ]

    def __call__(self, sequences: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Runs over `sequences`, under the mask that they carry."""
        check_given(self, sequences, args, kwargs)
        return super().__call__(sequences, *args, **with_mask(sequences, args, kwargs))

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs both directions, side by side."""
        if initial_state is not None:
            forward, backward = self._of_each(initial_state)
            alike = len(forward) == len(backward)
            # Keras halves the list: two lists in it, if they aren't of one length.
            initial_state = [*forward, *backward] if alike else [forward, backward]
        with kernels.undivided():
            return super().call(sequences, initial_state, mask, training)

    def _of_each(self, states):
        """Returns each direction's states, as a flat list."""
        states = keras.tree.flatten(pack(self, states))
        count = len(state_sizes(self.forward_layer))
        return states[:count], states[count:]

    def gates(
        self, sequences: Tensor, mask: Tensor | None = None, initial_state: Any = None
    ) -> Any:
        """Returns the gates of both directions at every step: see `RNN.gates`.

        Args:
            sequences: (batch, steps, n_x), a floating dtype.
            mask: (batch, steps), bool, true where a step is valid; that which
                `sequences` carry by default.
            initial_state: the forward direction's states, then the backward one's.

        Returns:
            A dict with the keys `forward` and `backward`, each the gates that its
            layer returns. Steps are in the order of `sequences` in both.

        Raises:
            ValueError: a direction has no gates.
        """
        refuse_ragged(self, sequences)
        if not self.built:
            self.build(sequences.shape)
        states = (None, None)
        if initial_state is not None:
            states = self._of_each(initial_state)
        directions = {"forward": self.forward_layer, "backward": self.backward_layer}
        for layer in directions.values():
            if not hasattr(layer, "gates"):
                require_gates(getattr(layer, "cell", layer), layer.name)
        return {
            name: layer.gates(sequences, mask=mask, initial_state=state)
            for (name, layer), state in zip(directions.items(), states, strict=True)
        }

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the weights, as `keras.layers.Layer` does."""
        check_reset_after(self, weights)
        super().set_weights(weights)

    def compute_output_shape(
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the outputs' shape, and those of both directions' states after it."""
        both = [
            layer.compute_output_shape(sequences_shape)
            for layer in (self.forward_layer, self.backward_layer)
        ]
        states = []
        if self.return_state:
            states = [state for _, *own in both for state in own]
            both = [output for output, *_ in both]
        if self.merge_mode is None:
            return (*both, *states)
        output = both[0]
        if self.merge_mode == "concat":
            output = (*output[:-1], output[-1] + both[1][-1])
        return (output, *states) if self.return_state else output

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' masks; states have none.

        Keras' own raises on a stateful layer that returns its states.
        """
        output_mask = masks.of_outputs(self.forward_layer, mask)
        each = (output_mask,) if self.merge_mode else (output_mask, output_mask)
        if self.return_state:
            return [*each, *[None] * len(self.state_size)]
        return each if self.merge_mode is None else output_mask
