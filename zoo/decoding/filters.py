"""What is done to logits before a draw: each filter a function of its own.

All take logits, floating (batch, V), and return float32 (batch, V); what they rule out
becomes −∞. A number that they take is Python's or NumPy's, checked at once, or a
tensor, of shape () or (batch,), one for each row. A tensor's values can't be checked
where an exported graph is built: what a tensor does out of its range is said with each.

Compose them in the order of this file: forbidden ids and repetitions change what the
model says, temperature its sharpness, top-k and top-p cut off what is left.
"""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.decoding import parameters
from zoo.typing import Tensor


def forbid(logits: Tensor, ids: Sequence[int]) -> Any:
    """Rules ids out: what they would have got goes to the others, in proportion.

    That is the same as drawing again for as long as one of them is drawn.

    Args:
        logits: (batch, V).
        ids: whole numbers in [0, V), such as those of `<UNK>` and `<PAD>`.

    Raises:
        ValueError: an id is none of V, or there is no other left.
    """
    logits, ids = tf.cast(logits, tf.float32), list(ids)
    size = logits.shape[-1]
    wrong = sorted(i for i in ids if i < 0 or (size is not None and i >= size))
    if wrong:
        raise ValueError(f"Forbidden ids {wrong} are none of {size} in the logits.")
    if len(set(ids)) == size:
        raise ValueError(f"All {size} ids are forbidden: leave one to be drawn.")
    if not ids:
        return logits
    if size is not None:
        return tf.where(np.isin(np.arange(size), ids), -np.inf, logits)
    chosen = tf.one_hot(sorted(set(ids)), tf.shape(logits)[-1], True, False)
    return tf.where(tf.reduce_any(chosen, axis=0), -np.inf, logits)


def repetition_penalty(logits: Tensor, seen: Tensor, penalty: float) -> Any:
    """Makes what has occurred less likely (Keskar et al. 2019, CTRL, §4.1).

    ```
    z'_i = z_i / θ   where i has occurred and z_i > 0
         = z_i · θ   where i has occurred and z_i ≤ 0
    ```

    The paper divides always, which would make a negative z_i more likely. It is about
    logits as the model gives them: adding a constant to all changes the result.

    Args:
        logits: z, (batch, V).
        seen: bool (batch, V), true for what has occurred.
        penalty: θ, positive. 1 changes nothing; the paper's is 1.2.

    Raises:
        ValueError: a number is not positive.
    """
    logits = tf.cast(logits, tf.float32)
    if isinstance(penalty, numbers.Real) and not penalty > 0:
        raise ValueError(f"A repetition penalty must be positive, found {penalty}.")
    penalty = column(penalty)
    penalized = tf.where(logits > 0, logits / penalty, logits * penalty)
    return tf.where(seen, penalized, logits)


def occurring(ids: Tensor, size: int) -> Any:
    """Returns which ids occur in each row, bool (batch, V), for a repetition penalty.

    Args:
        ids: int (batch, steps), dense or ragged, in [0, V).
        size: V.
    """
    found = tf.math.bincount(
        ids, minlength=size, maxlength=size, axis=-1, binary_output=True
    )
    return tf.cast(found, tf.bool)


def temperature(logits: Tensor, value: Any) -> Any:
    """Makes a distribution sharper, or flatter.

    ```
    z' = (z - max z) / T, of which the softmax is that of z / T
    ```

    Args:
        logits: z, (batch, V).
        value: T. At 1 nothing changes. At 0, the limit, only the largest logit is left,
            of several equal ones the first: a draw is then greedy. At infinity, the
            other limit, all that isn't ruled out is alike. A tensor below 0 is taken
            as 0.

    Raises:
        ValueError: a number is negative.
    """
    check_temperature(value)
    logits = tf.cast(logits, tf.float32)
    if isinstance(value, numbers.Real):
        if value in (0, 1):
            return logits if value else _largest(logits)
        value = min(float(value), parameters.LARGEST)
    else:
        # Divided by infinity, what is ruled out would be no number.
        value = tf.minimum(column(value), parameters.LARGEST)
    # Without the largest, which would be infinite at the lowest of temperatures.
    shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
    warm = value > np.finfo(np.float32).tiny
    return tf.where(warm, shifted / tf.where(warm, value, 1.0), _largest(logits))


