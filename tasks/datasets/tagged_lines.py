"""Files with a token a line, its columns separated by tabs, as corpora of tags come."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import tensorflow_datasets as tfds


def features(tags: Sequence[str]) -> tfds.features.FeaturesDict:
    """Returns what an example of such a corpus has: `tokens`, and their `tags`."""
    return tfds.features.FeaturesDict(
        {
            "tokens": tfds.features.Sequence(tfds.features.Text()),
            "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=tags)),
        }
    )


def read_sentences(
    path: Path,
    tags: Sequence[str],
    *,
    columns: tuple[int, int] = (0, 1),
    separators: Collection[str] = ("",),
    comment: str | None = None,
    skip_blank: bool = False,
) -> Iterator[tuple[list[str], list[str]]]:
    """Yields the tokens of each sentence of a file, and their tags.

    Args:
        path: the file, in UTF-8.
        tags: the tags that there are, IOB2.
        columns: where a line has its token and its tag, counted from 0.
        separators: the lines that end a sentence.
        comment: what lines begin with that are no tokens. A line that begins so and
            has a tab is a token all the same.
        skip_blank: whether tokens of white space, tagged `O` or not at all, are left
            out; else they are an error.

    Raises:
        AssertionError: a line isn't a token and one of `tags`, or an `I-` tag goes
            on with no entity of its type. It names the file and the line.
    """
    found, found_tags = [], []
    # Only "\n" ends a line: not U+2028 and the like, which a token may hold.
    lines = Path(path).read_bytes().decode("utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if line in separators:
            if found:
                yield found, found_tags
            found, found_tags = [], []
            continue
        if comment and line.startswith(comment) and "\t" not in line:
            continue
        token, tag = _columns(line, columns)
        if skip_blank and not token.strip() and tag in ("O", ""):
            continue
        fault = _fault(token, tag, found_tags[-1] if found_tags else "O", tags)
        if fault:
            raise AssertionError(f"{path}, line {number}: {fault}, found {line!r}.")
        found.append(token)
        found_tags.append(tag)
    if found:
        yield found, found_tags


def _columns(line, columns):
    """Returns a line's token and tag, "" where it has no such column."""
    parts = line.split("\t")
    return tuple(parts[place] if place < len(parts) else "" for place in columns)


def _fault(token, tag, previous, tags):
    """Says what is wrong with a line, None if nothing is."""
    if not token.strip():
        return "expected a token, a tab and a tag"
    if tag not in tags:
        return f"the tag must be one of {', '.join(tags)}"
    if tag.startswith("I-") and previous not in (tag, f"B-{tag[2:]}"):
        return f"{tag} can't follow {previous}"
    return None
