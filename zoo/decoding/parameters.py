"""Numbers that sampling or a search takes: one for all rows, or one for each.

A batch may hold the requests of several users, and TensorFlow Serving's row format
gives each row numbers of its own: so every number is a scalar, or of shape (1,), or
(batch,). Which one it is, and whether it is in its range, an exported graph learns when
it runs; what is wrong is said by a sentence there too.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.typing import Tensor

# The largest finite number of what a graph takes as float32.
LARGEST = float(np.finfo(np.float32).max)
_LARGEST_WHOLE = int(np.iinfo(np.int32).max)


def per_row(
    name: str, value: Any, rows: Tensor, dtype: Any = None, **limits: Any
) -> tf.Tensor:
    """Returns a number for each row, in a graph or not.

    Args:
        name: see `one_or_per_row`, as for all else.
        value: see there.
        rows: see there.
        dtype: see there.
        **limits: see there.

    Returns:
        (batch,).

    Raises:
        tf.errors.InvalidArgumentError: the value has another shape, or is out of its
            range; NaN is in none.
    """
    value = one_or_per_row(name, value, rows, dtype, **limits)
    # Not by broadcasting: where a graph's shapes are known when it is made, TensorFlow
    # would tell a wrong one before the sentence does.
    return tf.gather(value, tf.where(tf.size(value) == 1, 0, tf.range(rows)))


def one_or_per_row(
    name: str,
    value: Any,
    rows: Tensor,
    dtype: Any = None,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> tf.Tensor:
    """Returns one number, or one for each row, in a graph or not.

    Args:
        name: what the number is called, for the errors.
        value: a number, or a tensor of shape (), (1,) or (batch,). Its rank need not
            be known when a graph is made.
        rows: batch, int or int32 scalar.
        dtype: of the result; by default the value's own.
        least: the least that the number may be.
        most: the most.
        above: what it must be above.

    Returns:
        (1,) or (batch,).

    Raises:
        tf.errors.InvalidArgumentError: the value has another shape, or is out of its
            range; NaN is in none.
    """
    value = tf.convert_to_tensor(value)
    fits = (tf.rank(value) == 0) | (
        (tf.rank(value) == 1) & ((tf.size(value) == 1) | (tf.size(value) == rows))
    )
    value = checked(
        value,
        fits,
        f"`{name}` must be one number, or one for each of {{}} rows: found the shape "
        "{}.",
        rows,
        tf.shape(value),
    )
    value = tf.reshape(value, [-1])
    asked = _asked(least, most, above)
    if asked:
        value = checked(
            value,
            _is_within(value, least, most, above),
            f"`{name}` must be {asked}, found {{}}.",
            value,
        )
    return value if dtype is None else tf.cast(value, dtype)


def check(
    name: str,
    value: Any,
    *,
    whole: bool = False,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> None:
    """Raises an error if what is known here is no number, or out of its range.

    Args:
        name: what the number is called.
        value: a number, or an array of numbers; of a graph's tensor nothing is known.
        whole: whether it must have no fraction, and be an int32 unless `most` says
            otherwise.
        least: see `per_row`, as for `most` and `above`.
        most: see there.
        above: see there.

    Raises:
        TypeError: it is no number: text, for example, or None.
        ValueError: it is out of its range, or has a fraction.
    """
    if tf.is_tensor(value):
        if not hasattr(value, "numpy"):
            return
        value = value.numpy()
    numbers = np.asarray(value)
    if numbers.dtype == np.float16:  # which can't be compared with large ones
        numbers = numbers.astype(np.float32)
    if numbers.dtype.kind not in "biuf":  # a number too long for NumPy is an object
        for each in numbers.ravel().tolist():
            if not isinstance(each, int | float):
                raise TypeError(f"`{name}` must be numbers, found {each!r}.")
    wrong = ~_is_within(numbers, least, most, above)
    if whole and not np.any(wrong):
        with np.errstate(invalid="ignore"):  # what remains of infinity is NaN
            broken = numbers % 1 != 0
        if np.any(broken):
            found = numbers[broken].ravel()[0]
            raise ValueError(f"`{name}` must be a whole number, found {found}.")
    largest = _LARGEST_WHOLE if most is None else most
    # Python compares exactly; to NumPy 2.0**63 is no more than the largest int64.
    if whole and any(number > largest for number in numbers.ravel().tolist()):
        raise ValueError(f"`{name}` must be at most {largest}, found {numbers.max()}.")
    if np.any(wrong):
        found = numbers[wrong].ravel()[0]
        raise ValueError(
            f"`{name}` must be {_asked(least, most, above)}, found {found}."
        )


def known(value: Any, dtype: Any) -> tf.Tensor:
    """Returns what `check` let pass as a tensor: 3.0 is a whole number too.

    Args:
        value: a number, or an array of numbers; no tensor of a graph.
        dtype: of the result.
    """
    return tf.cast(np.asarray(value), dtype)


def checked(tensor: Tensor, condition: Tensor, sentence: str, *found: Any) -> tf.Tensor:
    """Returns a tensor if a condition holds; else a sentence is raised.

    What is made of the result depends on the check, however a graph is run.

    Args:
        tensor: what is returned.
        condition: bool, of any shape: all must be true.
        sentence: with `{}` for each of `found`.
        *found: tensors.

    Raises:
        tf.errors.InvalidArgumentError: the condition does not hold.
    """
    message = tf.strings.format(sentence, list(found)) if found else sentence
    assertion = tf.debugging.Assert(tf.reduce_all(condition), [message])
    with tf.control_dependencies([] if assertion is None else [assertion]):
        return tf.identity(tensor)


def _is_within(value, least, most, above):
    """Returns which values are in a range, bool; NaN never is."""
    within = value == value  # NaN is not
    if least is not None:
        within &= value >= least
    if most is not None:
        within &= value <= most
    if above is not None:
        within &= value > above
    return within


def _asked(least, most, above):
    """Returns a range in words."""
    words = []
    if above is not None:
        words.append(f"above {above}")
    if least is not None and most in (None, LARGEST):
        words.append(f"{least} or more")
    elif least is not None:
        words.append(f"from {least} to {most}")
    elif most not in (None, LARGEST):
        words.append(f"at most {most}")
    if most == LARGEST:
        words.append("finite")
    return " and ".join(words)