def top_k(logits: Tensor, k: Tensor | int) -> Any:
    """Leaves the k largest logits; of equal ones those that come first.

    Args:
        logits: (batch, V).
        k: None, 0, or for a tensor any number below 1, leaves all.

    Raises:
        ValueError: a number is negative, or has a fraction.
    """
    logits = tf.cast(logits, tf.float32)
    if k is not None and not isinstance(k, numbers.Real):
        k = column(k, tf.int32)
        _, ranks = _sorted(logits)
        return tf.where((ranks < k) | (k < 1), logits, -np.inf)
    parameters.check("top_k", k or 0, whole=True, least=0)
    if not k:
        return logits
    # Far less than sorting them all: 0.2 ms for 1.4 where V is 10 000.
    k = tf.minimum(tf.cast(k, tf.int32), tf.shape(logits)[-1])
    largest, ids = tf.math.top_k(logits, k)
    nothing = tf.fill(tf.shape(logits), np.float32(-np.inf))
    return tf.tensor_scatter_nd_update(nothing, _places(ids), largest)


def top_p(logits: Tensor, p: Tensor | float) -> Any:
    """Leaves the nucleus (Holtzman et al. 2020): the fewest ids that reach p.

    They are the most probable ones, of equal ones those that come first, as many as
    it takes for their probabilities to add up to p or more; one at least.

    Args:
        logits: (batch, V).
        p: in (0, 1]. None and 1, or for a tensor any number above, leave all; a
            tensor of 0 or less leaves one.

    Raises:
        ValueError: a number is not in (0, 1].
    """
    logits = tf.cast(logits, tf.float32)
    if isinstance(p, numbers.Real) and not 0 < float(p) <= 1:
        raise ValueError(f"top_p must lie in (0, 1], found {p}.")
    if p is None or (isinstance(p, numbers.Real) and p == 1):
        return logits
    p = column(p, tf.float64)
    ordered, ranks = _sorted(logits)
    # A sum of 100 000 small float32 would be off by more than they are.
    probabilities = tf.nn.softmax(tf.cast(ordered, tf.float64))
    before = tf.cumsum(probabilities, axis=-1, exclusive=True)
    count = tf.reduce_sum(tf.cast(before < p, tf.int32), axis=-1, keepdims=True)
    kept = (ranks < tf.maximum(count, 1)) | (p >= 1)
    return tf.where(kept, logits, -np.inf)


def check_temperature(value: Any) -> None:
    """Raises a ValueError if a temperature is a number, no tensor, and negative."""
    if isinstance(value, numbers.Real) and not float(value) >= 0:
        raise ValueError(f"A temperature must be 0 or more, found {value}.")


def column(value: Any, dtype: Any = tf.float32) -> Any:
    """Returns a number for all rows, (1,), or one for each, (batch, 1)."""
    return tf.cast(value, dtype)[..., None]


def _largest(logits):
    """Returns 0 for the first of the largest logits, −∞ for the others."""
    best = tf.argmax(logits, axis=-1)
    size = logits.shape[-1] or tf.shape(logits)[-1]
    return tf.one_hot(best, size, 0.0, -np.inf)


def _sorted(logits):
    """Returns the logits, the largest first, and each one's rank, from 0."""
    size = tf.shape(logits)[-1]
    ordered, ids = tf.math.top_k(logits, size)
    places = tf.broadcast_to(tf.range(size), tf.shape(ids))
    return ordered, tf.scatter_nd(_places(ids), places, tf.shape(ids))


def _places(ids):
    """Returns where `ids` (batch, k) are: indices (batch, k, 2) of rows and columns."""
    rows = tf.broadcast_to(tf.range(tf.shape(ids)[0])[:, None], tf.shape(ids))
    return tf.stack([rows, ids], axis=-1)
