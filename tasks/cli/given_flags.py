"""Which flags a command line gives, told from the arguments, not from what they hold.

A flag's default is the same value as that value given.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tasks.errors import UserError


def check_sources(config: Any, argv: Sequence[str]) -> None:
    """Raises a UserError where a dataset, or a part of one, is given beside files."""
    own = config.OWN_FILES
    if own is None or not getattr(config, own):
        return
    given = names(config, argv)
    for name in config.OF_DATASETS:
        if name in given:
            raise UserError(
                f"Give {_flag(own)}, your own data, or {_flag(name)}, which is of a "
                "dataset, not both."
            )


def names(config: Any, argv: Sequence[str]) -> set[str]:
    """Returns the names of a config's fields that the arguments give."""
    flags = {argument.partition("=")[0] for argument in argv}
    fields = (field.name for field in dataclasses.fields(config))
    return {n for n in fields if {_flag(n), _flag(f"no_{n}")} & flags}


def without(argv: Sequence[str], flag: str) -> list[str]:
    """Returns arguments without a flag and its value."""
    kept: list[str] = []
    skipped = False
    for argument in argv:
        if skipped or argument == flag or argument.startswith(f"{flag}="):
            skipped = not skipped and argument == flag
            continue
        kept.append(argument)
    return kept


def _flag(name):
    return "--" + name.replace("_", "-")
