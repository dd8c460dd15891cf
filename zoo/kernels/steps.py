"""One time step of each recurrent unit, and its gradient written out by hand.

What `zoo.kernels.recurrence` runs over time. `zoo.cells` has the equations, and says
the same slowly. What the input gives, W_x x<t> plus a bias, is one matrix z for all
gates, in columns of the step's own order.

States and gradients are (batch, n_a), z and dz (batch, gates · n_a). What a step
keeps is what its gradient needs beside the states before and after it.

XLA makes a few loops of a step. LLVM vectorizes those alone in which no tensor that is
computed within the loop, a cut out of a longer one included, is read at two offsets. So
z comes in parts, a gate each, and what is kept in tensors of n_a columns.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from zoo.typing import Tensor

Product: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Multiplies rows, (batch, n), by a matrix, (n, m), in whatever form it is kept."""


class Step:
    """A recurrent unit's step; two of a kind are equal.

    Attributes:
        states: how many states it has, the first of which is its output.
        parts: how many parts z is of, each of n_a columns.
        kept: how many tensors it keeps, (batch, n_a).
        compiled: what `zoo.kernels.run` compiled for it, which lives as long.
        has_block: whether it has `block`, which takes all steps at once.
        is_linear: whether it has `linear`: see `zoo.kernels.elementwise`.
        takes_inputs: whether the last part of z is x itself, of n_a columns.
        unread: how many of the states, the first ones, no step reads.
        summed: how many vectors among the weights have gradients that `backward`
            returns beside dz, to be summed over all steps and rows.
    """

    states: int
    parts: int
    kept: int
    has_block = is_linear = takes_inputs = False
    unread = summed = 0

    def __init__(self, compiled: dict | None = None):
        self.compiled = {} if compiled is None else compiled

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def split(self, z: Tensor) -> Any:
        """Returns z or a bias, (…, gates · n_a), in its parts, (…, n_a) each."""
        return tf.split(z, self.parts, axis=-1)

    def given(self, product: Tensor, inputs: Tensor) -> Any:
        """Returns z of W_x x<t> + b, and of x<t> itself where the step takes it."""
        return tf.concat([product, inputs], -1) if self.takes_inputs else product

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step.

        Args:
            z: what the input gives, a list of its parts.
            states: those before the step.
            weights: what the states are multiplied by.
            times: what multiplies rows by a matrix, where the weights' matrices are
                kept in another form.

        Returns:
            The new states, and a list of what is kept.
        """
        raise NotImplementedError

    def infer(
        self, z: Tensor, states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step forward, in few operations: TensorFlow runs each by itself.

        Args:
            z: what the input gives, whole, (batch, gates · n_a).
            states: as in `forward`, and so on.
            weights: see there.
            times: see there.

        Returns:
            The new states.
        """
        states, _ = self.forward(self.split(z), states, weights, times)
        return states

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step.

        Args:
            gradients: of the loss with respect to the states `after` the step.
            before: the states before the step.
            after: the states after it.
            kept: what `forward` kept, a list.
            transposed: `forward`'s weights, the matrices transposed: once for all
                steps, for a product that transposes takes half as long again.
            times: as in `forward`.

        Returns:
            dz, after it in the same tensor those that are `summed`, and the gradients
            with respect to the states `before`.
        """
        raise NotImplementedError

    def weight_gradients(
        self, dz: Tensor, outputs: Tensor, kept: Sequence[Tensor]
    ) -> Any:
        """Returns the gradients with respect to `weights`, of all steps together.

        Args:
            dz: (steps · batch, gates · n_a).
            outputs: the first state before each step, (steps · batch, n_a).
            kept: what the steps kept, each (steps · batch, n_a).
        """
        return [tf.matmul(outputs, dz, transpose_a=True)]


class SimpleRNNStep(Step):
    """`a<t> = tanh(z + W_aa a<t-1>)`. Weights: W_aa."""

    states, parts, kept = 1, 1, 0

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        return [tf.tanh(z[0] + times(states[0], weights[0]))], []

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        dz = gradients[0] * (1 - after[0] * after[0])
        return dz, [times(dz, transposed[0])]


class LSTMStep(Step):
    """Columns Γ_u, Γ_f, c̃, Γ_o, which are kept; states a and c.

    Weights: W_a, (n_a, 4 n_a).
    """

    states, parts, kept = 2, 4, 4
    has_block = True

    def infer(
        self, z: Tensor, states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step forward."""
        a, c = states
        z = self.split(z + times(a, weights[0]))
        c = tf.sigmoid(z[0]) * tf.tanh(z[2]) + tf.sigmoid(z[1]) * c
        return [tf.sigmoid(z[3]) * tf.tanh(c), c]

    def block(self, inputs: Tensor, states: Any, parameters: Any) -> list[Tensor]:
        """Takes all steps at once.

        Args:
            inputs: x, float32 (steps, batch, n_x).
            states: a and c before the first.
            parameters: W_x, the bias and the step's own weights.

        Returns:
            a and c after every step, each (steps, batch, n_a).
        """
        kernel, bias, recurrent_kernel = parameters
        nothing = tf.zeros_like(bias[: recurrent_kernel.shape[0]])
        found = tf.raw_ops.BlockLSTMV2(
            seq_len_max=tf.shape(inputs, tf.int64)[0],
            x=inputs,
            cs_prev=states[1],
            h_prev=states[0],
            w=tf.concat([kernel, recurrent_kernel], axis=0),
            wci=nothing,
            wcf=nothing,
            wco=nothing,
            b=bias,
            cell_clip=0.0,
            use_peephole=False,
        )
        return [found.h, found.cs]

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        a, c = states
        from_output = self.split(times(a, weights[0]))
        z = [own + other for own, other in zip(z, from_output, strict=True)]
        update, forget, output = (tf.sigmoid(z[number]) for number in (0, 1, 3))
        candidate = tf.tanh(z[2])
        c = update * candidate + forget * c
        return [output * tf.tanh(c), c], [update, forget, candidate, output]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        da, dc = gradients
        update, forget, candidate, output = kept
        squashed = tf.tanh(after[1])
        dc = dc + da * output * (1 - squashed * squashed)
        dz = tf.concat(
            [
                dc * candidate * update * (1 - update),
                dc * before[1] * forget * (1 - forget),
                dc * update * (1 - candidate * candidate),
                da * squashed * output * (1 - output),
            ],
            axis=1,
        )
        return dz, [times(dz, transposed[0]), dc * forget]


