"""One time step of each recurrent unit, and its gradient written out by hand.

What `zoo.kernels.recurrence` runs over time. SPEC.md §1 has the equations, §5 the
gradients; `zoo.cells` says the same slowly. A step sees what its input gives, W_x x<t>
plus a bias, as one matrix z for all gates, in columns of the step's own order.

States and gradients are (batch, n_a), z and dz (batch, gates · n_a). What a step
keeps is what its gradient needs beside the states before and after it: a list of one
tensor, (batch, kept · n_a), or of none.
"""

import tensorflow as tf


class Step:
    """A recurrent unit's step; two of a kind are equal.

    Attributes:
        states: how many states it has, the first of which is its output.
        kept: how many blocks of n_a columns it keeps.
    """

    states: int
    kept: int

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def forward(self, z, states, weights, times=tf.matmul):
        """Takes a step.

        Args:
            z: what the input gives.
            states: those before the step.
            weights: what the states are multiplied by.
            times: what multiplies rows by a matrix, for who keeps the weights'
                matrices in another form.

        Returns:
            The new states, and what is kept.
        """
        raise NotImplementedError

    def backward(self, gradients, before, after, kept, weights):
        """Takes a step back.

        Args:
            gradients: of the loss with respect to the states `after` the step.
            before: the states before the step.
            after: the states after it.
            kept: what `forward` kept.
            weights: as in `forward`.

        Returns:
            dz, and the gradients with respect to the states `before`.
        """
        raise NotImplementedError

    def weight_gradients(self, dz, outputs, kept):
        """Returns the gradients with respect to `weights`, of all steps together.

        Args:
            dz: (steps · batch, gates · n_a).
            outputs: the first state before each step, (steps · batch, n_a).
            kept: what the steps kept, (steps · batch, kept · n_a).
        """
        return [tf.matmul(outputs, dz, transpose_a=True)]


class SimpleRNNStep(Step):
    """`a<t> = tanh(z + W_aa a<t-1>)`. Weights: W_aa."""

    states, kept = 1, 0

    def forward(self, z, states, weights, times=tf.matmul):
        """Takes a step."""
        return [tf.tanh(z + times(states[0], weights[0]))], []

    def backward(self, gradients, before, after, kept, weights):
        """Takes a step back."""
        dz = gradients[0] * (1 - after[0] * after[0])
        return dz, [tf.matmul(dz, weights[0], transpose_b=True)]


class LSTMStep(Step):
    """Columns Γ_u, Γ_f, Γ_o, c̃; states a and c. Weights: W_a, (n_a, 4 n_a)."""

    states, kept = 2, 4

    def forward(self, z, states, weights, times=tf.matmul):
        """Takes a step."""
        a, c = states
        z = z + times(a, weights[0])
        units = a.shape[-1]
        sigmas = tf.sigmoid(z[:, : 3 * units])
        candidate = tf.tanh(z[:, 3 * units :])
        update, forget, output = tf.split(sigmas, 3, axis=1)
        c = update * candidate + forget * c
        return [output * tf.tanh(c), c], [tf.concat([sigmas, candidate], axis=1)]

    def backward(self, gradients, before, after, kept, weights):
        """Takes a step back."""
        da, dc = gradients
        update, forget, output, candidate = tf.split(kept[0], 4, axis=1)
        squashed = tf.tanh(after[1])
        dc = dc + da * output * (1 - squashed * squashed)
        dz = tf.concat(
            [
                dc * candidate * update * (1 - update),
                dc * before[1] * forget * (1 - forget),
                da * squashed * output * (1 - output),
                dc * update * (1 - candidate * candidate),
            ],
            axis=1,
        )
        return dz, [tf.matmul(dz, weights[0], transpose_b=True), dc * forget]


