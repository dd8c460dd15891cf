"""Other names for what data call by names of their own: types, classes."""

from collections.abc import Iterable, Mapping, Sequence

from tasks.errors import UserError, did_you_mean


def parse(pairs: Sequence[str] | None) -> dict[str, str]:
    """Returns what `--map` says, from old names to new ones.

    Args:
        pairs: `OLD=NEW` each.

    Raises:
        UserError: a pair is none, or a name is renamed twice.
    """
    found = {}
    for pair in pairs or []:
        old, _, new = pair.partition("=")
        if not old or not new:
            raise UserError(f"--map takes OLD=NEW …, found {pair!r}.")
        if found.setdefault(old, new) != new:
            raise UserError(
                f"--map renames {old!r} twice, to {found[old]!r} and to {new!r}."
            )
    return found


def check(renamed: Mapping[str, str], found: Iterable[str], kind: str) -> None:
    """Raises a UserError where a name that is to be replaced is none of the data's.

    Args:
        renamed: from old names to new ones.
        found: the names that the data have.
        kind: of what, for the message.
    """
    found = sorted(set(found))
    for name in renamed:
        if name not in found:
            raise UserError(did_you_mean(kind, name, found))


def written(renamed: Mapping[str, str]) -> list[str]:
    """Returns new names as `--map` takes them."""
    return [f"{old}={new}" for old, new in renamed.items()]
