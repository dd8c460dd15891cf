"""Tag schemes: how a tag per token says where entities begin and end.

An entity of type X and tokens 1 to n is tagged

iob1   `I-X … I-X`, the first as `B-X` only directly after another entity of type X
iob2   `B-X I-X … I-X`
iobes  `B-X I-X … E-X`; `S-X` alone
plain  tags that stand for themselves: parts of speech, or 0 and 1

and a token outside all entities `O`. A type is any text: `I-geo-loc` is inside a
`geo-loc`. Tags without a type, `B` and `I`, are plain.

IOB1: Ramshaw & Marcus, "Text Chunking using Transformation-Based Learning", 1995.
IOB2: Tjong Kim Sang & Veenstra, "Representing Text Chunks", 1999. IOBES: Ratinov &
Roth, "Design Challenges and Misconceptions in Named Entity Recognition", 2009.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

PLAIN = "plain"
SCHEMES = ("iob1", "iob2", "iobes", PLAIN)
OUTSIDE = "O"

_PREFIXES = {"iob1": "BI", "iob2": "BI", "iobes": "BIES"}
_ALL_PREFIXES = frozenset("BIES")


class Span(NamedTuple):
    """An entity: tokens `start` to `end`, without the token `end`, and its type."""

    start: int
    end: int
    label: str


class Constraints(NamedTuple):
    """Which of K tags may stand where. Boolean arrays.

    Attributes:
        start: (K,), may begin a sequence.
        transitions: (K, K), [from, to], may follow one another.
        end: (K,), may end a sequence.
    """

    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray


class Tag(NamedTuple):
    """A tag's two parts; that of `O` has no label."""

    prefix: str
    label: str


_OUTSIDE = Tag(OUTSIDE, "")


def detect(sequences: Iterable[Sequence[str]]) -> str:
    """Returns the scheme that sequences of tags follow.

    Tags none of which is `B-X`, `I-X`, `E-X` or `S-X` are plain, unless all are `O`.
    With an `E-X` or `S-X` the scheme is IOBES. Else it is IOB1 or IOB2, the one with
    fewer tags at places where it forbids them, for annotators err: an IOB2 corpus in
    which a few entities begin with `I-X` is still IOB2. A draw, as where no tag but
    `O` occurs, is IOB2.

    Args:
        sequences: the tags of each sentence; read once.

    Returns:
        One of `SCHEMES`.

    Raises:
        ValueError: some tags are those of entities, but not all.
    """
    prefixes, strange = set(), None
    violations = dict.fromkeys(("iob2", "iob1"), 0)
    for number, names in enumerate(sequences):
        before = _OUTSIDE
        for place, name in enumerate(names):
            tag = _split(name)
            if tag is None:
                strange = strange or (number, place, name)
                continue
            prefixes.add(tag.prefix)
            for scheme in violations:
                violations[scheme] += not _may_follow(before, tag, scheme)
            before = tag
    if strange is None:
        if prefixes & set("ES"):
            return "iobes"
        return min(violations, key=lambda scheme: violations[scheme])
    if prefixes <= {OUTSIDE}:
        return PLAIN
    number, place, name = strange
    raise ValueError(
        f"Sequence {number} has the tag {name!r} at place {place}, while other tags "
        "are those of entities. Tags must be O, B-X, I-X, E-X or S-X throughout, or "
        "none of the last four."
    )


def is_tag(name: str) -> bool:
    """Says whether a tag is one of entities: `O`, `B-X`, `I-X`, `E-X` or `S-X`."""
    return _split(name) is not None


def spans(tags: Sequence[str], scheme: str) -> list[Span]:
    """Returns the entities of a sequence of tags.

    The reading of IOB2 and IOBES is strict, as seqeval's `mode="strict"`: what
    doesn't begin and end as the scheme says is no entity, so that an `I-X` after
    `O` is none, nor, in IOBES, a `B-X` without its `E-X`. In IOB1 every `B-X` begins
    an entity, also where an `I-X` would do.

    Args:
        tags: (steps,).
        scheme: "iob1", "iob2" or "iobes".

    Returns:
        The entities from left to right.

    Raises:
        ValueError: the scheme has no spans or is unknown; a tag isn't one of it.
    """
    found, start, before = [], None, _OUTSIDE
    for place, tag in enumerate([*parse(tags, scheme), _OUTSIDE]):
        if start is not None and not continues(before, tag):
            if may_end(before, scheme):
                found.append(Span(start, place, before.label))
            start = None
        if begins(before, tag, scheme):
            start = place
        before = tag
    return found


