"""What a tagger found, as its users see it. Knows nothing of TensorFlow."""

import os
import re
import zlib
from collections.abc import Sequence
from typing import TextIO

from zoo import tags as tag_schemes

# Red, green, yellow, blue, magenta and cyan: seen on light and dark grounds.
_COLORS = range(31, 37)
# What moves the cursor, ends a line or turns the direction of writing, and the halves
# of characters that can't be printed.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def entities(
    text: str,
    tokens: Sequence[str],
    starts: Sequence[int],
    ends: Sequence[int],
    tags: Sequence[str],
    scores: Sequence[float],
    scheme: str,
) -> list[dict]:
    """Returns the entities of a sentence.

    Args:
        text: the sentence.
        tokens: (n,), its tokens, as `zoo.text.TokenizerWithOffsets` finds them.
        starts: (n,), where in `text` each begins, in code points.
        ends: (n,), where each ends: the place after its last character.
        tags: (n,), their tags.
        scores: (n,), the probability of each tag.
        scheme: how tags mark entities: "iob1", "iob2" or "iobes".

    Returns:
        A dict for each entity, from left to right: `start` and `end`, its place in
        `text`; `label`, its type; `text`, what it is there; `score`, the lowest of
        its tags' probabilities, since one wrong tag makes a wrong entity. (Their
        product would be lower for long names: neighbouring tags depend on each other.)

    Raises:
        ValueError: the lengths differ; a token isn't what `text` has at its place; a
            tag isn't one of `scheme`, or it has no spans (see `zoo.tags.spans`).
    """
    for token, start, end, *_ in zip(tokens, starts, ends, tags, scores, strict=True):
        if text[start:end] != token:
            raise ValueError(
                f"The text has {text[start:end]!r} from {start} to {end}, where the "
                f"token {token!r} should be. Offsets count code points of the text "
                "that was tokenized."
            )
    found = []
    for first, beyond, label in tag_schemes.spans(tags, scheme):
        start, end = int(starts[first]), int(ends[beyond - 1])
        found.append(
            {
                "start": start,
                "end": end,
                "label": label,
                "text": text[start:end],
                "score": float(min(scores[first:beyond])),
            }
        )
    return found


def colored(
    text: str, entities: Sequence[dict], stream: TextIO, labels: Sequence[str] = ()
) -> str:
    """Returns a sentence with its entities marked, to be written to a stream.

    On a terminal they are in their type's color with the type beside them, elsewhere
    and where `NO_COLOR` is set (https://no-color.org) they are in brackets, as in
    `[Teddy Roosevelt PER]`. Control characters are shown as Python escapes them.

    Args:
        text: the sentence.
        entities: what `entities` returned.
        stream: where the result will be written.
        labels: all types there are, so that as many as there are colors have
            different ones. The color of any other type depends on its name alone.
    """
    plain = os.environ.get("NO_COLOR") or not stream.isatty()
    shown, place = [], 0
    for entity in entities:
        label = entity["label"]
        name, kind = printable(entity["text"]), printable(label)
        shown.append(printable(text[place : entity["start"]]))
        if plain:
            shown.append(f"[{name} {kind}]")
        else:
            color = _color(label, labels)
            shown.append(f"\x1b[1;{color}m{name} \x1b[0;7;{color}m{kind}\x1b[0m")
        place = entity["end"]
    return "".join([*shown, printable(text[place:])])


def tagged(tokens: Sequence[str], tags: Sequence[str]) -> str:
    """Returns tokens with plain tags, as in `Cats/NNS sleep/VBP`.

    Args:
        tokens: (n,).
        tags: (n,), parts of speech, say.

    Raises:
        ValueError: the lengths differ.
    """
    pairs = zip(tokens, tags, strict=True)
    return " ".join(printable(f"{token}/{tag}") for token, tag in pairs)


def printable(text: str) -> str:
    r"""Returns a text with control characters escaped: a line's end is `\n`."""
    return _CONTROLS.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def _color(label, labels):
    # Python's own hash would differ from run to run.
    place = labels.index(label) if label in labels else zlib.crc32(label.encode())
    return _COLORS[place % len(_COLORS)]
