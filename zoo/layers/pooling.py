"""One vector for a whole sequence, whatever the padding."""

from typing import Any

import keras
from keras import ops

from zoo.cells.arguments import positive_integer
from zoo.kernels import unobserved
from zoo.layers import masks
from zoo.layers.shapes import DenseInputs
from zoo.typing import Tensor


class _Pooling(DenseInputs):
    """(batch, steps, features) → (batch, features) over the valid steps.

    A row without a valid step gives zeros.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def compute_mask(self, sequences, mask=None):
        """Returns None: the result has no steps."""

    def compute_output_shape(self, sequences_shape):
        """Returns (batch, features)."""
        return sequences_shape[0], sequences_shape[2]


@keras.saving.register_keras_serializable(package="zoo")
class MaxPooling(_Pooling):
    """The largest value of each feature over the valid steps.

    ```
    y = max_t h<t>          zeros in a row without a valid step
    ```

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: h, (batch, steps, features), any numbers.
        mask: (batch, steps), bool, true where a step is valid; by default that which
            `sequences` carry.

    Returns:
        y, (batch, features), in the layer's compute dtype.

    Raises:
        ValueError: the sequences or the mask have other axes.
    """

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Pools `sequences` (batch, steps, features) under `mask` (batch, steps)."""
        sequences = ops.cast(sequences, self.compute_dtype)  # of whole numbers too
        mask = masks.of_steps(self, mask, sequences)
        with unobserved():  # the largest of nothing is -inf
            if mask is None:
                pooled = ops.max(sequences, axis=1, initial=-float("inf"))
                return _zeros_without_steps(pooled, sequences)
            mask = mask[..., None]
            lowest = ops.full_like(sequences, -float("inf"))
            pooled = ops.max(
                ops.where(mask, sequences, lowest), axis=1, initial=-float("inf")
            )
            return ops.where(ops.any(mask, axis=1), pooled, ops.zeros_like(pooled))


@keras.saving.register_keras_serializable(package="zoo")
class MeanPooling(_Pooling):
    """The mean of each feature over the valid steps.

    ```
    y = Σ_t h<t> / T        T valid steps; zeros in a row without one
    ```

    Its sums are float32 at least: half precision ends at 65 504.

    Args:
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: h, (batch, steps, features), any numbers.
        mask: (batch, steps), bool, true where a step is valid; by default that which
            `sequences` carry.

    Returns:
        y, (batch, features), in the layer's compute dtype.

    Raises:
        ValueError: the sequences or the mask have other axes.
    """

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Pools `sequences` (batch, steps, features) under `mask` (batch, steps)."""
        sequences = ops.cast(sequences, self.compute_dtype)  # of whole numbers too
        mask = masks.of_steps(self, mask, sequences)
        if mask is None:
            return _zeros_without_steps(ops.mean(sequences, axis=1), sequences)
        wide = _wide(sequences)
        count = ops.sum(ops.cast(mask, wide.dtype)[..., None], axis=1)
        total = ops.sum(ops.where(mask[..., None], wide, 0), axis=1)
        return ops.cast(total / ops.maximum(count, 1), sequences.dtype)


@keras.saving.register_keras_serializable(package="zoo")
class AttentionPooling(_Pooling):
    """A mean over the valid steps whose weights are learned.

    ```
    α<t> = softmax_t(vᵀ tanh(W h<t> + b)),   y = Σ_t α<t> h<t>
    ```

    (Yang et al. 2016, of words in a sentence.) The softmax and the sum are in float32
    at least. A row without a valid step gives zeros.

    Args:
        units: the size of W h<t>, a positive integer.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        sequences: h, (batch, steps, features), any numbers.
        mask: (batch, steps), bool, true where a step is valid; by default that which
            `sequences` carry.

    Returns:
        y, (batch, features), in the layer's compute dtype.

    Raises:
        ValueError: `units` isn't positive; or the sequences or the mask have other
            axes.
    """

    def __init__(self, units: int = 64, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.projection = keras.layers.Dense(
            self.units, activation="tanh", dtype=self.dtype_policy, name="projection"
        )
        self.score = keras.layers.Dense(
            1, use_bias=False, dtype=self.dtype_policy, name="score"
        )

    def build(self, sequences_shape: Any) -> None:
        """Creates W, b and v."""
        self.projection.build(sequences_shape)
        self.score.build((*sequences_shape[:-1], self.units))

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Pools `sequences` (batch, steps, features) under `mask` (batch, steps)."""
        sequences = ops.cast(sequences, self.compute_dtype)  # of whole numbers too
        mask = masks.of_steps(self, mask, sequences)
        if mask is not None:
            sequences = ops.where(mask[..., None], sequences, 0)
        scores = _wide(self.score(self.projection(sequences)))
        if mask is not None:
            mask = mask[..., None]
            scores = ops.where(mask, scores, ops.full_like(scores, -1e4))
        # The softmax; Keras' own warns of a sequence of one step.
        weights = ops.exp(scores - ops.logsumexp(scores, axis=1, keepdims=True))
        if mask is not None:
            weights = weights * ops.cast(mask, weights.dtype)
        result = ops.sum(weights * _wide(sequences), axis=1)
        return ops.cast(result, sequences.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units}


def _wide(tensor):
    """Returns a tensor in float32 at least, in which many steps can be added up."""
    return ops.cast(tensor, keras.backend.result_type(tensor.dtype, "float32"))


def _zeros_without_steps(pooled, sequences):
    is_empty = ops.equal(ops.shape(sequences)[1], 0)
    return ops.where(is_empty, ops.zeros_like(pooled), pooled)


def last_valid(sequences: Tensor, mask: Tensor | None) -> Any:
    """Returns each row's last valid step, zeros where there is none.

    Args:
        sequences: (batch, steps, features).
        mask: (batch, steps), bool, or None.

    Returns:
        (batch, features).
    """
    if mask is None:
        return ops.sum(sequences[:, -1:], axis=1)
    steps = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    last = ops.logical_and(mask, steps == steps[:, -1:])
    # One step at most is not zero, so that the sum picks it.
    return ops.sum(ops.where(last[..., None], sequences, 0), axis=1)
