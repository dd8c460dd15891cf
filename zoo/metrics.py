"""Metrics that Keras lacks, in the graph, for training and validation."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.keras_private import mask_of
from zoo.tags import OUTSIDE, begins, continues, labels, may_end, parse
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class EntityF1(keras.metrics.Metric):
    """F1 of the entities that tags spell, summed over everything seen.

    ```
    precision = hits / predicted      recall = hits / actual
    F1        = 2 hits / (predicted + actual), 0 where there are no entities
    ```

    A hit is an entity predicted with the true start, end and type. What is an
    entity is read as `zoo.tags.spans` reads it: strictly in IOB2 and IOBES, so that
    an `I-X` which continues nothing counts as outside.

    A step counts where the truth is not negative, the mask that `y_pred` carries (as
    a layer's output does) is true, and `sample_weight` isn't 0. Any other step is
    left out as if the sentence didn't have it: an entity goes on behind it.

    Args:
        tags: the K tags, in the order of their ids.
        scheme: "iob2", "iobes" or "iob1".
        name: the metric's name.
        dtype: of the result.

    Raises:
        ValueError: the scheme is "plain" or unknown, or a tag isn't one of it.
    """

    def __init__(
        self,
        tags: Sequence[str],
        scheme: str = "iob2",
        name: str = "entity_f1",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.tags = tuple(tags)
        self.scheme = scheme
        # A tag more: what surrounds a sentence, and stands where a step is left out.
        self._outside = len(self.tags)
        parsed = parse([*self.tags, OUTSIDE], scheme)
        self.labels = tuple(labels(self.tags, scheme))
        places = {label: place for place, label in enumerate(self.labels)}
        self._type = np.array([places.get(tag.label, -1) for tag in parsed], np.int32)
        # Tables, [before, tag] and [tag].
        self._begins = np.array(
            [[begins(a, b, scheme) for b in parsed] for a in parsed]
        )
        self._continues = np.array([[continues(a, b) for b in parsed] for a in parsed])
        self._may_end = np.array([may_end(tag, scheme) for tag in parsed])
        self.counts = self.add_variable(
            (3, len(self.labels)), "zeros", dtype="int64", name="counts"
        )

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the entities of a batch.

        Args:
            y_true: int, (batch, steps): ids of tags, negative where there is none.
            y_pred: int, (batch, steps): ids of tags; or float, (batch, steps, K):
                scores, of which the largest is taken. An id that isn't one of a tag
                is outside.
            sample_weight: (batch,) or (batch, steps): 0 where a sentence or step
                doesn't count. Any other weight counts as 1: entities are whole.

        Raises:
            ValueError: the scores are not K.
        """
        mask = mask_of(y_pred)
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.cast(y_true, "int32")
        counted = _counted(y_true, mask, sample_weight)
        order = _front_first(counted)
        true, predicted = (
            _surround(self._take(ids, counted, order), self._outside)
            for ids in (y_true, self._ids(y_pred))
        )
        # Entities in common: of both, of the prediction, of the truth with itself.
        one = ops.stack([true, predicted, true])
        other = ops.stack([predicted, predicted, true])
        self.counts.assign_add(self._in_common(one, other))

    def result(self) -> Any:
        """Returns the F1 over all types, a float scalar."""
        hits, predicted, actual = ops.unstack(ops.sum(self.counts, axis=1), num=3)
        return _share(2 * hits, predicted + actual, self.dtype)

    def per_type(self) -> dict[str, dict[str, float]]:
        """Returns `precision`, `recall`, `f1` and true `entities` of each type.

        A share of nothing is 0. Not for use in a graph.
        """
        counts = self.counts.numpy().T.tolist()
        return {
            label: {
                "precision": hits / predicted if predicted else 0.0,
                "recall": hits / actual if actual else 0.0,
                "f1": 2 * hits / (predicted + actual) if predicted + actual else 0.0,
                "entities": actual,
            }
            for label, (hits, predicted, actual) in zip(
                self.labels, counts, strict=True
            )
        }

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        arguments = {"tags": list(self.tags), "scheme": self.scheme}
        return {**super().get_config(), **arguments}

    def _ids(self, y_pred):
        """Returns predicted ids, (batch, steps), of ids or scores."""
        if len(y_pred.shape) == 2:
            return ops.cast(y_pred, "int32")
        if y_pred.shape[-1] != len(self.tags):
            raise ValueError(
                f"{self.name} has {len(self.tags)} tags; found scores of the shape "
                f"{tuple(y_pred.shape)}, whose last axis is not as long."
            )
        return ops.cast(ops.argmax(y_pred, axis=-1), "int32")

    def _take(self, ids, counted, order):
        """Returns the counted ids moved to the front, and outside behind them."""
        known = ops.logical_and(ids >= 0, ids < len(self.tags))
        ids = ops.where(ops.logical_and(known, counted), ids, self._outside)
        return ops.take_along_axis(ids, order, axis=-1)

    def _in_common(self, one, other):
        """Counts the entities of each type that two taggings both have.

        An entity ends before the first step that doesn't continue it, so both have
        it if they begin one of the same type at the same step, and at the next step
        that doesn't continue one of them, it ends in the other too. With the steps
        that continue both left out, that is the very next one.

        Args:
            one: int32, (n, batch, steps + 2): a step of outside on either side.
            other: the same of the other taggings.

        Returns:
            int64, (n, types).
        """
        begin, go_on, end = zip(self._steps(one), self._steps(other), strict=True)
        types = [ops.take(self._type, ids[..., 1:]) for ids in (one, other)]
        begin_both = ops.logical_and(ops.logical_and(*begin), ops.equal(*types))
        types = ops.where(begin_both, types[0], -1)
        order = _front_first(ops.logical_not(ops.logical_and(*go_on)))
        types = ops.take_along_axis(types, order, axis=-1)
        end_both = ops.take_along_axis(ops.logical_and(*end), order, axis=-1)
        hits = ops.where(end_both[..., 1:], types[..., :-1], -1)
        hits = ops.equal(hits[..., None], np.arange(len(self.labels), dtype="int32"))
        return ops.sum(ops.cast(hits, "int64"), axis=(1, 2))

    def _steps(self, ids):
        """Says at which steps entities begin, continue, and have just ended whole."""
        before, ids = ids[..., :-1], ids[..., 1:]
        pair = before * (self._outside + 1) + ids
        begin = ops.take(self._begins.ravel(), pair)
        go_on = ops.take(self._continues.ravel(), pair)
        whole = ops.take(self._may_end, before)
        return begin, go_on, ops.logical_and(whole, ops.logical_not(go_on))


@keras.saving.register_keras_serializable(package="zoo")
class TokenAccuracy(keras.metrics.Metric):
    """The share of steps with the right tag, over everything seen.

    Args:
        name: the metric's name.
        dtype: of the result.
    """

    def __init__(self, name: str = "token_accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.counts = self.add_variable((2,), "zeros", dtype="int64", name="counts")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the steps of a batch.

        Args:
            y_true: int, (batch, steps): ids of tags, negative where there is none.
            y_pred: int, (batch, steps): ids of tags; or float, (batch, steps, K):
                scores, of which the largest is taken.
            sample_weight: (batch,) or (batch, steps): 0 where a sentence or step
                doesn't count, any other number where it does.
        """
        mask = mask_of(y_pred)
        if len(y_pred.shape) == 3:
            y_pred = ops.argmax(y_pred, axis=-1)
        y_true = ops.cast(y_true, "int32")
        counted = _counted(y_true, mask, sample_weight)
        right = ops.logical_and(counted, ops.equal(ops.cast(y_pred, "int32"), y_true))
        counts = [ops.count_nonzero(right), ops.count_nonzero(counted)]
        self.counts.assign_add(ops.cast(ops.stack(counts), "int64"))

    def result(self) -> Any:
        """Returns the share, a float scalar; 0 where nothing was seen."""
        right, counted = ops.unstack(self.counts, num=2)
        return _share(right, counted, self.dtype)


def _share(part, whole, dtype):
    """Returns a share, 0 of nothing. Half precision may not have the numbers."""
    full = "float64" if dtype == "float64" else "float32"
    part, whole = (ops.cast(each, full) for each in (part, whole))
    return ops.cast(ops.divide_no_nan(part, whole), dtype)


def _counted(y_true, mask, sample_weight):
    """Returns which steps count, bool (batch, steps)."""
    counted = y_true >= 0
    if mask is not None:
        counted = ops.logical_and(counted, ops.cast(mask, "bool"))
    if sample_weight is not None:
        weighted = ops.not_equal(sample_weight, 0)
        if len(weighted.shape) == 1:
            weighted = weighted[:, None]
        counted = ops.logical_and(counted, weighted)
    return counted


def _front_first(chosen):
    """Returns the order, along the last axis, with the chosen steps in front.

    A sort keeps the shape, which XLA needs; `boolean_mask` wouldn't.
    """
    steps = ops.shape(chosen)[-1]
    place = ops.arange(steps, dtype="int32")
    return ops.argsort(ops.where(chosen, place, place + steps), axis=-1)


def _surround(ids, outside):
    return ops.pad(ids, [[0, 0], [1, 1]], constant_values=outside)
