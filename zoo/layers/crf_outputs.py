"""What reads the CRF off a model's output: its loss, its accuracy, its best tags.

The layer attaches itself to the tensor that it returns, as Keras attaches masks. So
what follows here has no reference to a layer: it can be made before the model, works
for each of several outputs, and a saved model with its compiled loss loads by itself.
"""

import weakref
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from zoo.keras_private import in_symbolic_scope
from zoo.layers.backend import require_tensorflow
from zoo.layers.class_weights import refuse_class_weight
from zoo.layers.precision import summing_dtype
from zoo.typing import Tensor

_ATTRIBUTE = "_zoo_crf"


class Origin(NamedTuple):
    """Where emissions come from: the `CRF`, and its mask (batch, steps) or None."""

    crf: keras.layers.Layer
    mask: tf.Tensor | None


def attach(
    emissions: tf.Tensor, crf: keras.layers.Layer, mask: Tensor | None
) -> tf.Tensor:
    """Makes a CRF and its mask to be found by `origin`."""
    # A graph that held its model would live as long as what is registered for it.
    if tf.is_symbolic_tensor(emissions):
        crf = weakref.proxy(crf)
    setattr(emissions, _ATTRIBUTE, Origin(crf, mask))
    return emissions


def origin(emissions: tf.Tensor, reader: str) -> Origin | None:
    """Returns where emissions come from.

    None where Keras only asks for shapes, as it does before it trains with a
    `tf.distribute` strategy: it hands over placeholders then.

    Args:
        emissions: the output of a `CRF`.
        reader: what asks for it, for the error.

    Raises:
        ValueError: nothing is attached to the tensor.
    """
    found = getattr(emissions, _ATTRIBUTE, None)
    if found is None and not in_symbolic_scope():
        raise ValueError(
            f"{reader} needs the very output of a zoo.layers.CRF, and this tensor is "
            "none. Make the CRF the last layer of this output, with nothing after it "
            "(nor a tf.function around it), or use the methods of the layer itself."
        )
    return found


@keras.saving.register_keras_serializable(package="zoo")
class CRFLoss(keras.losses.Loss):
    """The negative log-likelihood of the target tags, −log P(y|x), in nats.

    One value for each sequence, of which the loss is the mean: long sequences weigh
    more than short ones. Targets are int (batch, steps), or (batch, steps, 1); where
    the output is masked they may be anything. A sequence that the tag scheme forbids
    has the loss inf, and no gradient: `CRF.forbidden` finds such targets beforehand.

    `sample_weight` is (batch,), a weight for each sequence; the sum is divided by the
    number of sequences, as in Keras' losses. One of weight 0 adds 0, even if it is
    forbidden. A row without a valid step adds 0, and counts.

    Args:
        reduction: see `keras.losses.Loss`.
        name: the loss' name.
        dtype: of the result.

    Raises:
        ValueError: what it is called on is not the output of a CRF; targets are of
            another shape, such as one-hot ones; there is a weight for each step; or
            `fit` was given a `class_weight`.
    """

    def __init__(
        self,
        reduction: str = "sum_over_batch_size",
        name: str = "crf_loss",
        dtype: Any = None,
    ):
        require_tensorflow("CRFLoss")
        super().__init__(name=name, reduction=reduction, dtype=summing_dtype(dtype))

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Returns the loss of targets `y_true` under a CRF's output `y_pred`."""
        _refuse_class_weight()
        # Here and not in `call`, for Keras hands that a copy of the output.
        losses = self._losses(y_true, y_pred)
        if sample_weight is not None:
            sample_weight = tf.cast(sample_weight, losses.dtype)
            if any(size != 1 for size in sample_weight.shape[1:]):
                raise ValueError(
                    "A sequence of tags is likely as a whole: sample_weight must be "
                    f"(batch,), found {tuple(sample_weight.shape)}."
                )
            sample_weight = tf.reshape(sample_weight, [-1])
            losses = tf.where(sample_weight == 0, tf.zeros_like(losses), losses)
        return super().__call__(losses, losses, sample_weight)

    def call(self, y_true: Tensor, losses: Any) -> Any:
        """Returns the losses, which `__call__` computed."""
        return losses

    def _losses(self, y_true, y_pred):
        found = origin(y_pred, "CRFLoss")
        if found is None:
            return tf.zeros(tf.shape(y_pred)[:1], y_pred.dtype)
        return -found.crf.log_likelihood(y_pred, y_true, found.mask)


@keras.saving.register_keras_serializable(package="zoo")
class CRFAccuracy(keras.metrics.Mean):
    """The share of valid steps whose tag in the likeliest sequence is the target.

    Targets are as in `CRFLoss`. `sample_weight` is (batch,) or (batch, steps).

    Args:
        name: the metric's name.
        dtype: of the result.

    Raises:
        ValueError: what it is called on is not the output of a CRF, or targets are of
            another shape; or `fit` was given a `class_weight`.
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        require_tensorflow("CRFAccuracy")
        super().__init__(name=name, dtype=summing_dtype(dtype))

    def reset_state(self) -> None:
        """Forgets what was counted, as Keras asks for before each epoch."""
        # Here too, for `fit` may have traced the loss before, without class weights.
        _refuse_class_weight()
        super().reset_state()

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the targets `y_true` that a CRF's output `y_pred` tells."""
        found = origin(y_pred, "CRFAccuracy")
        if found is None:
            return
        best = found.crf.decode(y_pred, found.mask)
        targets = found.crf.checked_targets(y_true, found.mask, y_pred)
        right = tf.cast(best == targets, self.dtype)
        weights = tf.ones_like(right)
        if sample_weight is not None:
            sample_weight = tf.cast(sample_weight, self.dtype)
            if len(sample_weight.shape) == 1:
                sample_weight = sample_weight[:, None]
            weights *= sample_weight
        if found.mask is not None:
            weights = tf.where(found.mask, weights, 0)
        # In one row, for Keras takes the mean of each row before that of all.
        super().update_state(tf.reshape(right, [-1]), tf.reshape(weights, [-1]))


@keras.saving.register_keras_serializable(package="zoo")
class CRFDecoder(keras.layers.Layer):
    """The likeliest tags, from the output of a `CRF`, under the mask that it had.

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        emissions: the output of a CRF, (batch, steps, K).

    Returns:
        int32 (batch, steps), 0 where masked.

    Raises:
        ValueError: what it is called on is not the output of a CRF.
    """

    def __init__(self, **kwargs: Any):
        require_tensorflow("CRFDecoder")
        super().__init__(**kwargs)
        self.supports_masking = True
        self.autocast = False  # a cast would make another tensor

    def call(self, emissions: Tensor) -> Any:
        """Returns the tags."""
        found = origin(emissions, "CRFDecoder")
        if found is None:
            return tf.zeros(tf.shape(emissions)[:2], tf.int32)
        return found.crf.decode(emissions, found.mask)

    def compute_output_shape(self, emissions_shape: Any) -> Any:
        """Returns (batch, steps)."""
        return emissions_shape[:2]

    def compute_output_spec(self, emissions: Tensor) -> Any:
        """Returns what the tags will be like."""
        return keras.KerasTensor(emissions.shape[:2], "int32")


def _refuse_class_weight():
    refuse_class_weight(
        "for a CRF: a sequence of tags is likely as a whole, and has no class. Weigh "
        "sequences by `sample_weight`, (batch,), or leave it out."
    )
