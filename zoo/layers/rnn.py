"""A cell over time."""

import functools
import inspect
from collections.abc import Sequence
from typing import Any, Unpack

import keras
from keras import ops

from zoo.cells.gru import check_reset_after
from zoo.keras_private import layers_in, mask_of
from zoo.layers import fused as paths
from zoo.layers import masks
from zoo.layers.arguments import RNNArguments
from zoo.layers.gates import gates_over_time
from zoo.layers.shapes import DenseInputs, ranks_of, refuse_ragged
from zoo.layers.signatures import spelled_out
from zoo.layers.stacked_cells import keeping_form
from zoo.layers.states import check_given, of_rows, pack
from zoo.typing import Tensor


@spelled_out
@keras.saving.register_keras_serializable(package="zoo")
class RNN(DenseInputs, keras.layers.RNN):
    """Runs a cell over a sequence, `a<t>, state<t> = cell(x<t>, state<t-1>)`.

    A masked step changes nothing: the state of the step before it is passed on,
    whatever the mask's pattern (padding on the right or the left, holes, a row
    without a single valid step). With `go_backwards=True` a row thus starts at
    its last valid step, and what is returned for each step, with the mask that goes
    along, begins with the last one.

    Args:
        cell: any Keras cell, or one of `zoo.cells`; or a list of them, each of which
            sees the outputs of the one before.
        cell_arguments: arguments of our cell that Keras' cell does not have, a
            dict. Only for subclasses that set `cell_class`.
        fused: which way through time: `True` for the kernel of `zoo.kernels`,
            compiled by XLA for CPUs, `False` for the cell, step by step; "auto"
            for the kernel where it can do what the arguments ask. `fused_path` tells.
        checkpoint_every: steps between the states that back-propagation keeps, for
            long sequences: with √T of them, its memory grows with √T instead of T, and
            training takes one more run forward. By default every step is kept. A model
            with such a layer trains without `jit_compile=True`.
        **kwargs: the arguments of `keras.layers.RNN`: `return_sequences`,
            `return_state`, `go_backwards`, `stateful`, `unroll`,
            `zero_output_for_mask`.

    Call arguments:
        sequences: (batch, steps, n_x), a floating dtype.
        initial_state: list of (batch, n_a); zeros by default.
        mask: (batch, steps), bool, true where a step is valid.
        training: whether dropout is applied; and whether the kernel keeps what a
            gradient needs, which else runs it forward a second time.

    Returns:
        a<T>, (batch, n_a), or with `return_sequences` all a<t>,
        (batch, steps, n_a); with `return_state` the last states after it.

    Raises:
        ValueError: an argument is not one of the above; `initial_state` doesn't have
            the layer's states.
    """

    cell_class: Any = None
    go_backwards: bool

    def __init__(
        self,
        cell: Any,
        *args: Any,
        cell_arguments: dict | None = None,
        fused: bool | str = "auto",
        checkpoint_every: int | None = None,
        **kwargs: Unpack[RNNArguments],
    ):
        if self.cell_class is not None:
            cell = _as(self.cell_class, cell, **(cell_arguments or {}))
        _check_cell(cell)
        super().__init__(keeping_form(cell), *args, **kwargs)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)
        self.supports_masking = True
        self.fused = fused
        self.checkpoint_every = checkpoint_every
        paths.check(self)
        if checkpoint_every is not None:
            self.checkpoint_every = int(checkpoint_every)
            self.supports_jit = False  # of a whole model, by XLA: Keras asks

    @property
    def fused_path(self) -> str:
        """The way that a call would take now: "fused", or "lean" or "cell" and why.

        "fused" is the kernel that XLA compiles. "lean: …", in `zoo.kernels.portable`,
        is inference by core operations. "cell: …" is the cell, step by step.

        (`path` is Keras' word for a layer's place in its model.)
        """
        return paths.path(self)

    def __call__(self, sequences: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Runs the cell over `sequences`, under the mask that they carry."""
        check_given(self, sequences, args, kwargs)
        return super().__call__(sequences, *args, **with_mask(sequences, args, kwargs))

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Any:
        """Runs the cell over `sequences`."""
        if initial_state is not None:
            initial_state = of_rows(pack(self, initial_state), sequences)
        mask = masks.of_steps(self, masks.of_first(mask), sequences)
        no_steps = sequences.shape[1] == 0
        if no_steps:  # Keras looks at the first: let it be one that is masked
            sequences = ops.pad(sequences, [(0, 0), (0, 1), (0, 0)])
            mask = ops.zeros_like(sequences[..., 0], dtype="bool")
        self._draws_dropout_masks = training
        self._maybe_reset_dropout_masks(self.cell)  # of a step that was taken by hand
        try:
            found = super().call(
                sequences, initial_state=initial_state, mask=mask, training=training
            )
        finally:
            self._maybe_reset_dropout_masks(self.cell)  # also if the call failed
        if no_steps and self.return_sequences:
            return _without_steps(found)
        return found

    def reset_state(self) -> None:
        """Sets the states that a stateful layer carries on to zero.

        Keras' own raises on those of a stack of cells, which are nested.
        """
        for state in keras.tree.flatten(self.states or []):
            state.assign(ops.zeros_like(state.value))

    def gates(
        self, sequences: Tensor, mask: Tensor | None = None, initial_state: Any = None
    ) -> Any:
        """Returns the gates at every step, as they are at inference.

        Args:
            sequences: (batch, steps, n_x), a floating dtype.
            mask: (batch, steps), bool, true where a step is valid; that which
                `sequences` carry by default.
            initial_state: list of (batch, n_a); as in a call by default. A stateful
                layer's states stay what they are.

        Returns:
            A dict of (batch, steps, n_a) tensors under those of these keys that the
            unit has: `update` (Γ_u, in a GRU 1 - z), `relevance` (Γ_r), `forget`
            (Γ_f), `output` (Γ_o), `candidate` (c̃) and `memory` (c<t>). Steps are in
            the order of `sequences`, with `go_backwards` too. At a masked step the
            memory is what it was at the step before, and all else is 0.

        Raises:
            ValueError: the layer's cell has no gates.
        """
        refuse_ragged(self, sequences)
        if not self.built:
            self.build(sequences.shape)
        if mask is None:
            mask = mask_of(sequences)
        return gates_over_time(self, sequences, mask, initial_state)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Creates the weights, for (batch, steps, n_x), and remembers n_x."""
        super().build(sequences_shape)
        kernel: Any = getattr(self.cell, "kernel", None)
        features = sequences_shape[-1]
        if len(getattr(kernel, "shape", ())) == 2 and kernel.shape[0] == features:
            # Else other inputs would fail within a kernel, or a matrix product.
            self.input_spec = keras.layers.InputSpec(
                **ranks_of(self), axes={-1: features}
            )

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Any,
        mask: Tensor | None,
        training: bool | None = False,
    ) -> Any:
        """Goes through time by a kernel or with the cell, the reference path."""
        if training and not self.unroll and keras.backend.backend() == "jax":
            _refuse_draws(self)
        if paths.is_lean(self, training) or paths.is_chosen(self):
            return paths.run(self, sequences, initial_state, mask, training)
        sequences = masks.without_masked(sequences, mask)
        if hasattr(self.cell, "state_dtype"):
            initial_state = keras.tree.map_structure(
                functools.partial(_at_least, dtype=self.cell.state_dtype), initial_state
            )
        if sequences.shape[1] is None:
            loop = functools.partial(super().inner_loop, training=training)
            return _of_any_length(loop, sequences, initial_state, mask)
        if mask is None or not (self.unroll and self.go_backwards):
            return super().inner_loop(sequences, initial_state, mask, training)
        # Keras' unrolled loop would zero the outputs by the mask the wrong way round.
        self.go_backwards = False
        try:
            sequences, mask = ops.flip(sequences, axis=1), ops.flip(mask, axis=1)
            return super().inner_loop(sequences, initial_state, mask, training)
        finally:
            self.go_backwards = True

    def compute_mask(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the outputs' mask, in the order of the outputs; states have none."""
        mask = masks.of_outputs(self, mask)
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the weights, as `keras.layers.Layer` does."""
        check_reset_after(self, weights)
        super().set_weights(weights)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "fused": self.fused,
            "checkpoint_every": self.checkpoint_every,
        }

    def _maybe_config_dropout_masks(self, cell, input_sequence, input_state):
        """Draws a batch's dropout masks, in training only.

        Keras draws them at inference too, which costs time and leaves the state
        of the seeds in every exported graph.
        """
        if self._draws_dropout_masks:
            # Of the shape alone: there may be no first step to look at.
            rows = ops.shape(keras.tree.flatten(input_state)[0])[0]
            columns = ops.shape(input_sequence)[-1]
            first = ops.zeros((rows, columns), dtype=input_sequence.dtype)
            super()._maybe_config_dropout_masks(cell, first, input_state)


def _at_least(state, dtype):
    """Returns a state in a dtype, or in its own if that is longer."""
    return ops.cast(state, keras.backend.result_type(state.dtype, dtype))


def _of_any_length(loop, sequences, initial_state, mask):
    """Runs Keras' loop where a graph only knows the number of steps when it runs.

    Without a step, Keras' loop has nothing to tell shapes by, and fails: it is given
    one, which is taken back.
    """
    steps = ops.shape(sequences)[1]
    missing = ops.maximum(1 - steps, 0)
    sequences = ops.pad(sequences, [(0, 0), (0, missing), (0, 0)])
    if mask is not None:
        columns = [(0, 0)] * (len(mask.shape) - 2)
        mask = ops.pad(ops.cast(mask, "bool"), [(0, 0), (0, missing), *columns])
    last, outputs, states = loop(sequences, initial_state, mask)
    is_empty = ops.equal(steps, 0)
    last = ops.where(is_empty, ops.zeros_like(last), last)
    # Keras may hand in the one state of a GRU, and gets a list of it back.
    pairs = zip(
        keras.tree.flatten(initial_state), keras.tree.flatten(states), strict=True
    )
    kept = [ops.where(is_empty, before, after) for before, after in pairs]
    states = keras.tree.pack_sequence_as(states, kept)
    return last, outputs[:, :steps], states


def _check_cell(cell):
    """Raises a ValueError if one of the cells is none, or there is none."""
    cells = cell if isinstance(cell, list | tuple) else [cell]
    if not cells:
        raise ValueError("RNN takes a cell, or a list of one at least. Found none.")
    for each in cells:
        if isinstance(each, keras.layers.RNN):
            raise ValueError(
                f"RNN takes a cell, a single step, but '{each.name}' "
                f"({type(each).__name__}) is a layer, over time already. Use it as it "
                "is, stack layers by DeepRNN, or give a cell such as "
                "zoo.cells.LSTMCell(64)."
            )


def _without_steps(found):
    """Returns what a layer gave, outputs or outputs and states, without any step."""
    if isinstance(found, (list, tuple)):
        return type(found)([found[0][:, :0], *found[1:]])
    return found[:, :0]


def _refuse_draws(layer):
    """Raises if a cell draws at each step: JAX' loop would repeat the first draw."""
    for cell in layers_in(layer, include_self=False):
        if getattr(cell, "draws_each_step", False):
            raise ValueError(
                f"'{cell.name}' ({type(cell).__name__}) draws random numbers at each "
                f"step, which a loop on the JAX backend can't. Give '{layer.name}' "
                "`unroll=True`."
            )


def with_mask(sequences: Tensor, args: Any, kwargs: Any) -> Any:
    """Returns a call's keyword arguments with the mask that `sequences` carry.

    Keras passes that mask on by itself only to a call whose one tensor is
    `sequences`: with an initial state beside it, padding would be taken for data.

    Args:
        sequences: may carry a mask from the layer before.
        args: the call's positional arguments after it: initial state, mask.
        kwargs: the call's keyword arguments.
    """
    carried = mask_of(sequences)
    if carried is None or len(args) > 1 or kwargs.get("mask") is not None:
        return kwargs
    return {**kwargs, "mask": carried}


def _as(cell_class, cell, **arguments):
    """Makes a `cell_class` from the arguments that Keras' `cell` was made with."""
    if isinstance(cell, cell_class):
        return cell
    names = inspect.signature(type(cell).__init__).parameters
    taken = {name: getattr(cell, name) for name in names if hasattr(cell, name)}
    return cell_class(
        **taken,
        **arguments,
        name=cell.name,
        dtype=cell.dtype_policy,
        trainable=cell.trainable,
    )
