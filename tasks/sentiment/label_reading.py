"""Columns that say which labels texts have: a column a label, true or false."""

from collections.abc import Sequence

import numpy as np

from tasks.data import builders as data
from tasks.errors import UserError

_TRUE = {"1", "true", "yes", "1.0"}
_FALSE = {"0", "false", "no", "0.0"}


def read(builder, split: str, text: str, columns: Sequence[str]) -> list[np.ndarray]:
    """Reads texts and their labels from a dataset.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        text: path of a string feature.
        columns: paths of bools, or of numbers that are 0 or 1.

    Returns:
        Texts, bytes objects (n,), and labels, float32 (n, columns), 0 or 1.

    Raises:
        UserError: there is no such split, or a column has other values.
    """
    texts, *values = data.read(builder, split, [text, *columns])
    for name, column in zip(columns, values, strict=True):
        wrong = np.flatnonzero(~np.isin(column, (0, 1)))
        if len(wrong):
            raise UserError(
                f"Column {name!r} of {builder.info.full_name}/{split} is "
                f"{column[wrong[0]]} in example {wrong[0]}: a label of several is true "
                "or false, 1 or 0."
            )
    return [texts, np.stack(values, axis=1).astype(np.float32)]


def chosen(builder, columns: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that a user chose, if they are some of a dataset's.

    Raises:
        UserError: one isn't there, is no truth value, or is there twice.
    """
    fits = data.is_bool, data.is_integer
    for name in columns:
        data.choose_column(builder, "label", name, *fits)
    return distinct(columns)


def distinct(columns: Sequence[str]) -> tuple[str, ...]:
    """Returns names of columns; a UserError is raised where one is there twice."""
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"--label-columns names {twice!r} twice.")
    return tuple(columns)


def truth(cell, line: int, column: str, path: str) -> float:
    """Returns whether a file's cell says that a text has a label, as 0 or 1.

    Raises:
        UserError: it says neither.
    """
    said = str(cell).strip().lower() if isinstance(cell, str | int | float) else None
    if said in _TRUE or said in _FALSE:
        return float(said in _TRUE)
    raise UserError(
        f"{path}, line {line:,}: {column!r} is {cell!r}: a label of several is 1 or 0, "
        "true or false."
    )


def placed(
    labels: np.ndarray,
    found: Sequence[str],
    class_names: Sequence[str] | None,
    source: str,
    known_by: str,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns labels in the order that a model has them, and the labels' names.

    Args:
        labels: (n, columns).
        found: what each column is called.
        class_names: the model's labels; None to take those that are found.
        source: what they are of, for messages.
        known_by: who knows `class_names`.

    Raises:
        UserError: there are others than those.
    """
    if class_names is None:
        return labels, tuple(found)
    if {*found} != {*class_names}:
        raise UserError(
            f"{source} has the labels {', '.join(found)}, but {known_by} knows "
            f"{', '.join(class_names)}. Name those with --label-columns."
        )
    order = [list(found).index(name) for name in class_names]
    return labels[:, order], tuple(class_names)
