"""Texts whose words and marks stand apart, as corpora have them, and as people write.

`it 's n't bad , is it ?` is `it's n't bad, is it?` to those who write.
"""

import re

# What stands at the word before it: n't, 's and what else English contracts, and marks.
_BEFORE = re.compile(
    r" (n't|'(?:s|m|d|ll|re|ve)|n’t|’(?:s|m|d|ll|re|ve)|[.,;:!?%)\]}]+|\.\.\.)(?= |$)",
    re.IGNORECASE,
)
_AFTER = re.compile(r"(?<= )([(\[{$#]|``) |^([(\[{$#]|``) ")
_QUOTES = re.compile(r"``|''")


def is_apart(text: str) -> bool:
    """Says whether a text's marks stand apart from its words."""
    return bool(_BEFORE.search(text))


def joined(text: str) -> str:
    """Returns a text with marks and contractions at the words that they belong to."""
    text = _BEFORE.sub(r"\1", text)
    text = _AFTER.sub(lambda found: found.group(1) or found.group(2), text)
    return _QUOTES.sub('"', text).rstrip()
