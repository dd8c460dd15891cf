"""What a batch's loss is where `tf.distribute` spreads the batch over replicas.

Each replica has some of a batch's rows, of different lengths, or none at all. What is
right is the loss of the whole batch: its gradient is the sum of what the replicas add.
"""

from typing import Any

import keras
import tensorflow as tf

from zoo.typing import Tensor

# How Keras' losses reduce to a mean, which they divide by the number of replicas.
_OVER_ROWS = ("sum_over_batch_size", "mean")
_OVER_WEIGHTS = "mean_with_sample_weight"


def share_of_loss(loss: Tensor, weight: Tensor, rows: Tensor) -> Any:
    """Returns what a replica's mean loss adds to that of the whole batch.

    ```
    gradient of the share    d(mean_i · weight_i / Σ weight)
    value                    mean_i · weight_i / Σ weight · Σ rows / (n rows_i)
    ```

    The value is such that Keras, which multiplies it by the n replicas and takes the
    mean over rows, shows the loss of the whole batch. Outside of a replica, or where
    there is one alone, the loss is returned as it is.

    Args:
        loss: mean_i, float scalar, of this replica's part of the batch.
        weight: weight_i, scalar, how much it is the mean of: rows, or tokens.
        rows: rows_i, scalar, how many the replica has; there may be none.

    Returns:
        A float scalar.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return loss
    own = tf.stack([tf.cast(weight, tf.float32), tf.cast(rows, tf.float32)])
    of_all = context.all_reduce("sum", own)
    share, part = tf.unstack(tf.math.divide_no_nan(own, of_all))
    # The mean of nothing is NaN.
    share = tf.where(own[1] > 0, tf.cast(loss, tf.float32) * share, 0.0)
    count = float(context.num_replicas_in_sync)
    return _shown_as(share, tf.math.divide_no_nan(share, count * part))


def share_of_compiled_loss(
    model: keras.Model, loss: Tensor, y: Tensor, sample_weight: Tensor | None
) -> Any:
    """Returns the same of a loss that Keras computed, and divided by the replicas.

    Args:
        model: compiled with that loss; where it is no mean, it is returned as it is.
        loss: what `keras.Model.compute_loss` returned, float scalar.
        y: the targets, (rows, …).
        sample_weight: as `compute_loss` takes it.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return loss
    reduction = getattr(model.loss, "reduction", _OVER_ROWS[0])
    rows = weight = tf.shape(y)[0]
    if reduction == _OVER_WEIGHTS and sample_weight is not None:
        weight = tf.reduce_sum(sample_weight)
    elif reduction not in (*_OVER_ROWS, _OVER_WEIGHTS):
        return loss
    ignored = getattr(model.loss, "ignore_class", None)
    if ignored is not None:
        weight = tf.math.count_nonzero(tf.not_equal(y, tf.cast(ignored, y.dtype)))
    return share_of_loss(loss * context.num_replicas_in_sync, weight, rows)


class Replicated:
    """What a Keras model lacks to be trained on several replicas.

    It stands before `keras.Model` among a class' bases.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """As Keras', which under `tf.distribute` builds on a batch's mean over devices.

        Strings have no mean; the first device's part has the same shapes and types.
        """
        if iterator is not None:
            _, _, batches = next(iter(iterator))
            parts_of = self.distribute_strategy.experimental_local_results
            data_batch = keras.tree.map_structure(
                lambda value: parts_of(value)[0], next(batches)
            )
        super()._maybe_symbolic_build(data_batch=data_batch)

    def train_step(self, data: Any) -> Any:
        """As Keras', with what it returns in a form that workers can reduce."""
        return _reducible(super().train_step(data))

    def test_step(self, data: Any) -> Any:
        """As Keras', with what it returns in a form that workers can reduce."""
        return _reducible(super().test_step(data))


def _reducible(logs):
    """Returns logs as vectors of one, of which Keras takes the mean over workers."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return logs
    if not strategy.cluster_resolver.cluster_spec().as_dict():
        return logs
    return keras.tree.map_structure(lambda value: tf.reshape(value, [1]), logs)


@tf.custom_gradient
def _shown_as(loss, shown):
    """Returns `shown`, with the gradient of `loss`."""
    return shown, lambda gradient: (gradient, None)