class GRUStep(Step):
    """The full unit, columns z = 1 - Γ_u, Γ_r, c̃.

    Weights: W of the gates, (n_a, 2 n_a), and of the candidate, (n_a, n_a).
    """

    states, kept = 1, 3

    def forward(self, z, states, weights, times=tf.matmul):
        """Takes a step."""
        (c,) = states
        gate_weights, candidate_weights = weights
        gates = 2 * c.shape[-1]
        sigmas = tf.sigmoid(z[:, :gates] + times(c, gate_weights))
        keep, relevance = tf.split(sigmas, 2, axis=1)
        from_memory = times(relevance * c, candidate_weights)
        candidate = tf.tanh(z[:, gates:] + from_memory)
        c = candidate + keep * (c - candidate)
        return [c], [tf.concat([sigmas, candidate], axis=1)]

    def backward(self, gradients, before, after, kept, weights):
        """Takes a step back."""
        (dc,), (c,) = gradients, before
        gate_weights, candidate_weights = weights
        keep, relevance, candidate = tf.split(kept[0], 3, axis=1)
        d_candidate = dc * (1 - keep) * (1 - candidate * candidate)
        through = tf.matmul(d_candidate, candidate_weights, transpose_b=True)
        d_keep = dc * (c - candidate) * keep * (1 - keep)
        d_relevance = through * c * relevance * (1 - relevance)
        d_gates = tf.concat([d_keep, d_relevance], axis=1)
        dc = dc * keep + through * relevance
        dc += tf.matmul(d_gates, gate_weights, transpose_b=True)
        return tf.concat([d_gates, d_candidate], axis=1), [dc]

    def weight_gradients(self, dz, outputs, kept):
        """Returns the gradients with respect to both weights."""
        units = outputs.shape[-1]
        relevant = kept[0][:, units : 2 * units] * outputs
        return [
            tf.matmul(outputs, dz[:, : 2 * units], transpose_a=True),
            tf.matmul(relevant, dz[:, 2 * units :], transpose_a=True),
        ]


class ResetAfterGRUStep(Step):
    """The unit whose Γ_r acts after the product, columns z = 1 - Γ_u, Γ_r, c̃.

    Weights: W_c of all three, (n_a, 3 n_a), and b'_c, (n_a,). Kept are the gates,
    the candidate, and what Γ_r multiplies.
    """

    states, kept = 1, 4

    def forward(self, z, states, weights, times=tf.matmul):
        """Takes a step."""
        (c,) = states
        recurrent_weights, bias = weights
        gates = 2 * c.shape[-1]
        from_memory = times(c, recurrent_weights)
        sigmas = tf.sigmoid(z[:, :gates] + from_memory[:, :gates])
        keep, relevance = tf.split(sigmas, 2, axis=1)
        from_memory = from_memory[:, gates:] + bias
        candidate = tf.tanh(z[:, gates:] + relevance * from_memory)
        c = candidate + keep * (c - candidate)
        return [c], [tf.concat([sigmas, candidate, from_memory], axis=1)]

    def backward(self, gradients, before, after, kept, weights):
        """Takes a step back."""
        (dc,), (c,) = gradients, before
        keep, relevance, candidate, from_memory = tf.split(kept[0], 4, axis=1)
        d_candidate = dc * (1 - keep) * (1 - candidate * candidate)
        d_keep = dc * (c - candidate) * keep * (1 - keep)
        d_relevance = d_candidate * from_memory * relevance * (1 - relevance)
        d_gates = tf.concat([d_keep, d_relevance], axis=1)
        recurrent = tf.concat([d_gates, d_candidate * relevance], axis=1)
        dc = dc * keep + tf.matmul(recurrent, weights[0], transpose_b=True)
        return tf.concat([d_gates, d_candidate], axis=1), [dc]

    def weight_gradients(self, dz, outputs, kept):
        """Returns the gradients with respect to the weights and the bias."""
        units = outputs.shape[-1]
        d_candidate = dz[:, 2 * units :] * kept[0][:, units : 2 * units]
        recurrent = tf.concat([dz[:, : 2 * units], d_candidate], axis=1)
        return [
            tf.matmul(outputs, recurrent, transpose_a=True),
            tf.reduce_sum(d_candidate, axis=0),
        ]
