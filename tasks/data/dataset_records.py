"""What a preset remembers of the datasets that it was trained on."""

from collections.abc import Sequence

# What may be another for each dataset.
_OF_EACH = ("_column", "test_split", "test_splits")


def together(parts: Sequence[dict]) -> dict:
    """Returns what a preset remembers of its datasets.

    Args:
        parts: what it would remember of each alone, the same names each; one at least.

    Returns:
        `dataset`, a list; of the others what all have alike, or else a list too.
    """
    found = {}
    for name in parts[0]:
        values = [part[name] for part in parts]
        alike = all(value == values[0] for value in values)
        found[name] = values[0] if alike and name != "dataset" else values
    return found


def apart(record: dict) -> list[dict]:
    """Returns what a preset remembers of each of its datasets, the reverse.

    Args:
        record: of a training. As older ones have it, `dataset` may be a string; a
            training on files has none.
    """
    names = record.get("dataset") or []
    if isinstance(names, str):
        names = [names]
    return [
        {key: _of(key, value, place, len(names)) for key, value in record.items()}
        | {"dataset": name}
        for place, name in enumerate(names)
    ]


def _of(key, value, place, count):
    """Returns what a value of a record is for one of the datasets."""
    several = isinstance(value, list) and len(value) == count > 1
    if key == "test_splits":  # which is a list for a single dataset, too
        several = several and isinstance(value[0], list)
    return value[place] if several and key.endswith(_OF_EACH) else value
