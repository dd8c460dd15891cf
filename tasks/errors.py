"""What ends a command in one line on stderr. Knows nothing of TensorFlow."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What was wrong, what was found, and what to do. Ends with exit code 2."""


class TrainingError(RuntimeError):
    """A training that can't go on."""


def did_you_mean(
    kind: str, name: str, known: Iterable[str], compared: str | None = None
) -> str:
    """Returns "Unknown <kind> '<name>'. Did you mean '<nearest>'?".

    Args:
        kind: what it is a name of.
        name: what was given.
        known: the names that there are.
        compared: the part of `name` to compare, by default all of it.
    """
    known = list(known)
    near = difflib.get_close_matches(compared or name, known, n=1, cutoff=0.6)
    if near:
        return f"Unknown {kind} {name!r}. Did you mean {near[0]!r}?"
    listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"Unknown {kind} {name!r}. There are: {listed or 'none'}."