class GRUStep(Step):
    """The full unit, columns z = 1 - Γ_u, Γ_r, c̃, which are kept.

    Weights: W of the gates, (n_a, 2 n_a), and of the candidate, (n_a, n_a).
    """

    states, parts, kept = 1, 3, 3

    def infer(
        self, z: Tensor, states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step forward."""
        (c,) = states
        z_gates, z_candidate = _cut(z, 2, 3)
        gates = tf.sigmoid(z_gates + times(c, weights[0]))
        keep, relevance = tf.split(gates, 2, axis=1)
        candidate = tf.tanh(z_candidate + times(relevance * c, weights[1]))
        return [candidate + keep * (c - candidate)]

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        (c,) = states
        gate_weights, candidate_weights = weights
        to_keep, to_relevance = tf.split(times(c, gate_weights), 2, axis=1)
        keep = tf.sigmoid(z[0] + to_keep)
        relevance = tf.sigmoid(z[1] + to_relevance)
        candidate = tf.tanh(z[2] + times(relevance * c, candidate_weights))
        return [candidate + keep * (c - candidate)], [keep, relevance, candidate]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        (dc,), (c,) = gradients, before
        gate_weights, candidate_weights = transposed
        keep, relevance, candidate = kept
        d_candidate = dc * (1 - keep) * (1 - candidate * candidate)
        through = times(d_candidate, candidate_weights)
        d_keep = dc * (c - candidate) * keep * (1 - keep)
        d_relevance = through * c * relevance * (1 - relevance)
        d_gates = tf.concat([d_keep, d_relevance], axis=1)
        dc = dc * keep + through * relevance + times(d_gates, gate_weights)
        return tf.concat([d_gates, d_candidate], axis=1), [dc]

    def weight_gradients(
        self, dz: Tensor, outputs: Tensor, kept: Sequence[Tensor]
    ) -> Any:
        """Returns the gradients with respect to both weights."""
        d_gates, d_candidate = tf.split(dz, [2 * outputs.shape[-1], -1], axis=1)
        return [
            tf.matmul(outputs, d_gates, transpose_a=True),
            tf.matmul(kept[1] * outputs, d_candidate, transpose_a=True),
        ]


class ResetAfterGRUStep(Step):
    """The unit whose Γ_r acts after the product, columns z = 1 - Γ_u, Γ_r, c̃.

    Weights: W_c of all three, (n_a, 3 n_a), and b'_c, (n_a,). Kept are the gates,
    the candidate, and what Γ_r multiplies.
    """

    states, parts, kept = 1, 3, 4

    def infer(
        self, z: Tensor, states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step forward."""
        (c,) = states
        recurrent_weights, bias = weights
        z_gates, z_candidate = _cut(z, 2, 3)
        from_gates, from_memory = _cut(times(c, recurrent_weights), 2, 3)
        gates = tf.sigmoid(z_gates + from_gates)
        keep, relevance = tf.split(gates, 2, axis=1)
        candidate = tf.tanh(z_candidate + relevance * (from_memory + bias))
        return [candidate + keep * (c - candidate)]

    def forward(
        self, z: Sequence[Tensor], states: Any, weights: Any, times: Product = tf.matmul
    ) -> Any:
        """Takes a step."""
        (c,) = states
        recurrent_weights, bias = weights
        products = tf.split(times(c, recurrent_weights), 3, axis=1)
        keep = tf.sigmoid(z[0] + products[0])
        relevance = tf.sigmoid(z[1] + products[1])
        from_memory = products[2] + bias
        candidate = tf.tanh(z[2] + relevance * from_memory)
        c = candidate + keep * (c - candidate)
        return [c], [keep, relevance, candidate, from_memory]

    def backward(
        self,
        gradients: Sequence[Tensor],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        kept: Sequence[Tensor],
        transposed: Sequence[Tensor],
        times: Product = tf.matmul,
    ) -> Any:
        """Back-propagates through a step."""
        (dc,), (c,) = gradients, before
        keep, relevance, candidate, from_memory = kept
        d_candidate = dc * (1 - keep) * (1 - candidate * candidate)
        d_keep = dc * (c - candidate) * keep * (1 - keep)
        d_relevance = d_candidate * from_memory * relevance * (1 - relevance)
        d_gates = tf.concat([d_keep, d_relevance], axis=1)
        recurrent = tf.concat([d_gates, d_candidate * relevance], axis=1)
        dc = dc * keep + times(recurrent, transposed[0])
        return tf.concat([d_gates, d_candidate], axis=1), [dc]

    def weight_gradients(
        self, dz: Tensor, outputs: Tensor, kept: Sequence[Tensor]
    ) -> Any:
        """Returns the gradients with respect to the weights and the bias."""
        d_gates, d_candidate = tf.split(dz, [2 * outputs.shape[-1], -1], axis=1)
        d_candidate = d_candidate * kept[1]
        recurrent = tf.concat([d_gates, d_candidate], axis=1)
        return [
            tf.matmul(outputs, recurrent, transpose_a=True),
            tf.reduce_sum(d_candidate, axis=0),
        ]


def _cut(z, first, parts):
    """Returns the first columns, so many of so many parts, and the rest."""
    width = z.shape[-1] // parts
    return tf.split(z, [first * width, (parts - first) * width], axis=-1)
