"""One context for each output step: a mean over a memory, weighted by its fit."""

from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.cells.arguments import whole
from zoo.kernels import unobserved
from zoo.layers import masks
from zoo.layers.shapes import DenseInputs, SpecOfCall, refuse_ragged
from zoo.typing import Tensor

SCORES = ("additive", "dot", "general", "concat")


class Memory(NamedTuple):
    """What attention looks at, prepared once for each sequence.

    All that is the same at every output step: pass it on as an argument.

    Attributes:
        values: h, or V h where there are several heads, (batch, source, n_h), zeros
            where the mask is false.
        keys: what queries are compared with, (batch, source, units).
        mask: bool (batch, source), true where there is something to look at.
    """

    values: Any
    keys: Any
    mask: Any


@keras.saving.register_keras_serializable(package="zoo")
class Attention(SpecOfCall, DenseInputs):
    """Attends to a memory, h<1..T_x>, by a query, q<t>.

    ```
    α<t,·>     = softmax_s score(q<t>, h<s>)          over the s that are not masked
    context<t> = Σ_s α<t,s> h<s>

    score = vᵀ tanh(W q + U h)       "additive"       (Bahdanau et al. 2015)
          = qᵀ h                     "dot"            (Luong et al. 2015)
          = qᵀ W h                   "general"
          = vᵀ tanh(W [q; h])        "concat"
    ```

    "concat" is "additive" with W and U in one matrix, which is initialised as one.
    Over T_y queries at once these two hold T_y · T_x · `units` numbers for each row;
    the others are a matrix product.

    With K heads (Vaswani et al. 2017), W q, U h (in "dot" q and h themselves), v and
    V h are cut into K parts; each head scores by its part and takes the mean of its
    part of V h, and the contexts are concatenated.

    Any mask is right. A row with nothing to look at has weights and a context of
    zeros. The softmax is in float32 at least, under mixed precision too.

    For a whole sequence of queries, call the layer. Step by step:

    ```python
    memory = attention.memory(values, mask)             # U h, once
    context, weights = attention.attend(query, memory)  # at every step
    ```

    Args:
        score: "additive", "dot", "general" or "concat".
        units: the size of W q and U h, of "additive" and "concat"; that of the query
            by default.
        heads: K.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        queries: q, (batch, n_q), or those of all steps, (batch, steps, n_q), a
            floating dtype.
        values: h, (batch, source, n_h).
        values_mask: (batch, source), bool, true where a step is valid; by default
            the mask that `values` carry.

    Returns:
        The contexts, (batch, n_h) or (batch, steps, n_h), and α, float32 (batch,
        source) or (batch, steps, source): of several heads the mean.

    Raises:
        ValueError: an argument is not one of the above, or sizes don't fit.
    """

    def __init__(
        self,
        score: str = "additive",
        units: int | None = None,
        heads: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if score not in SCORES:
            raise ValueError(
                f"score must be one of {', '.join(SCORES)}, found {score!r}."
            )
        if units is not None and score in ("dot", "general"):
            raise ValueError(
                f"A {score!r} score has no `units` of its own, found {units}: leave "
                "them out, or take 'additive' or 'concat'."
            )
        units = units if units is None else whole("units", units)
        heads = whole("heads", heads)
        if units is not None and units < 1:
            raise ValueError(
                f"units must be at least 1, found {units}. Leave it out for the "
                "query's size."
            )
        if heads < 1:
            raise ValueError(f"heads must be at least 1, found {heads}.")
        self.supports_masking = True
        self.score = score
        self.units = units
        self.heads = heads

    def build(self, queries_shape: Any, values_shape: Any) -> None:
        """Creates the weights, for queries (…, n_q) and values (…, n_h)."""
        n_q, n_h = queries_shape[-1], values_shape[-1]
        units = self.units or n_q
        self._check_sizes(n_q, n_h, units)
        if self.score == "additive":
            self.query_kernel = self._weight("query_kernel", n_q, units)
            self.key_kernel = self._weight("key_kernel", n_h, units)
        elif self.score == "general":
            self.key_kernel = self._weight("key_kernel", n_h, n_q)
        elif self.score == "concat":
            self.kernel = self._weight("kernel", n_q + n_h, units)
        if self.score in ("additive", "concat"):
            self.v = self._weight("v", self.heads, units // self.heads)
        if self.heads > 1:
            self.value_kernel = self._weight("value_kernel", n_h, n_h)
        self.query_units = n_q

    def _weight(self, name, *shape):
        return self.add_weight(name=name, shape=shape, initializer="glorot_uniform")

    def _check_sizes(self, n_q, n_h, units):
        if self.score == "dot" and n_q != n_h:
            raise ValueError(
                f"A 'dot' score needs queries and values of one size, found {n_q} and "
                f"{n_h}. Take 'general', which has a matrix between them."
            )
        for name, size in (("keys", units), ("values", n_h)):
            if size % self.heads:
                raise ValueError(
                    f"{self.heads} heads can't share {name} of size {size}: it must "
                    "be a multiple of `heads`."
                )

    def call(
        self, queries: Tensor, values: Tensor, values_mask: Tensor | None = None
    ) -> Any:
        """Attends to `values` by `queries`."""
        rows = {queries.shape[0], values.shape[0]} - {None, 1}
        if len(rows) > 1 or len(queries.shape) not in (2, 3):
            raise ValueError(
                f"'{self.name}' takes queries (batch, n_q) or (batch, steps, n_q) and "
                "values (batch, source, n_h). Found the shapes "
                f"{tuple(queries.shape)} and {tuple(values.shape)}."
            )
        return self.attend(queries, self.memory(values, values_mask))

    def memory(self, values: Tensor, mask: Tensor | None = None) -> Memory:
        """Prepares what the queries look at, once for all of them.

        Args:
            values: h, (batch, source, n_h).
            mask: (batch, source), bool; by default all is looked at.

        Returns:
            A `Memory`.

        Raises:
            ValueError: the layer has no weights yet, or values or mask have other axes.
        """
        self._check_built()
        if len(values.shape) != 3:
            raise ValueError(
                f"'{self.name}' takes values (batch, source, n_h), one for each place "
                f"of the source. Found the shape {tuple(values.shape)}."
            )
        values = ops.cast(values, self.compute_dtype)
        mask = masks.of_steps(self, mask, values, "values_mask")
        if mask is None:
            mask = ops.ones(ops.shape(values)[:2], dtype="bool")
        # What is masked may be anything, even no number.
        values = ops.where(mask[..., None], values, ops.zeros_like(values))
        keys = values
        if self.score in ("additive", "general"):
            keys = ops.matmul(values, self._cast(self.key_kernel))
        elif self.score == "concat":
            keys = ops.matmul(values, self._cast(self.kernel[self.query_units :]))
        if self.heads > 1:
            values = ops.matmul(values, self._cast(self.value_kernel))
        return Memory(values, keys, mask)

    def attend(self, queries: Tensor, memory: Memory) -> Any:
        """Returns contexts and α, as a call does, of a memory that is prepared.

        Args:
            queries: (batch, n_q) or (batch, steps, n_q).
            memory: what `memory` returned.
        """
        refuse_ragged(self, queries)
        if len(queries.shape) == 2:
            context, weights = self.attend(queries[:, None], memory)
            return context[:, 0], weights[:, 0]
        weights = self.head_weights(queries, memory)
        if self.heads == 1:  # a product, of which nothing is copied
            shares = ops.cast(weights[:, 0], memory.values.dtype)
            return ops.matmul(shares, memory.values), weights[:, 0]
        values = self._by_head(memory.values)
        shares = ops.cast(weights, values.dtype)
        contexts = ops.einsum("bkts,bskn->btkn", shares, values)
        batch, steps = ops.shape(queries)[:2]
        contexts = ops.reshape(contexts, (batch, steps, memory.values.shape[-1]))
        return contexts, ops.mean(weights, axis=1)

    def head_weights(self, queries: Tensor, memory: Memory) -> Any:
        """Returns each head's α, float32 (batch, heads, steps, source).

        Args:
            queries: (batch, steps, n_q).
            memory: what `memory` returned.
        """
        self._check_built()
        queries = ops.cast(queries, self.compute_dtype)
        if self.score in ("dot", "general") and self.heads == 1:
            keys = ops.transpose(memory.keys, (0, 2, 1))
            scores = ops.matmul(queries, keys)[:, None]
        elif self.score in ("dot", "general"):
            queries, keys = self._by_head(queries), self._by_head(memory.keys)
            scores = ops.einsum("btkn,bskn->bkts", queries, keys)
        else:
            kernel = (
                self.query_kernel
                if self.score == "additive"
                else self.kernel[: self.query_units]
            )
            queries = ops.matmul(queries, self._cast(kernel))
            sums = ops.tanh(queries[:, :, None] + memory.keys[:, None])
            scores = ops.einsum(
                "btskn,kn->bkts", self._by_head(sums), self._cast(self.v)
            )
        return masked_softmax(scores, memory.mask[:, None, None])

    def _by_head(self, tensor):
        """Returns (…, n) as (…, heads, n / heads)."""
        *places, size = ops.shape(tensor)
        return ops.reshape(tensor, (*places, self.heads, size // self.heads))

    def _cast(self, weight):
        # Outside of a call, Keras casts no weight by itself.
        return ops.cast(weight, self.compute_dtype)

    def _check_built(self):
        if not self.built:
            raise ValueError(
                f"'{self.name}' has no weights yet. Call it, or "
                "`build(queries_shape, values_shape)`, before its other methods."
            )

    def compute_output_shape(self, queries_shape: Any, values_shape: Any) -> Any:
        """Returns the shapes of the contexts and of α."""
        source, n_h = values_shape[1:]
        return (*queries_shape[:-1], n_h), (*queries_shape[:-1], source)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = {"score": self.score, "units": self.units, "heads": self.heads}
        return {**super().get_config(), **config}


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Any:
    """Returns the softmax over the last axis of what is not masked.

    Args:
        scores: a floating dtype, any shape.
        mask: bool, of a shape that fits: true where something counts.

    Returns:
        float32 (float64 of float64), the scores' shape: 0 where it is masked, and
        everywhere if all is.
    """
    scores = ops.cast(scores, keras.backend.result_type(scores.dtype, "float32"))
    with unobserved():  # -inf is meant
        lowest = ops.full_like(scores, -float("inf"))
        largest = ops.max(
            ops.where(mask, scores, lowest), axis=-1, keepdims=True, initial=-1e30
        )
    # Before the exponential too, whose gradient would be 0 · ∞ at what is masked.
    scores = ops.where(mask, scores - ops.stop_gradient(largest), 0)
    exponentials = ops.where(mask, ops.exp(scores), 0)
    return exponentials / ops.maximum(ops.sum(exponentials, -1, keepdims=True), 1e-30)