def from_spans(entities: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Returns the tags of a sequence with these entities.

    Args:
        entities: spans, in any order.
        length: steps in the sequence.
        scheme: "iob1", "iob2" or "iobes".

    Returns:
        (length,) tags.

    Raises:
        ValueError: a span is empty, beyond the sequence or overlaps another; the
            scheme has no spans or is unknown.
    """
    _check_has_spans(scheme)
    tags, previous = [OUTSIDE] * length, Span(0, 0, "")
    for span in sorted(entities):
        start, end, label = span
        if not previous.end <= start < end <= length:
            raise ValueError(
                f"{span} is empty, beyond the sequence of {length} steps, or overlaps "
                f"{previous}."
            )
        tags[start:end] = [f"I-{label}"] * (end - start)
        touches = (previous.end, previous.label) == (start, label)
        if scheme != "iob1" or touches:
            tags[start] = f"B-{label}"
        if scheme == "iobes":
            tags[end - 1] = f"S-{label}" if end - start == 1 else f"E-{label}"
        previous = span
    return tags


def convert(tags: Sequence[str], source: str, target: str) -> list[str]:
    """Returns tags in another scheme.

    A tag that `spans` counts to no entity becomes `O`. In the scheme they have, tags
    stay as they are, their errors too.

    Args:
        tags: (steps,).
        source: the scheme they have, one of `SCHEMES`.
        target: the scheme to give them.

    Raises:
        ValueError: one scheme is plain and the other isn't; a scheme is unknown; a
            tag isn't one of `source`.
    """
    if source == target:
        _check_known(source)
        return list(tags)
    return from_spans(spans(tags, source), len(tags), target)


def tag_names(names: Iterable[str], source: str, target: str) -> list[str]:
    """Returns the tags that a set of tags may become in another scheme.

    Args:
        names: all tags, in any order.
        source: their scheme, one of `SCHEMES`.
        target: the other scheme, which may be the same.

    Returns:
        `O`, then for each type, in the order in which `names` first has it, its tags
        (`B-X`, `I-X`, `E-X`, `S-X`), also those that `names` lacks. Plain names as
        they are.

    Raises:
        ValueError: see `convert`.
    """
    names = list(names)
    if source == target == PLAIN:
        return names
    _check_has_spans(source)
    _check_has_spans(target)
    types = labels(names, source)
    return [OUTSIDE] + [f"{p}-{x}" for x in types for p in _PREFIXES[target]]


def labels(names: Sequence[str], scheme: str) -> list[str]:
    """Returns the types of entities that tags have, in the order of the tags.

    Args:
        names: the tags.
        scheme: their scheme, one of `SCHEMES`; plain tags have no types.

    Raises:
        ValueError: the scheme is unknown, or a tag isn't one of it.
    """
    if scheme == PLAIN:
        return []
    return list(dict.fromkeys(tag.label for tag in parse(names, scheme) if tag.label))


def constraints(names: Sequence[str], scheme: str) -> Constraints:
    """Returns which tags may begin a sequence, follow one another, and end it.

    A sequence is allowed just if every tag belongs to an entity or is `O`, and the
    entities are written as the scheme writes them. Plain tags may stand anywhere.

    Args:
        names: (K,), the tags in the order of their ids.
        scheme: one of `SCHEMES`.

    Raises:
        ValueError: the scheme is unknown, or a name isn't one of its tags.
    """
    if scheme == PLAIN:
        allowed = np.ones((len(names) + 1,) * 2, bool)
    else:
        # What surrounds a sequence is like an O: nothing reaches over it.
        parsed = [*parse(names, scheme), _OUTSIDE]
        rows = [[_may_follow(a, b, scheme) for b in parsed] for a in parsed]
        allowed = np.array(rows)
    return Constraints(allowed[-1, :-1], allowed[:-1, :-1], allowed[:-1, -1])


def parse(names: Sequence[str], scheme: str) -> list[Tag]:
    """Returns tags in their parts.

    Raises:
        ValueError: the scheme is plain or unknown; a tag isn't one of it.
    """
    _check_has_spans(scheme)
    prefixes = OUTSIDE + _PREFIXES[scheme]
    parsed = [_split(name) for name in names]
    for place, tag in enumerate(parsed):
        if tag is None or tag.prefix not in prefixes:
            shapes = ", ".join([OUTSIDE, *(f"{p}-X" for p in _PREFIXES[scheme])])
            raise ValueError(
                f"{names[place]!r}, at place {place}, is no tag of the scheme "
                f"{scheme}, which has {shapes}."
            )
    return parsed


def begins(before: Tag, tag: Tag, scheme: str) -> bool:
    """Says whether an entity begins at `tag`, which stands after `before`."""
    if scheme == "iob1" and tag.prefix == "I":
        return not continues(before, tag)
    return tag.prefix in "BS"


def continues(before: Tag, tag: Tag) -> bool:
    """Says whether an entity that reaches to `before` takes `tag` in."""
    return before.prefix in "BI" and tag.prefix in "IE" and before.label == tag.label


def may_end(tag: Tag, scheme: str) -> bool:
    """Says whether an entity that reaches to `tag` is whole."""
    return scheme != "iobes" or tag.prefix in "ES"


def _may_follow(before, tag, scheme):
    if scheme == "iob1":
        # B- only keeps two entities of a type apart.
        touches = before.prefix in "BI" and before.label == tag.label
        return tag.prefix != "B" or touches
    if tag.prefix in "IE":
        return continues(before, tag)
    return scheme == "iob2" or before.prefix not in "BI"


def _split(name):
    """Returns a tag's prefix and type, or None for a tag of another kind."""
    if name == OUTSIDE:
        return _OUTSIDE
    prefix, _, label = name.partition("-")
    return Tag(prefix, label) if label and prefix in _ALL_PREFIXES else None


def _check_known(scheme):
    if scheme not in SCHEMES:
        raise ValueError(
            f"Unknown tag scheme {scheme!r}. There are: {', '.join(SCHEMES)}."
        )


def _check_has_spans(scheme):
    _check_known(scheme)
    if scheme == PLAIN:
        raise ValueError(
            "Plain tags mark no entities: they have no spans, and can't be converted "
            f"to or from {', '.join(_PREFIXES)}."
        )
