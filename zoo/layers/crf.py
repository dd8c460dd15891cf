"""A linear-chain conditional random field: tags that depend on their neighbours."""

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import tags as tag_schemes
from zoo.kernels import chain, is_compiled_as_a_whole, unobserved
from zoo.layers import crf_outputs, masks
from zoo.layers.backend import require_tensorflow
from zoo.layers.precision import full_precision
from zoo.layers.shapes import DenseInputs, refuse_ragged
from zoo.layers.wrong_values import right_or_nan
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class CRF(DenseInputs):
    """A linear-chain conditional random field (Lafferty et al. 2001).

    ```
    score(x, y) = start[y<1>] + Σ_t x<t>[y<t>] + Σ_{t>1} transitions[y<t-1>, y<t>]
                  + end[y<T>]
    log P(y|x)  = score(x, y) − log Σ_y' exp score(x, y')
    ```

    x are the emissions, a score for each tag at each step, as the layers before give
    them (Lample et al. 2016); start, transitions and end are learned. A masked step is
    skipped: its neighbours are each other's. What a tag scheme forbids has the
    probability 0, in training as in decoding.

    As the last layer of a model it passes its emissions on, and with them itself, so
    that `CRFLoss`, `CRFAccuracy` and `CRFDecoder` need no argument:

    ```python
    tags = ["O", "B-LOC", "I-LOC"]
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(1000, 50, mask_zero=True)(tokens)
    x = zoo.layers.Bidirectional(zoo.layers.LSTM(50, return_sequences=True))(x)
    emissions = zoo.layers.CRF(tags, "iob2")(keras.layers.Dense(len(tags))(x))
    model = keras.Model(tokens, emissions)
    model.compile("adam", zoo.layers.CRFLoss(), metrics=[zoo.layers.CRFAccuracy()])
    model.fit(token_ids, tag_ids)

    tagger = keras.Model(tokens, zoo.layers.CRFDecoder()(emissions))
    best = tagger.predict(token_ids)
    ```

    Without a decoder: `crf.decode(model.predict(token_ids), mask=token_ids != 0)`.

    It computes in float32 at least, under mixed precision too, in O(T·K²) and without
    a Python loop.

    Args:
        tags: the names of the K tags in the order of their ids, or K.
        scheme: how the names tell entities, one of `zoo.tags.SCHEMES`, which says what
            may follow what; None or "plain" allows everything.
        initializer: of start, transitions and end; zeros by default.
        regularizer: of start, transitions and end.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        emissions: float (batch, steps, K), unnormalised: `Dense(K)` without activation.
        mask: bool (batch, steps), any pattern. By default the one that travels with
            the emissions.

    Returns:
        The emissions, float (batch, steps, K).

    Raises:
        ValueError: a name is twice among `tags`, or is no tag of the scheme; `tags`
            have no order; there is a scheme, but K instead of names; emissions have no
            score for each tag.
    """

    def __init__(
        self,
        tags: int | Iterable[str],
        scheme: str | None = None,
        initializer: str = "zeros",
        regularizer: Any = None,
        **kwargs: Any,
    ):
        require_tensorflow("CRF")
        kwargs["dtype"] = full_precision(kwargs.get("dtype"))
        super().__init__(**kwargs)
        self.supports_masking = True
        self.tags = _checked_tags(tags)
        self.scheme = scheme
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self._allowed = _constraints(self.tags, scheme)

    @property
    def size(self) -> int:
        """K, the number of tags."""
        return self.tags if isinstance(self.tags, int) else len(self.tags)

    def build(self, emissions_shape: Any) -> None:
        """Creates transitions (K, K), [from, to], start (K,) and end (K,)."""
        self._check_shape(emissions_shape)
        self.transitions = self._weight("transitions", self.size, self.size)
        self.start = self._weight("start", self.size)
        self.end = self._weight("end", self.size)

    def _weight(self, name, *shape):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.initializer,
            regularizer=self.regularizer,
            autocast=False,
        )

    def call(self, emissions: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the emissions, with which the layer and the mask can be found."""
        mask = masks.of_steps(self, mask, emissions)
        # A tensor of its own: what is attached must not stick to the one that came in.
        return crf_outputs.attach(tf.identity(emissions), self, mask)

    def compute_output_shape(self, emissions_shape: Any) -> Any:
        """Returns the shape of the emissions."""
        self._check_shape(emissions_shape)
        return emissions_shape

    def log_likelihood(
        self, emissions: Tensor, tags: Any, mask: Tensor | None = None
    ) -> tf.Tensor:
        """Returns log P(tags | emissions) in nats.

        Args:
            emissions: float (batch, steps, K).
            tags: int (batch, steps), ids in [0, K); anything where masked.
            mask: bool (batch, steps), or None where all steps are valid.

        Returns:
            float (batch,): -inf, without a gradient, where the scheme forbids the
            tags; 0 for a row without a valid step.

        Raises:
            ValueError: `tags` has another shape, as one-hot targets have.
            InvalidArgumentError: an id is not in [0, K) though its step is valid. (In
                what XLA compiles as a whole, by `jit_compile=True`, nothing is raised:
                there the result is NaN.)
        """
        emissions, mask = self._prepare(emissions, mask)
        ids = self.checked_targets(tags, mask, emissions)
        found = chain.log_likelihood(emissions, ids, mask, self.potentials())
        if not is_compiled_as_a_whole():
            return found
        # XLA leaves the check of ids out.
        tags = _of_steps(tf.convert_to_tensor(tags), emissions)
        are_tags = tf.reduce_all(self._are_tags(tags, mask), axis=1)
        return right_or_nan(found, are_tags)

    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> tf.Tensor:
        """Returns the likeliest tags, by the Viterbi algorithm.

        Args:
            emissions: float (batch, steps, K).
            mask: bool (batch, steps), or None where all steps are valid.

        Returns:
            int32 (batch, steps), 0 where masked.
        """
        emissions, mask = self._prepare(emissions, mask)
        return chain.viterbi(emissions, mask, self.potentials())

    def marginals(self, emissions: Tensor, mask: Tensor | None = None) -> tf.Tensor:
        """Returns the probability of each tag at each step, P(y<t> | emissions).

        Args:
            emissions: float (batch, steps, K).
            mask: bool (batch, steps), or None where all steps are valid.

        Returns:
            float (batch, steps, K), zeros where masked.
        """
        emissions, mask = self._prepare(emissions, mask)
        return chain.marginals(emissions, mask, self.potentials())

    def n_best(
        self, emissions: Tensor, n: int, mask: Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the n likeliest sequences of tags, the best first.

        Args:
            emissions: float (batch, steps, K).
            n: how many.
            mask: bool (batch, steps), or None where all steps are valid.

        Returns:
            The tags, int32 (batch, n, steps), 0 where masked; and the log of each
            sequence's probability, float (batch, n). Where a row has fewer than n
            sequences that are allowed, the rest are zeros and -inf.

        Raises:
            ValueError: n is below 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, found {n}.")
        emissions, mask = self._prepare(emissions, mask)
        return chain.n_best(emissions, mask, self.potentials(), n=operator.index(n))

    def forbidden(self, tags: Any, mask: Tensor | None = None) -> tf.Tensor:
        """Says which sequences the scheme forbids: their loss is infinite.

        For data to be checked before they are trained on.

        Args:
            tags: int (batch, steps), ids in [0, K); anything where masked.
            mask: bool (batch, steps), or None where all steps are valid.

        Returns:
            bool (batch,).

        Raises:
            InvalidArgumentError: an id is not in [0, K) though its step is valid.
        """
        tags = self.checked_targets(tags, mask)
        mask = masks.of_steps(self, mask, tags)
        emissions = tf.zeros(tf.concat([tf.shape(tags), [self.size]], axis=0))
        shapes = (self.size, self.size), (self.size,), (self.size,)
        potentials = self._constrained(*(tf.zeros(shape) for shape in shapes))
        return chain.path_score(emissions, tags, mask, potentials) < 0

    def potentials(self) -> chain.Potentials:
        """Returns transitions (K, K), start and end (K,): -inf where forbidden."""
        if not self.built:
            self.build((None, None, self.size))
        weights = self.transitions, self.start, self.end
        return self._constrained(*map(tf.convert_to_tensor, weights))

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "tags": self.tags if isinstance(self.tags, int) else list(self.tags),
            "scheme": self.scheme,
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }

    def _constrained(self, transitions, start, end):
        """Returns potentials of these scores, -inf where forbidden."""
        scores = chain.Potentials(transitions, start, end)
        if self._allowed is None:
            return scores
        with unobserved():
            return chain.Potentials(
                *(
                    tf.where(allowed, score, tf.constant(-np.inf, score.dtype))
                    for allowed, score in zip(self._allowed, scores, strict=True)
                )
            )

    def _prepare(self, emissions, mask):
        """Returns emissions and mask as the chain takes them."""
        emissions = tf.cast(emissions, self.compute_dtype)
        self._check_shape(emissions.shape)
        return emissions, masks.of_steps(self, mask, emissions)

    def _check_shape(self, shape):
        if len(shape) != 3 or shape[-1] not in (None, self.size):
            raise ValueError(
                f"A CRF of {self.size} tags takes emissions of shape (batch, steps, "
                f"{self.size}), a score for each tag, found {tuple(shape)}. Put "
                f"Dense({self.size}), without activation, before it."
            )

    def checked_targets(
        self, tags: Any, mask: Tensor | None = None, emissions: Tensor | None = None
    ) -> tf.Tensor:
        """Returns targets that are tags wherever they count.

        Args:
            tags: whole numbers (batch, steps) or (batch, steps, 1), of any dtype; ids
                in [0, K), anything where masked.
            mask: bool (batch, steps), or None where all steps are valid.
            emissions: what the targets are for, (batch, steps, K), if there are any.

        Returns:
            int32 (batch, steps).

        Raises:
            ValueError: `tags` has another shape.
            InvalidArgumentError: the same, of a shape that is known only when a graph
                runs; or an id is not in [0, K) though its step is valid.
        """
        refuse_ragged(self, tags)
        tags = _of_steps(tf.convert_to_tensor(tags), emissions)
        valid = self._are_tags(tags, mask)
        problem = (
            f"Targets must be whole numbers in [0, {self.size}) where the mask is "
            "true. Mask steps that have no tag. Found among them:"
        )
        strange = tf.boolean_mask(tags, ~valid)
        check = tf.debugging.Assert(tf.reduce_all(valid), [problem, strange])
        # Before the look-up, which would complain of a place in a flattened table.
        with tf.control_dependencies([check]):
            return tf.cast(tags, tf.int32)

    def _are_tags(self, tags, mask):
        """Says of each target whether it is a tag, or masked: bool (batch, steps)."""
        mask = masks.of_steps(self, mask, tags)
        valid = (tags >= 0) & (tags < self.size)
        if tags.dtype.is_floating:
            valid &= tags == tf.round(tags)
        return valid if mask is None else valid | ~mask


def _of_steps(tags, emissions):
    """Returns targets (batch, steps), of those or of (batch, steps, 1)."""
    problem = (
        "Targets must be ids of tags, (batch, steps) or (batch, steps, 1), one for "
        "each step of the emissions. Of one-hot targets, np.argmax(targets, axis=-1) "
        "makes ids. Found a shape of "
    )
    rank, steps = tags.shape.rank, [None, None]
    if emissions is not None:
        steps = emissions.shape[:2]
    known = [[*steps], [*steps, 1]]
    if not any(tags.shape.is_compatible_with(shape) for shape in known):
        raise ValueError(f"{problem}{tuple(tags.shape)}.")
    if emissions is None:
        if rank is None:
            raise ValueError(f"{problem}unknown rank.")
        wanted = tf.shape(tags)[:2]
    else:
        wanted = tf.shape(emissions)[:2]
    found = tf.shape(tags)
    # Ids in a column, or not: the shapes are equal when the last 1 is dropped.
    same = tf.size(tags) == tf.reduce_prod(wanted)
    same &= tf.reduce_all(tf.equal(found[:2], wanted)) if rank else same
    check = tf.debugging.Assert(same, [problem, found])
    with tf.control_dependencies([check]):
        tags = tf.reshape(tags, wanted)
    return tf.ensure_shape(tags, steps)


def _checked_tags(tags):
    """Returns K, or the names as a tuple."""
    if isinstance(tags, str | set | frozenset | Mapping):
        raise ValueError(
            "`tags` are names in the order of their ids, a list of them, or their "
            f"number. Found: {tags!r}."
        )
    if isinstance(tags, Iterable) and getattr(tags, "shape", None) != ():
        tags = tuple(str(tag) if isinstance(tag, str) else tag for tag in tags)
        twice = [name for name in dict.fromkeys(tags) if tags.count(name) > 1]
        if twice:
            raise ValueError(f"Tags must differ, found {twice[0]!r} more than once.")
        size = len(tags)
    else:
        size = tags = operator.index(tags)
    if size < 1:
        raise ValueError(f"A CRF needs one tag at least, found {tags!r}.")
    return tags


def _constraints(tags, scheme):
    """Returns what is allowed, as `chain.Potentials` of bool, or None for all."""
    if scheme in (None, "plain"):
        return None
    if isinstance(tags, int):
        raise ValueError(
            f"The scheme {scheme!r} says which tags may follow which, by their names: "
            f"give the {tags} names as `tags`, not their number."
        )
    allowed = tag_schemes.constraints(tags, scheme)
    return chain.Potentials(allowed.transitions, allowed.start, allowed.end)
