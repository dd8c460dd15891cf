"""A linear model over the n-grams of a sequence."""

from typing import Any

import keras
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
    y = Σ_{g in G} w[h(g)]     G = {n-grams of the row, 1 <= n <= order}
    ```

    h hashes an n-gram of ids to one of `buckets` rows of w (Weinberger et al.
    2009), which start at zero. What counts is whether an n-gram occurs, not how
    often (Wang & Manning 2012). An n-gram with a padding id in it is none.

    Args:
        units: n_y, the size of a weight vector.
        order: the longest n-grams.
        buckets: rows of w. Two n-grams that fall into one row share their weights.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        ids: int32, (batch, steps), 0 where there is no token.

    Returns:
        y, (batch, units).
    """

    def __init__(self, units: int, order: int = 2, buckets: int = 2**19, **kwargs: Any):
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

    def build(self, ids_shape: Any) -> None:
        """Creates w."""
        self.table = self.add_weight(
            name="table", shape=(self.buckets, self.units), initializer="zeros"
        )

    def call(self, ids: Tensor) -> Any:
        """Returns the sum over the n-grams of `ids`."""
        places = ops.sort(self.places(ids), axis=1)
        previous = ops.pad(places[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        counted = (places != previous) & (places < self.buckets)
        rows = ops.take(self.table, ops.minimum(places, self.buckets - 1), axis=0)
        rows = ops.cast(rows, self.compute_dtype)
        return ops.sum(rows * ops.cast(counted, rows.dtype)[..., None], axis=1)

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
        own = {"units": self.units, "order": self.order, "buckets": self.buckets}
        return {**super().get_config(), **own}
