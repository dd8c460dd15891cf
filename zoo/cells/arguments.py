"""The numbers that cells and layers are made with: sizes and rates."""

import inspect
import numbers
import operator
from typing import Any

import numpy as np


def whole(name: str, value: Any) -> int:
    """Returns a whole number as one of Python's, which Keras and its files take.

    Args:
        name: the argument's name.
        value: a whole number, of NumPy's for example.

    Raises:
        ValueError: it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, found {value!r}.") from None


def positive_integer(name: str, value: Any) -> int:
    """Returns a size as one of Python's numbers.

    Args:
        name: the argument's name.
        value: a whole number, of NumPy's for example.

    Raises:
        ValueError: it is no whole number, or below 1.
    """
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Found: {value!r}.")
    return int(value)


def check_rate(name: str, value: Any, most: str = "1)") -> None:
    """Raises a ValueError if a rate of dropout isn't from 0 to 1.

    Args:
        name: the argument's name.
        value: of any type.
        most: the range's end, "1)" without 1, "1]" with it.
    """
    fits = isinstance(value, numbers.Real) and 0 <= float(value) <= 1
    if not fits or (value == 1 and most == "1)"):
        raise ValueError(f"`{name}` must be in [0, {most}. Found: {value!r}.")


def checked(owner: type, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Returns a constructor's arguments for Keras, whose own takes any numbers.

    It makes a rate of 1.5 one of 1, and one below 0 none at all, without a word; of
    half a unit, or none, it complains when weights are made, if ever.

    Args:
        owner: a layer's or a cell's class, whose first base of Keras' takes them.
        args: by place, the constructor's own left out.
        kwargs: by name.

    Returns:
        The arguments by place, and those by name.

    Raises:
        ValueError: `units`, `dropout` or `recurrent_dropout` is not in its range.
    """
    namesake: Any = next(
        base for base in owner.__mro__ if base.__module__.startswith("keras.")
    )
    given = inspect.signature(namesake.__init__).bind_partial(None, *args, **kwargs)
    found = given.arguments
    if "units" in found:
        found["units"] = positive_integer("units", found["units"])
    for name in ("dropout", "recurrent_dropout"):
        if name in found:
            check_rate(name, found[name], "1]")  # all dropped, as Keras takes it
    return given.args[1:], given.kwargs
