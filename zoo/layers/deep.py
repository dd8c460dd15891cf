"""Recurrent layers on top of each other."""

import numbers
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.cells.gru import check_reset_after
from zoo.keras_private import mask_of
from zoo.layers import masks
from zoo.layers.bidirectional import Bidirectional
from zoo.layers.pooling import last_valid
from zoo.layers.recurrent import BY_CELL
from zoo.layers.rnn import with_mask
from zoo.layers.shapes import DenseInputs, refuse_ragged
from zoo.layers.stacking import (
    check_differ,
    check_stateful,
    checked_skips,
    rates,
    stackable,
)
from zoo.layers.states import check_given, find_inside, pack, state_sizes
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class DeepRNN(DenseInputs):
    """A stack of recurrent layers (Pascanu et al. 2014), and ways to shorten it.

    ```
    h[0]<t> = x<t>
    a[l]<t> = layer l of h[l-1]<1..t>, which starts from its own states
    h[l]<t> = a[l]<t>,   y<t> = h[L]<t>
    ```

    A block may be any recurrent layer of `zoo.layers`: `SimpleRNN`, `GRU`, `LSTM`,
    `MinGRU` and the like, `RNN` around any cell (`zoo.cells.DeepTransitionCell` for one
    that is deep in itself), `LearnedInitialState`, another `DeepRNN`, or, where nothing
    is streamed, `Bidirectional`. The stack sets the blocks' `return_sequences` and
    `return_state`; they belong to it from then on. Weights are the blocks', one
    after another, as in a `keras.Sequential` of them.

    `skip` adds connections, one or several of:

    - `"residual"`: h[l]<t> = a[l]<t> + S[l] h[l-1]<t>. S is the identity where the
      sizes are equal, and else, as a rule in the first layer, a learned matrix.
    - `"input"`: each layer sees [h[l-1]<t>, x<t>] (Graves 2013).
    - `"output"`: y<t> = [h[1]<t>, …, h[L]<t>] (Graves 2013).

    Every layer gets the mask. Skips carry zeros at masked steps, and the last output
    is that of each row's last valid step.

    Args:
        layers: the blocks, the one that sees x<t> first.
        skip: None, or "residual", "input", "output", or several of them in a tuple.
        dropout: rate in [0, 1) between two layers (Zaremba et al. 2014), or one rate
            for each of the L - 1 places. For the same units at all steps (Gal &
            Ghahramani 2016) use the blocks' own `dropout`.
        return_sequences: whether all y<t> are returned or the last one alone.
        return_state: whether the last states of *all* layers are returned too.
        stateful: whether each batch starts from the states where the last one
            ended; `reset_state()` sets them to zero.
        seed: an integer for the dropout to be repeatable.
        **kwargs: the arguments of `keras.layers.Layer`; `dtype` is that of the first
            of the layers by default.

    Call arguments:
        sequences: (batch, steps, n_x), a floating dtype.
        initial_state: a flat list of (batch, n), all layers' states, the first
            layer's first: what `return_state=True` returns.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied.

    Returns:
        y, (batch, n_y) or with `return_sequences` (batch, steps, n_y); with
        `return_state` all layers' last states after it.

    Raises:
        ValueError: a block can't be stacked, or an argument is not one of the above.
    """

    def __init__(
        self,
        layers: Sequence[keras.layers.Layer],
        skip: Any = None,
        dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        stateful: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ):
        layers = stackable(layers)
        kwargs.setdefault("dtype", layers[0].dtype_policy)
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layers = layers
        self.skip = checked_skips(skip)
        self.input_spec = self.layers[0].input_spec
        self.dropout = float(dropout) if isinstance(dropout, numbers.Real) else dropout
        self.seed = seed
        self.between = [
            keras.layers.Dropout(
                rate,
                seed=None if seed is None else seed + number,
                name=f"dropout_{number}",
                dtype=self.dtype_policy,
            )
            for number, rate in enumerate(rates(dropout, len(self.layers)), start=1)
        ]
        for layer in self.layers:
            layer.return_sequences = layer.return_state = True
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.stateful = stateful

    @classmethod
    def stack(
        cls,
        cell: Any,
        units: int,
        depth: int,
        bidirectional: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Makes a stack of layers of one kind.

        Args:
            cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
            units: n_a of each layer, and in each direction.
            depth: how many layers.
            bidirectional: whether each layer runs in both directions.
            **kwargs: the constructor's arguments beside `layers`.

        Raises:
            ValueError: there is no such cell.
        """
        if cell not in BY_CELL:
            raise ValueError(
                f"cell must be one of {', '.join(BY_CELL)}, found {cell!r}."
            )
        dtype = kwargs.get("dtype")
        layers = [
            BY_CELL[cell](units, name=f"{cell}_{number}", dtype=dtype)
            for number in range(1, depth + 1)
        ]
        if bidirectional:
            layers = [
                Bidirectional(layer, name=f"bidirectional_{layer.name}", dtype=dtype)
                for layer in layers
            ]
        return cls(layers, **kwargs)

    @property
    def return_sequences(self) -> bool:
        """Whether all steps are returned."""
        return self._return_sequences

    @return_sequences.setter
    def return_sequences(self, value: Any) -> None:
        last = self.layers[-1]
        # Skips need all steps of the last layer too: see `last_valid`.
        every = value or bool(self.skip)
        if not every:
            lasts = [layer for layer in self.layers if layer is last]
            check_differ(lasts, "`return_sequences=False`")
        last.return_sequences = every
        if not last.return_sequences or value or not find_inside(self, Bidirectional):
            self._return_sequences = value
            return
        raise ValueError(
            f"'{self.name}' has Bidirectional layers and skip connections: the last "
            "step of the one is not that of the other. Give `return_sequences=True` "
            "and pool over time, for example with zoo.layers.MeanPooling."
        )

    @property
    def stateful(self) -> bool:
        """Whether each batch starts from the states where the last one ended."""
        return self._stateful

    @stateful.setter
    def stateful(self, value: Any) -> None:
        if value:
            check_differ(self.layers, "`stateful=True`")
        for layer in self.layers:
            check_stateful(layer, value)
            layer.stateful = value
        self._stateful = value

    @property
    def state_size(self) -> Any:
        """The sizes of all layers' states, in one list."""
        return [size for layer in self.layers for size in state_sizes(layer)]

    @property
    def states(self) -> Any:
        """The states that a stateful stack carries on, once it is built."""
        return [
            state
            for layer in self.layers
            for state in keras.tree.flatten(getattr(layer, "states", None) or [])
        ]

    def reset_state(self) -> None:
        """Sets the states that a stateful stack carries on to zero."""
        for layer in self.layers if self.stateful else ():
            layer.reset_state()

    def get_initial_state(self, batch_size: int) -> Any:
        """Returns all layers' states before the first step, each (batch_size, n)."""
        return [
            state
            for layer in self.layers
            for state in keras.tree.flatten(layer.get_initial_state(batch_size))
        ]

    def __call__(self, sequences: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Runs the stack over `sequences`, under the mask that they carry."""
        check_given(self, sequences, args, kwargs)
        return super().__call__(sequences, *args, **with_mask(sequences, args, kwargs))

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Creates the weights, for inputs of shape (batch, steps, n_x)."""
        self.shortcuts = []
        for layer, below, inputs, size in self._shapes(sequences_shape):
            if not layer.built:
                layer.build(inputs)
            shortcut = None
            if "residual" in self.skip and below[-1] != size:
                shortcut = keras.layers.Dense(
                    size,
                    use_bias=False,
                    dtype=self.dtype_policy,
                    name=f"shortcut_{layer.name}",
                )
                shortcut.build(below)
            self.shortcuts.append(shortcut)

    def _shapes(self, sequences_shape):
        """Yields each layer with h[l-1]'s shape, its inputs' and its output's size."""
        below = tuple(sequences_shape)
        for number, layer in enumerate(self.layers):
            inputs = below
            if number and "input" in self.skip:
                inputs = (*below[:-1], below[-1] + sequences_shape[-1])
            size = layer.compute_output_shape(inputs)[0][-1]
            yield layer, below, inputs, size
            below = (*below[:-1], size)

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the stack over `sequences`."""
        mask = masks.of_steps(self, mask, sequences)
        outputs, states = [], []
        for _, _, _, output, last in self._run(
            sequences, initial_state, mask, training
        ):
            outputs.append(output)
            states += [ops.cast(state, self.compute_dtype) for state in last]
        output = self.joined(outputs)
        if self.skip and not self.return_sequences:
            output = last_valid(output, mask)
        return (output, *states) if self.return_state else output

    def gates(
        self, sequences: Tensor, mask: Tensor | None = None, initial_state: Any = None
    ) -> Any:
        """Returns every layer's gates, as they are at inference.

        Args:
            sequences: (batch, steps, n_x), a floating dtype.
            mask: (batch, steps), bool, true where a step is valid; that which
                `sequences` carry by default.
            initial_state: all layers' states, as in a call. A stateful stack's own
                states stay what they are.

        Returns:
            A list with one entry for each layer: what its `gates` returns.

        Raises:
            ValueError: a layer has no gates.
        """
        refuse_ragged(self, sequences)
        if not self.built:
            self.build(sequences.shape)
        if mask is None:
            mask = mask_of(sequences)
        mask = masks.of_steps(self, mask, sequences)
        carried = [ops.copy(state) for state in self.states]
        if initial_state is None and carried:
            initial_state = carried
        run = self._run(sequences, initial_state, mask, training=False)
        try:
            return [
                layer.gates(inputs, mask=mask, initial_state=states)
                for layer, inputs, states, *_ in run
            ]
        finally:
            for state, value in zip(self.states, carried, strict=True):
                state.assign(value)

    def _run(self, sequences, initial_state, mask, training):
        """Yields each layer, its inputs and states, its h[l] and its last states."""
        if mask is not None and self.skip:
            sequences = ops.where(mask[..., None], sequences, 0)
        below = sequences
        for number, (layer, states) in enumerate(
            zip(self.layers, self._split(initial_state), strict=True)
        ):
            inputs = self.inputs_of(number, below, sequences, training)
            output, *last = layer(
                inputs, initial_state=states, mask=mask, training=training
            )
            output = self.output_of(number, output, below)
            if mask is not None and self.skip:
                output = ops.where(mask[..., None], output, 0)
            yield layer, inputs, states, output, keras.tree.flatten(last)
            below = output

    def inputs_of(
        self, number: int, below: Tensor, inputs: Tensor, training: bool | None
    ) -> Any:
        """Returns what a layer sees, of h[l-1] and x, of one step or of all.

        Args:
            number: the layer's place, from 0.
            below: h[l-1], (batch, n) or (batch, steps, n).
            inputs: x, (batch, n_x) or (batch, steps, n_x).
            training: whether dropout is applied.
        """
        if number == 0:
            return below
        below = self.between[number - 1](below, training=training)
        if "input" in self.skip:
            below = ops.concatenate([below, inputs], axis=-1)
        return below

    def output_of(self, number: int, a: Tensor, below: Tensor) -> Any:
        """Returns h[l] of a[l] and h[l-1], of one step or of all."""
        a = ops.cast(a, self.compute_dtype)  # layers may have dtypes of their own
        if "residual" not in self.skip:
            return a
        shortcut = self.shortcuts[number]
        return a + (below if shortcut is None else shortcut(below))

    def joined(self, outputs: Tensor) -> Any:
        """Returns y of h[1..L], of one step or of all."""
        return ops.concatenate(outputs, -1) if "output" in self.skip else outputs[-1]

    def _split(self, initial_state):
        """Returns each layer's initial states."""
        if initial_state is None:
            return [None] * len(self.layers)
        states, parts = pack(self, initial_state), []
        for layer in self.layers:
            count = len(state_sizes(layer))
            parts.append(pack(layer, states[:count]))
            states = states[count:]
        return parts

    def compute_output_shape(
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Returns the outputs' shape, and those of the states after it."""
        sizes = [size for *_, size in self._shapes(sequences_shape)]
        size = sum(sizes) if "output" in self.skip else sizes[-1]
        batch, steps = sequences_shape[:2]
        shape = (batch, steps, size) if self.return_sequences else (batch, size)
        if not self.return_state:
            return shape
        return shape, *[(batch, size) for size in self.state_size]

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' mask; states have none."""
        mask = masks.of_first(mask)
        mask = mask if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the weights, as `keras.layers.Layer` does."""
        check_reset_after(self, weights)
        super().set_weights(weights)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and where a layer stands twice."""
        ids = [id(layer) for layer in self.layers]
        firsts = [ids.index(each) for each in ids]
        shared = {"firsts": firsts} if len({*ids}) < len(ids) else {}
        return {
            **super().get_config(),
            **shared,
            "layers": [
                keras.saving.serialize_keras_object(layer) for layer in self.layers
            ],
            "skip": list(self.skip) or None,
            "dropout": self.dropout,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "stateful": self.stateful,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes the stack, and the layers in it, from its arguments."""
        config = dict(config)
        layers = [
            keras.saving.deserialize_keras_object(layer, custom_objects=custom_objects)
            for layer in config.pop("layers")
        ]
        # Made of its config anew, a layer would no longer share its weights.
        firsts = config.pop("firsts", range(len(layers)))
        return cls([layers[first] for first in firsts], **config)
