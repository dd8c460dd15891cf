"""Errors of the zoo. Knows nothing of TensorFlow, so that catching costs nothing."""

import difflib
import re
from collections.abc import Iterable

# From this likeness on (difflib's ratio) a name is a slip of the keyboard; below it,
# one that begins like the name asked for is the likelier.
_SLIP, _ALIKE = 0.8, 0.6


class PresetError(ValueError):
    """A preset that can't be found, or is damaged."""


class MidiError(ValueError):
    """A MIDI file that can't be read, or made a piano roll."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Returns the known names that one may have meant, at most three, the best first.

    Args:
        name: what was given.
        known: the names that there are.
    """
    known = list(dict.fromkeys(known))
    plain = {other: _plain(other) for other in known}
    wanted = _plain(name)
    slips = difflib.get_close_matches(name, known, n=1, cutoff=_SLIP)
    if wanted:
        same = [other for other in known if plain[other] == wanted]
        begin = [other for other in known if plain[other].startswith(wanted)]
        hold = [other for other in known if wanted in plain[other]]
        ends = [o for o in known if plain[o] and wanted.startswith(plain[o])]
    else:
        same = begin = hold = ends = []
    # A letter or two begin too much.
    if len(wanted) < 3:
        begin = hold = ends = []
    alike = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
    by_length = sorted(begin, key=len), sorted(hold, key=len)
    for found in (same, slips, *by_length, alike, sorted(ends, key=len)[-1:]):
        if found:
            return found[:3]
    return []


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
    near = [repr(other) for other in nearest(compared or name, known)]
    if near:
        *others, last = near
        listed = f"{', '.join(others)} or {last}" if others else last
        return f"Unknown {kind} {name!r}. Did you mean {listed}?"
    listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"Unknown {kind} {name!r}. There are: {listed or 'none'}."


def _plain(name):
    """Returns a name without what is easily written otherwise: case, `-`, `_`."""
    return re.sub(r"[\W_]+", "", name.casefold())
