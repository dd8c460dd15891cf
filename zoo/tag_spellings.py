"""Tags of entities in other spellings than those of `zoo.tags`, and what is meant.

Files write `B-PER` as `b-PER`, `PER-B`, `B_PER`, `B:PER` too, and in BILOU, or BMEWO,
`L-PER` or `U-PER` for IOBES' `E-PER` and `S-PER`. Where all tags of a data set are in
one such spelling, it is beyond doubt what they mean.
"""

import re
from collections.abc import Iterable

from zoo.tags import OUTSIDE, is_tag

# The letters of other schemes, and those of IOBES.
_LETTERS = {**dict(zip("BIES", "BIES", strict=True)), "L": "E", "U": "S"}
_LETTERS |= {"M": "I", "W": "S"}
# The dashes are those that word processors make of a hyphen.
_SEPARATORS = "-_:./|+ \u2010\u2011\u2012\u2013\u2014\u2212"
_OUTSIDE_LETTERS, _OUTSIDE_SIGNS = ("O", "o"), ("0", "_", "-", "*")
_WRAPPING = " ,;\"'`()[]{}“”‘’"
_SEVERAL = re.compile(r"[|,;+&/ ][BIES]-")
_SHOWN = 3


def respelled(names: Iterable[str]) -> dict[str, str]:
    """Returns the tags that are spelled otherwise, each as `zoo.tags` spells it.

    The letter in front is in upper case then, and a type as it was found.

    Args:
        names: all tags of a data set.

    Returns:
        No tags, where all are spelled as they should be, or are no tags of entities.

    Raises:
        ValueError: they are tags of entities, as far as one can see, but it isn't
            certain which: two spellings are mixed, a tag holds several, or a comma or
            quotation mark has remained.
    """
    names = set(names)
    found = _in_one_spelling(names)
    if found is None:
        found = {}
        _check_unmixed(names)
    _check_labels({found.get(name, name): name for name in names})
    return {name: tag for name, tag in found.items() if name != tag}


def are_entities(names: Iterable[str]) -> bool:
    """Says whether tags are those of entities, in any spelling, and not all outside."""
    names = set(names)
    found = _in_one_spelling(names)
    return found is not None and not set(found.values()) <= {OUTSIDE}


def meant(name: str) -> str | None:
    """Returns the tag that one in any spelling may mean; None if it may mean none."""
    name = name.strip(_WRAPPING)
    if name in _OUTSIDE_LETTERS:
        return OUTSIDE
    for is_first in (True, False):
        for separator in _SEPARATORS:
            parsed = _parsed(name, is_first, separator)
            if parsed:
                letter, label = parsed
                return f"{_LETTERS[letter]}-{label}"
    return None


def _in_one_spelling(names):
    """Returns each name's tag where all are spelled alike, else None."""
    for is_first in (True, False):
        for separator in _SEPARATORS:
            parsed = {name: _parsed(name, is_first, separator) for name in names}
            outside = {name for name in names if parsed[name] is None}
            tags = [tag for tag in parsed.values() if tag is not None]
            if tags and _is_outside(outside) and _is_one_scheme(tags, outside):
                return {
                    name: f"{_LETTERS[tag[0]]}-{tag[1]}" if tag else OUTSIDE
                    for name, tag in parsed.items()
                }
    return None


def _parsed(name, is_first, separator):
    """Returns a tag's letter, in upper case, and its type; None if it has none."""
    if is_first:
        letter, _, label = name.partition(separator)
    else:
        label, _, letter = name.rpartition(separator)
    letter = letter.upper()
    return (
        (letter, label) if len(letter) == 1 and letter in _LETTERS and label else None
    )


def _is_outside(names):
    return names <= set(_OUTSIDE_LETTERS) or (
        len(names) == 1 and names <= set(_OUTSIDE_SIGNS)
    )


def _is_one_scheme(tags, outside):
    letters = {letter for letter, _ in tags}
    for letter, same in _LETTERS.items():
        if letter != same and {letter, same} <= letters:
            return False
    if outside:
        return True
    # Without an O it might be chance, were it not for two tags of a type.
    inside = {label for letter, label in tags if _LETTERS[letter] in "IE"}
    return any(letter == "B" and label in inside for letter, label in tags)


def _check_unmixed(names):
    """Raises a ValueError where some names may be tags of entities, but not all."""
    strange = {name: meant(name) for name in names if not is_tag(name)}
    likely = {name: tag for name, tag in strange.items() if tag}
    known = names & {OUTSIDE} or any(map(is_tag, names))
    if not (known and likely):
        return
    listed = ", ".join(f"{name!r} for {likely[name]!r}" for name in _first(likely))
    raise ValueError(
        "the tags are spelled in several ways, or are of several kinds. Is it "
        f"{listed}? Tags of entities are O, B-X, I-X, E-X or S-X throughout."
    )


def _check_labels(spelled):
    """Raises a ValueError where a tag of an entity has more than a type behind it.

    Args:
        spelled: the names as they were found, by the tag that each is.
    """
    wrong = [
        name
        for tag, name in spelled.items()
        if is_tag(tag)
        and tag != OUTSIDE
        and (tag != tag.strip(_WRAPPING) or _SEVERAL.search(tag))
    ]
    if wrong:
        listed = ", ".join(map(repr, _first(wrong)))
        raise ValueError(
            f"{listed} is more than a tag, O or B-X, say. A token has one tag, without "
            "quotation marks or commas."
        )


def _first(names):
    return sorted(names)[:_SHOWN]
