"""Seeds of draws: one for all rows or one for each, given or new.

A seed is an integer. Of one seed for all rows, each row's draws hang on its place: of
equal rows they differ. Of a seed for each row, a row's draws are what they would be if
it were alone with its seed: a server may put it into any batch.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from zoo.decoding import parameters
from zoo.typing import Tensor


def new_seed() -> int:
    """Returns an unpredictable seed, from 0 to 2³² - 1.

    Its caller can report it, so that others may draw the same again. It doesn't depend
    on Python's, NumPy's or TensorFlow's own seeds, nor change them.
    """
    return secrets.randbelow(2**32)


def given(seed: Any) -> tf.Tensor:
    """Returns a caller's seed, or a new one where it is None, int64.

    Args:
        seed: a whole number, or several, one for each row; or None.

    Raises:
        TypeError: it is no number.
        ValueError: it has a fraction, or is beyond int64.
    """
    seed = new_seed() if seed is None else seed
    limits = {"least": tf.int64.min, "most": tf.int64.max}
    parameters.check("seed", seed, whole=True, **limits)
    return parameters.known(seed, tf.int64)


def new_where_negative(seeds: Tensor) -> tf.Tensor:
    """Returns seeds of which those below 0 are new ones at each call, in a graph too.

    Args:
        seeds: int64, of any shape.
    """

    def draw():
        # With these two at 0 the operation takes its own from the system, whatever
        # TensorFlow's global seed was when the graph was made.
        return tf.raw_ops.RandomUniformInt(
            shape=tf.shape(seeds),
            minval=tf.constant(0, tf.int64),
            maxval=tf.constant(tf.int64.max, tf.int64),
            seed=0,
            seed2=0,
        )

    is_new = seeds < 0
    new = tf.cond(tf.reduce_any(is_new), draw, lambda: tf.identity(seeds))
    return tf.where(is_new, new, seeds)


def as_pairs(seeds: Tensor) -> tf.Tensor:
    """Returns seeds as `zoo.decoding.Generator` takes them for each row.

    Args:
        seeds: int64, () or (n,).

    Returns:
        int64 (2,), or (n, 2).
    """
    return tf.stack([tf.zeros_like(seeds), seeds], axis=-1)


def fold_in(seeds: Tensor, number: int) -> tf.Tensor:
    """Returns other seeds, that depend on a number.

    Args:
        seeds: int (2,), of all rows; or (n, 2), where n is 1 or as many as rows.
        number: int64 scalar.

    Returns:
        int64, of the same shape.
    """
    return folding(seeds)(number)


def folding(seeds: Tensor) -> Callable:
    """Returns `fold_in` as a function of the number, for a loop over many numbers.

    What doesn't depend on the number is drawn here, once.

    Args:
        seeds: see `fold_in`.
    """

    def first(seed):
        return tf.bitcast(_bits([], seed), tf.int64)

    seeds = tf.convert_to_tensor(seeds)
    if seeds.shape.rank == 1:
        firsts = first(seeds)
    else:
        firsts = _for_each(seeds, tf.int64, first, lambda seed: first(seed)[None])
    nothing = tf.zeros_like(firsts)
    return lambda number: tf.stack([firsts, nothing + number], axis=-1)


def uniform(shape: Sequence[int] | Tensor, seeds: Tensor) -> tf.Tensor:
    """Draws from [0, 1), float64, the same on every device and under XLA.

    TensorFlow's own floats differ under XLA, its bits don't. The first rows are the
    same whatever the number of rows.

    Args:
        shape: int32 (rank,): rows, and what each row draws.
        seeds: int (2,), of all rows; or (n, 2), where n is 1, or as many as rows and
            each row draws as if it were the only one.
    """
    seeds = tf.convert_to_tensor(seeds)
    if seeds.shape.rank == 1:
        drawn = _bits(shape, seeds)
    else:
        drawn = _for_each(
            seeds,
            tf.uint64,
            lambda seed: _bits(shape[1:], seed),
            lambda seed: _bits(shape, seed),
        )
    # 52 bits: with 53 a product could be rounded up to the whole.
    drawn = tf.bitwise.right_shift(drawn, tf.constant(12, tf.uint64))
    return tf.cast(drawn, tf.float64) * 2.0**-52


def _bits(shape, seed):
    """Returns random bits, uint64, of a seed, (2,): by Philox, so that XLA's are equal.

    They are those of `tf.random.stateless_uniform`, which takes more operations: a loop
    that draws pays for them at each step.
    """
    scrambled = _philox([2], [_SCRAMBLING], tf.cast(seed, tf.uint64))
    counter = scrambled * tf.constant([0, 1], tf.uint64)
    return _philox(shape, scrambled[:1], counter)


def _philox(shape, key, counter):
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape,
        key=tf.convert_to_tensor(key, tf.uint64),
        counter=counter,
        alg=tf.random.Algorithm.PHILOX.value,
        dtype=tf.uint64,
    )


# The key under which TensorFlow scrambles a seed, to a key and a counter.
_SCRAMBLING = 0x02461E293EC8F720


def _for_each(seeds, dtype, function, of_all):
    """Calls a function for the seed of each row, (n, 2), or another where n is 1."""
    return tf.cond(
        tf.shape(seeds)[0] == 1,
        lambda: of_all(seeds[0]),
        lambda: tf.map_fn(function, seeds, fn_output_signature=dtype),
    )
