"""A linear model over the n-grams of a sequence."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.cells.arguments import whole
from zoo.layers.shapes import DenseInputs, refuse_ragged
from zoo.typing import Tensor

# Odd multipliers of a multiplicative hash; products wrap around at 32 bits.
_NEXT, _MIX = 1_000_003, -1_640_531_527


@keras.saving.register_keras_serializable(package="zoo")
class BagOfNGrams(DenseInputs):
    """Adds up a weight vector for each distinct n-gram of a sequence.

    ```
    y = Σ_{g in G} r[h(g)] * w[h(g)]     G = {n-grams of the row, 1 <= n <= order}
    ```

    h hashes an n-gram of ids to one of `buckets` rows of w (Weinberger et al.
    2009), which start at zero. What counts is whether an n-gram occurs, not how
    often (Wang & Manning 2012). An n-gram with a padding id in it is none.

    r is 1, or with `naive_bayes` what `adapt` counts beforehand: how much more often an
    n-gram occurs in one class than in the others. So that which tells classes apart is
    learnt fast, and what occurs in all of them alike hardly at all (the same authors'
    NBSVM, which the n-grams of few texts need).

    Args:
        units: n_y, the size of a weight vector.
        order: the longest n-grams.
        buckets: rows of w. Two n-grams that fall into one row share their weights.
        naive_bayes: whether there is r. Until `adapt` has counted it is 1.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        ids: int32, (batch, steps), 0 where there is no token.

    Returns:
        y, (batch, units), in the layer's compute dtype.

    Raises:
        ValueError: `units`, `order` or `buckets` is no whole number, or out of its
            range.
    """

    def __init__(
        self,
        units: int,
        order: int = 2,
        buckets: int = 2**19,
        naive_bayes: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        units, order = whole("units", units), whole("order", order)
        buckets = whole("buckets", buckets)
        for argument, value in (("units", units), ("order", order)):
            if value < 1:
                raise ValueError(f"{argument} must be at least 1, found {value}.")
        if not 1 <= buckets < 2**31:
            raise ValueError(f"buckets must be in [1, 2^31), found {buckets}.")
        self.input_spec = keras.layers.InputSpec(ndim=2)
        self.units = units
        self.order = order
        self.buckets = buckets
        self.naive_bayes = naive_bayes

    def build(self, ids_shape: Any) -> None:
        """Creates w and, with `naive_bayes`, r."""
        shape = self.buckets, self.units
        self.table = self.add_weight(name="table", shape=shape, initializer="zeros")
        if self.naive_bayes:
            self.ratios = self.add_weight(
                name="ratios", shape=shape, initializer="ones", trainable=False
            )

    def call(self, ids: Tensor) -> Any:
        """Returns the sum over the n-grams of `ids`."""
        places, counted = self._distinct(ids)
        rows = ops.cast(ops.take(self.table, places, axis=0), self.compute_dtype)
        if self.naive_bayes:
            ratios = ops.take(self.ratios, places, axis=0)
            rows = rows * ops.cast(ratios, rows.dtype)
        return ops.sum(rows * ops.cast(counted, rows.dtype)[..., None], axis=1)

    @property
    def unadapted(self) -> bool:
        """Whether there is r, and `adapt` is yet to count it."""
        return self.naive_bayes and bool(np.all(self.ratios.numpy() == 1))

    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Counts r, before training: the log-count ratios of naive Bayes.

        ```
        r_k = log(p_k / Σ p_k) - log(q_k / Σ q_k)
        p_k = 1 + how many rows of the class k have the n-gram, q_k of the others
        ```

        Args:
            batches: pairs of ids, int32, (batch, steps), and truth, (batch, units), 1
                where a row is of the class k, else 0.

        Raises:
            ValueError: the layer has no r, or truth doesn't fit.
        """
        if not self.naive_bayes:
            raise ValueError(
                f"'{self.name}' has no ratios to count: make it with naive_bayes=True."
            )
        counts = np.ones((2, self.units, self.buckets))
        for ids, truth in batches:
            places, counted = map(np.asarray, self._distinct(ids))
            truth = np.asarray(truth)
            if truth.shape != (len(places), self.units):
                raise ValueError(
                    f"truth must be (batch, units), ({len(places)}, {self.units}), "
                    f"found {truth.shape}."
                )
            if not np.isin(truth, (0, 1)).all():
                raise ValueError(f"truth must be 0 or 1, found {truth}.")
            for unit in range(self.units):
                for count, are in ((counts[0], truth == 0), (counts[1], truth != 0)):
                    rows = are[:, unit]
                    found = places[rows][counted[rows]]
                    count[unit] += np.bincount(found, minlength=self.buckets)
        others, own = np.log(counts) - np.log(counts.sum(axis=-1, keepdims=True))
        if not self.built:
            self.build((None, None))
        self.ratios.assign((own - others).T)

    def _distinct(self, ids):
        """Returns the rows of w of each row's n-grams, and where one is the first."""
        places = ops.sort(self.places(ids), axis=1)
        previous = ops.pad(places[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        counted = (places != previous) & (places < self.buckets)
        return ops.minimum(places, self.buckets - 1), counted

    def places(self, ids: Tensor) -> Any:
        """Returns each n-gram's row of w.

        Args:
            ids: int32, (batch, steps).

        Returns:
            int32, (batch, order · steps): `buckets` where there is no n-gram.
        """
        refuse_ragged(self, ids)
        ids = ops.cast(ids, "int32")
        hashes, valid = ops.zeros_like(ids), ops.ones_like(ids, dtype="bool")
        places = []
        for n in range(self.order):
            # The id n steps later; padding behind the end.
            later = ops.pad(ids, [[0, 0], [0, n]])[:, n:]
            hashes = hashes * _NEXT + later
            valid = valid & (later != 0)
            places.append(ops.where(valid, self._row(hashes, n), self.buckets))
        return ops.concatenate(places, axis=1)

    def _row(self, hashes, n):
        """Spreads hashes evenly over the rows."""
        for shift in (15, 13):
            hashes = (hashes + n) * _MIX
            hashes = ops.bitwise_xor(hashes, ops.right_shift(hashes, shift))
        return ops.mod(hashes, self.buckets)

    def compute_output_shape(self, ids_shape: Any) -> Any:
        """Returns (batch, units)."""
        return ids_shape[0], self.units

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        names = "units", "order", "buckets", "naive_bayes"
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own}
