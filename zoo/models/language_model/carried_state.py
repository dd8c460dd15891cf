"""The state of a model between two windows of one long text."""

import tensorflow as tf


class CarriedState:
    """The states that one batch of windows leaves to the next one.

    They are variables, through which no gradient passes, and no weights of the model:
    they are neither saved nor exported. Each row of a batch goes on with the same
    row's text.

    Args:
        specs: the states' shapes, (None, n) each, and dtypes, a list.
    """

    def __init__(self, specs: list[tf.TensorSpec]):
        self._states = [
            tf.Variable(
                tf.zeros([0, spec.shape[1]], spec.dtype),
                shape=spec.shape,
                trainable=False,
                name=f"carried_{number}",
                # Each replica of a distributed training reads texts of its own.
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
            for number, spec in enumerate(specs)
        ]

    @property
    def variables(self) -> list[tf.Variable]:
        """The states, (rows, n) each."""
        return list(self._states)

    def load(self, begins: tf.Tensor) -> list[tf.Tensor]:
        """Returns the states to start a batch of windows from.

        Args:
            begins: bool (batch,), true where a window begins a text: the state is 0.

        Returns:
            For each state (batch, n).

        Raises:
            tf.errors.InvalidArgumentError: a window goes on with a text, but the batch
                before had other rows.
        """
        begins = tf.cast(begins, tf.bool)
        rows = tf.shape(begins)[0]
        before = tf.shape(self._states[0])[0]
        fits = tf.debugging.assert_equal(
            tf.reduce_all(begins) | (rows == before),
            True,
            "A window goes on with its text, but the batch before had another number "
            "of rows. Mark the first windows as beginning, and keep the batch's size.",
        )
        with tf.control_dependencies([] if fits is None else [fits]):
            begins = begins[:, None]
        return [self._rows(state, rows, begins) for state in self._states]

    @staticmethod
    def _rows(state, rows, begins):
        zeros = tf.zeros([rows, state.shape[-1]], state.dtype)
        # Whatever rows the state has. (Where the batch's are known when a graph is
        # made, constant folding takes the first branch of a `tf.cond` on them.)
        carried = tf.concat([tf.identity(state), zeros], axis=0)[:rows]
        return tf.where(begins, zeros, carried)

    def store(self, states: list[tf.Tensor]) -> None:
        """Keeps the states, each (batch, n), for the next batch."""
        for variable, state in zip(self._states, states, strict=True):
            variable.assign(state)
