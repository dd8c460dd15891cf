"""Libraries that not every installation has, missed before there is work."""

import importlib.util

from tasks.errors import UserError

# What an extra's libraries need beside `pip install`.
_NOTES = {"seqeval": " (an old pip needs --use-pep517)"}


def require(library: str, extra: str, purpose: str) -> None:
    """Raises a UserError where a library of an extra is not installed.

    Args:
        library: what is imported.
        extra: the extra of pyproject.toml that installs it.
        purpose: what needs it, the beginning of a sentence.
    """
    if importlib.util.find_spec(library) is None:
        raise UserError(
            f"{purpose} needs {library}, of the extra {extra!r}: pip install {library}"
            f"{_NOTES.get(library, '')}."
        )
