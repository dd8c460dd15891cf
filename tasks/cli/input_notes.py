"""Notes on texts that are no texts, as far as one can see: tables, JSON, file names.

A text may be anything, so that none is refused.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator

_JSON = b'{"', b'[{"', b'["'
# What header lines of tables call columns that texts stand in, or beside.
_NAMES = frozenset(
    (
        *("text", "texts", "sentence", "review", "content", "body", "comment", "tweet"),
        *("label", "labels", "sentiment", "rating", "stars", "score", "class", "title"),
    )
)
_TABLE = (
    "--text-column NAME reads the texts in that column of a .csv, .tsv or .jsonl file."
)
_SEPARATORS = re.compile("[,;\t|]")


def noted(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yields texts, after a note on stderr if the first one looks like something else.

    Args:
        texts: in UTF-8.
    """
    for number, text in enumerate(texts):
        if number == 0:
            kind = _kind(text.decode("utf-8", "replace"))
            if kind:
                print(f"note: {kind}", file=sys.stderr)
        yield text


def _kind(text):
    """Returns what a first text looks like, and what to do, or None."""
    if text.strip() and len(text) < 256 and "\0" not in text and os.path.isfile(text):
        return (
            f"{text!r} is the name of a file, and is taken for a text. --input reads "
            "the texts in a file, one a line."
        )
    if text.lstrip().encode().startswith(_JSON):
        return (
            f"the first line is JSON. Lines are taken for texts as they are. {_TABLE}"
        )
    fields = [field.strip("\"' ").lower() for field in _SEPARATORS.split(text)]
    if len(fields) > 1 and _NAMES & {*fields} and all(map(_is_name, fields)):
        return (
            "the first line names columns, as in CSV. Lines are taken for texts as "
            f"they are, with all of their columns. {_TABLE}"
        )
    return None


def _is_name(field):
    """Says whether a field may be a column's name: it is short; or it is empty."""
    return len(field.split()) <= 3 and not re.search("[.!?]", field)
