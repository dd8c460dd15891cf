"""Labels as a dataset has them, made the classes of a classifier."""

import re
from collections.abc import Sequence

import numpy as np

from tasks.data import builders as data
from tasks.errors import UserError

# What `--label-column` takes, for messages.
ACCEPTED = (
    "A label is a class (a ClassLabel, a string or a bool) or a rating (a whole "
    "number), one for each text"
)
_MOST_RATINGS = 20
# So many different strings are classes in any case, and never more than so many.
_FEW_NAMES, _MOST_NAMES = 20, 1000
# So many classes a message lists, and so many characters of each.
_MOST_SHOWN, _SHOWN = 200, 100
_OTHER = "Choose another with --label-column."


def classes(
    values: np.ndarray,
    feature,
    source: str,
    column: str,
    any_number: bool = False,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the classes that labels name, and each label's place among them.

    Args:
        values: (n,), the labels: class ids, none of them -1; whole numbers, floats,
            bools, or bytes objects in UTF-8.
        feature: the TFDS feature that they are of.
        source: the data set's full name and the split, for messages.
        column: the feature's path, for messages.
        any_number: whether there may be any number of different ones, as where the
            classes are known: of many a few examples hold most, or one.

    Returns:
        The classes' names and int (n,). A `ClassLabel` has its own names in its own
        order; ratings, floats that are whole numbers among them, are in the order of
        numbers; bools are `False` and `True`; strings are in the order of code points.

    Raises:
        UserError: a label is empty, NaN or a fraction; or there are too few or too many
            different ones to be classes, unless any number may be.
    """
    where = f"Column {column!r} of {source}"
    if data.is_class(feature) and feature.names:
        return tuple(feature.names), values
    if data.is_text(feature):
        return _names(values, where, any_number)
    if values.dtype == bool:
        return ("False", "True"), values.astype(np.int64)
    return _ratings(_whole(values, where), where, any_number)


def listed(names: Sequence[str]) -> str:
    """Returns names as a message lists them: of very many the first ones."""
    shown = [name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…" for name in names]
    more = ["…"] if len(names) > _MOST_SHOWN else []
    return ", ".join([*shown[:_MOST_SHOWN], *more])


def is_hidden(values: np.ndarray, feature) -> bool:
    """Says whether one of a split's labels isn't told: -1, an empty string or NaN."""
    if data.is_text(feature):
        return any(not value.strip() for value in values)
    if data.is_class(feature):
        return bool(values.min() < 0)
    return bool(values.dtype.kind == "f" and np.isnan(values).any())


def alike(names: tuple[str, ...]) -> list[list[str]]:
    """Returns the groups of names that differ in case or in white space alone.

    Or in how a number is written: "1" and "1.0".
    """
    groups = {}
    for name in names:
        plain = " ".join(name.casefold().split())
        is_number = re.fullmatch(r"[-+]?\d{1,15}(\.\d{1,15})?", plain, re.ASCII)
        groups.setdefault(float(plain) if is_number else plain, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _names(values, where, any_number):
    texts = [value.decode("utf-8", "replace") for value in values]
    empty = next((place for place, text in enumerate(texts) if not text.strip()), None)
    if empty is not None:
        raise UserError(
            f"{where} is empty in example {empty}: every text needs a class. Give it "
            f"one, or leave it out. {_OTHER}"
        )
    return named(texts, where, any_number=any_number)


def named(
    labels: Sequence[str],
    where: str,
    numbers: bool = False,
    any_number: bool = False,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the classes that strings name, and each string's place among them.

    Args:
        labels: the strings.
        where: what they are of, the beginning of a sentence, for messages.
        numbers: whether strings that are all whole numbers are in the numbers' order.
        any_number: whether there may be any number of different ones: see `classes`.

    Returns:
        The classes' names, in the order of code points, and int (n,).

    Raises:
        UserError: there are too many different ones to be classes.
    """
    names = sorted(set(labels))
    # Classes come again and again; free texts hardly do.
    most = min(_MOST_NAMES, max(_FEW_NAMES, len(labels) // 2))
    if len(names) > most and not any_number:
        raise UserError(
            f"{where} holds {len(names):,} different strings in {len(labels):,} "
            f"examples: they are no classes. {_OTHER}"
        )
    if numbers and all(re.fullmatch("-?[0-9]{1,18}", name) for name in names):
        names.sort(key=int)
    places = {name: place for place, name in enumerate(names)}
    return tuple(names), np.array([places[label] for label in labels])


def _whole(values, where):
    """Returns numbers as whole ones."""
    if values.dtype.kind != "f":
        return values
    wrong = np.flatnonzero(~(np.isfinite(values) & (values == np.round(values))))
    if len(wrong):
        raise UserError(
            f"{where} is {values[wrong[0]]:g} in example {wrong[0]}, which is no whole "
            f"number. {ACCEPTED}. {_OTHER}"
        )
    return np.array([int(value) for value in values], object)


def _ratings(values, where, any_number):
    ratings, labels = np.unique(values, return_inverse=True)
    if not (any_number or 2 <= len(ratings) <= _MOST_RATINGS):
        raise UserError(
            f"{where} holds {len(ratings):,} different numbers; a rating has 2 to "
            f"{_MOST_RATINGS}. {_OTHER}"
        )
    return tuple(str(rating) for rating in ratings), labels
