"""The loss of predicting tokens, by a sample of them."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.precision import full_precision
from zoo.layers.shapes import DenseInputs, SpecOfCall, check_axes, exactly
from zoo.layers.wrong_values import right_or_nan
from zoo.typing import Tensor

# The logit of what is never predicted.
IMPOSSIBLE = -1e9


@keras.saving.register_keras_serializable(package="zoo")
class SampledSoftmax(SpecOfCall, DenseInputs):
    """The loss of predicting a token among a sample of all tokens.

    ```
    z_k  = e_k · h + b_k                                      e the embedding
    s_k  = z_k - log E[count of k in the sample]
    loss = -s_label + log(exp s_label + Σ_{k in sample} exp s_k)
    ```

    (Jean et al. 2015; the output embedding is the input's, Press & Wolf 2017.)
    Its optimum is the full softmax' optimum, its value is not the full softmax'
    value: that is computed where `training` is false. The sample is drawn from a
    log-uniform distribution, P(k) = log((k + 2) / (k + 1)) / log(V + 1), which is
    about that of words by falling frequency; all predictions of a batch share it.
    It is drawn with replacement: leaving the label's own draws out would then make
    frequent tokens too likely.

    It computes in float32 at least, under mixed precision too.

    Args:
        samples: how many tokens are drawn; None, or 0, for all, not drawn but counted.
        seed: of the draws.
        never: ids that are never predicted: their probability is 0.
        first: the id of the most frequent token, k = 0; those before it are taken for
            the rarest ones, as the bytes of subwords are.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        hidden: h, float (predictions, units).
        labels: int32 (predictions,), in [0, V).
        table: e, float (V, units).
        training: whether to sample.

    Returns:
        The mean loss in nats, a scalar; NaN where a label is none of the ids.

    Raises:
        ValueError: `samples` is negative, `never` or `first` no id in [0, V), or inputs
            don't fit together.
        InvalidArgumentError: inputs don't, which is known only when a graph runs.
    """

    def __init__(
        self,
        samples: int | None = 768,
        seed: Any = None,
        never: Sequence[int] = (),
        first: Any = 0,
        **kwargs: Any,
    ):
        kwargs["dtype"] = full_precision(kwargs.get("dtype"))
        super().__init__(**kwargs)
        if samples is not None and samples < 0:
            raise ValueError(
                "samples must be at least 1, or None or 0 for all tokens, found "
                f"{samples}."
            )
        self.samples = samples
        self.never = tuple(never)
        self.first = first
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(
        self, hidden_shape: Any, labels_shape: Any = None, table_shape: Any = None
    ) -> None:
        """Creates b."""
        strange = [
            each for each in (*self.never, self.first) if not 0 <= each < table_shape[0]
        ]
        if strange:
            raise ValueError(
                f"`never` and `first` are ids in [0, {table_shape[0]}), rows of the "
                f"table, found {strange[0]}."
            )
        self.bias = self.add_weight(
            name="bias",
            shape=(table_shape[0],),
            initializer="zeros",
            autocast=False,
        )
        self.vocabulary_size = table_shape[0]

    def call(
        self,
        hidden: Tensor,
        labels: Tensor,
        table: Tensor,
        training: bool | None = False,
    ) -> Any:
        """Returns the mean loss."""
        labels = self._of_each(hidden, labels, table)
        if training and self.samples:
            return ops.mean(self.sampled_losses(hidden, labels, table))
        logits = self.logits(hidden, table)
        ids = self._within(labels)
        true = ops.take_along_axis(logits, ids[:, None], axis=1)[:, 0]
        losses = ops.logsumexp(logits, axis=1) - true
        return ops.mean(right_or_nan(losses, ops.equal(labels, ids)))

    def logits(self, hidden: Tensor, table: Tensor) -> Any:
        """Returns z of all tokens, float (…, V)."""
        hidden, table = self._cast(hidden, table)
        return ops.matmul(hidden, ops.transpose(table)) + self.offsets()

    def offsets(self) -> Any:
        """Returns b, (V,), so low that P = 0 where a token is never predicted."""
        bias = ops.convert_to_tensor(self.bias)
        if not self.never:
            return bias
        # Not −∞: what is multiplied by 0, as a loss at padding, has to become 0.
        impossible = np.zeros(self.vocabulary_size, self.compute_dtype)
        impossible[list(self.never)] = IMPOSSIBLE
        return bias + impossible

    def sampled_losses(self, hidden: Tensor, labels: Tensor, table: Tensor) -> Any:
        """Returns each prediction's loss in nats, (predictions,), by one sample.

        It is NaN where the label is none of the ids.
        """
        labels = self._of_each(hidden, labels, table)
        hidden, table = self._cast(hidden, table)
        offsets = self.offsets()
        # In float32: half precision has too few numbers to draw from.
        drawn = keras.random.uniform(
            (self.samples,), dtype="float32", seed=self.seed_generator
        )
        drawn = ops.exp(drawn * math.log(self.vocabulary_size + 1)) - 1
        drawn = ops.minimum(ops.cast(drawn, "int32"), self.vocabulary_size - 1)
        drawn = (drawn + self.first) % self.vocabulary_size

        ids = self._within(labels)
        true = ops.sum(hidden * ops.take(table, ids, axis=0), axis=-1)
        true = true + ops.take(offsets, ids) - self._log_count(ids)
        others = ops.matmul(hidden, ops.transpose(ops.take(table, drawn, axis=0)))
        others = others + ops.take(offsets, drawn) - self._log_count(drawn)
        logits = ops.concatenate([true[:, None], others], axis=1)
        losses = ops.logsumexp(logits, axis=1) - true
        return right_or_nan(losses, ops.equal(labels, ids))

    def _of_each(self, hidden, labels, table):
        """Returns labels, one for each prediction: a single one is not for all."""
        labels = ops.convert_to_tensor(labels)
        check_axes(
            self,
            hidden=(hidden, "predictions, units"),
            labels=(labels, "predictions"),
            table=(table, "V, units"),
        )
        if labels.shape[0] is not None and labels.shape[0] == hidden.shape[0]:
            return labels
        return exactly(labels, ops.shape(hidden)[0], 1)[:, 0]

    def _within(self, labels):
        """Returns labels, and some id for each that is none."""
        return ops.cast(ops.clip(labels, 0, self.vocabulary_size - 1), "int32")

    def _cast(self, *tensors):
        # Outside of a call, Keras casts nothing by itself.
        return [ops.cast(each, self.compute_dtype) for each in tensors]

    def _log_count(self, ids):
        """Returns the logarithm of how often an id is expected in the sample."""
        ranks = (ids - self.first) % self.vocabulary_size
        [ranks] = self._cast(ranks)
        chance = ops.log((ranks + 2) / (ranks + 1)) / math.log(self.vocabulary_size + 1)
        return ops.log(self.samples * chance)

    def compute_output_shape(
        self, hidden_shape: Any, labels_shape: Any = None, table_shape: Any = None
    ) -> Any:
        """Returns (), the shape of a mean."""
        return ()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "samples": self.samples,
            "seed": self.seed,
            "never": list(self.never),
            "first": self.first,
        }
