"""Which columns of a file, a token a line, hold the tokens and their tags."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.errors import UserError, did_you_mean
from zoo import tag_spellings

# CoNLL-U's ten columns, https://universaldependencies.org/format.html
CONLL_U = (
    *("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps"),
    "misc",
)
_UPOS = frozenset(
    (
        *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART"),
        *("PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X", "_"),
    )
)
# What header lines call the columns, the best first.
_TOKEN_NAMES = "form", "token", "tokens", "word", "words"
_TAG_NAMES = (
    *("ner", "ner_tag", "ner_tags", "tag", "tags", "label", "labels", "iob", "bio"),
    *("upos", "pos", "pos_tag", "pos_tags"),
)
# What header lines call a column that tells where a sentence begins.
_SENTENCE_NAMES = (
    *("sentence #", "sentence", "sentence_id", "sentence_idx", "sentence_number"),
    "sent_id",
)
# A token's number, or those of several, and of what is between two: 3, 1-2, 3.1.
_NUMBER = re.compile(r"\d+(?:[-.]\d+)?")
_FIRST_NUMBERS = frozenset(("0", "1", "0.1"))
_EMPTY = frozenset("_-")
# So many different tags, most of which are tokens as well, are words.
_MANY_TAGS = 30


class Columns(NamedTuple):
    """Where a file has its tokens and their tags.

    Attributes:
        token: the tokens' column, from 0.
        tag: the tags' column, from 0; None where no tags are asked for.
        names: what the columns are called, if anything tells.
    """

    token: int
    tag: int | None
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        columns = [self.token] if self.tag is None else [self.token, self.tag]
        return ", ".join(map(self._shown, columns))

    def _shown(self, column):
        if column < len(self.names):
            return f"{column} ({self.names[column]})"
        return str(column)


def are_numbered(rows: Sequence[Sequence[str]], least: int) -> bool:
    """Says whether the first column numbers the tokens, as CoNLL-U's does.

    Args:
        rows: the fields of each token.
        least: how many columns there are then, at least.
    """
    return (
        min(map(len, rows), default=0) >= least
        and rows[0][0].partition("-")[0] in _FIRST_NUMBERS
        and all(_NUMBER.fullmatch(row[0]) for row in rows)
    )


def is_word(row: Sequence[str]) -> bool:
    """Says whether a numbered row is a word: no range of them, and no empty node."""
    return row[0].isdecimal()


def is_header(row: Sequence[str], token: str | None, tag: str | None) -> bool:
    """Says whether a row names columns: one that is asked for, or the usual ones."""
    names = [name.lower() for name in row]
    asked = [name.lower() for name in (token, tag) if name and number(name) is None]
    if _NUMBER.fullmatch(row[0]):
        return False
    return any(name in names for name in asked) or (
        any(name in names for name in _TOKEN_NAMES)
        and any(name in names for name in _TAG_NAMES)
    )


def sentence_column(names: Sequence[str]) -> int | None:
    """Returns the column that tells where sentences begin, if a name says so."""
    return _called(_SENTENCE_NAMES, [name.lower() for name in names], None)


def number(column: str) -> int | None:
    """Returns the number that a column is given by; None if it is given by a name."""
    return int(column) if re.fullmatch(r"[+-]?\d+", column.strip()) else None


def choose(
    rows: Sequence[Sequence[str]],
    names: Sequence[str],
    numbered: bool,
    token: str | None,
    tag: str | None,
    source: str,
) -> Columns:
    """Chooses the columns of tokens and tags.

    Args:
        rows: the fields of each token.
        names: what the columns are called; () where nothing tells.
        numbered: see `are_numbered`.
        token: the user's choice, a name or a number, from 0 or negative from the last,
            which is there.
        tag: the user's choice.
        source: the file's name, for messages.

    Returns:
        The columns. Unless they are chosen, tokens are in the column that is called so,
        else in the first, or the one behind the numbers. Tags are in the column that is
        called so, else, behind numbers, in the first with tags of entities, in CoNLL-U
        in UPOS, else in the last. If only the first column has tags of entities, tags
        are there and tokens are in the last.

    Raises:
        UserError: there is no such column, or several may hold tags.
    """
    width = min(map(len, rows))
    named = _named(names, numbered, width)
    if token is tag is None and not named and not numbered and _are_swapped(rows):
        return Columns(width - 1, 0)
    if token is None:
        tokens = _called(_TOKEN_NAMES, named, int(numbered))
    else:
        tokens = _place(token, named, width, "--tokens-column", source)
    if tag is not None:
        tags = _place(tag, named, width, "--tags-column", source)
    elif numbered and not (names and set(_TAG_NAMES) & set(named)):
        tags = _behind_numbers(rows, tokens, source)
    else:
        tags = _called(_TAG_NAMES, named, width - 1)
    found = Columns(tokens, tags, named)
    if tokens == tags:
        raise UserError(
            f"{source} would have tokens and tags both in column {found._shown(tags)}. "
            "Give --tokens-column and --tags-column."
        )
    return found


def choose_tokens(
    row: Sequence[str], names: Sequence[str], numbered: bool, token: str, source: str
) -> Columns:
    """Chooses the column of tokens alone, by the fields of one token; see `choose`."""
    named = _named(names, numbered, len(row))
    tokens = _place(token, named, len(row), "--tokens-column", source)
    return Columns(tokens, None, named)


def check(tokens: Sequence[str], tags: Sequence[str], source: str) -> None:
    """Raises a UserError where tags are none, but words perhaps.

    Args:
        tokens: all tokens of a file.
        tags: the tag of each.
        source: the file's name, for messages.
    """
    names, words = set(tags), set(tokens)
    other = "Choose others with --tokens-column and --tags-column, counted from 0."
    if names <= _EMPTY:
        raise UserError(
            f"{source} has no tags in the column that was taken for them, but "
            f"{', '.join(sorted(names))}. {other}"
        )
    if tag_spellings.are_entities(names) or names == {"O"}:
        return
    header = tags[0]
    if tag_spellings.are_entities(set(tags[1:])) and tags.count(header) == 1:
        raise UserError(
            f"The first line of {source} has {header!r} where others have a tag. If it "
            f"names the columns, give their names: --tokens-column {tokens[0]} "
            f"--tags-column {header}."
        )
    if tag_spellings.are_entities(words) or words <= _UPOS:
        raise UserError(
            f"{source} has tags where tokens are expected: are the columns swapped? "
            "Then give --tokens-column -1 --tags-column 0."
        )
    overlap = len(names & words) > len(names) / 2
    many = len(names) > _MANY_TAGS and (overlap or len(names) > len(words) * 0.75)
    if many or all(map(_NUMBER.fullmatch, words)):
        shown = ", ".join(map(repr, sorted(names)[:3]))
        raise UserError(
            f"{source} has words where tags are expected, {len(names):,} different "
            f"ones: {shown}. {other}"
        )


def _named(names, numbered, width):
    """Returns what the columns are called, in lower case."""
    if not names and numbered and width == len(CONLL_U):
        return CONLL_U
    return tuple(name.lower() for name in names)


def _place(value, names, width, flag, source):
    """Returns the place of a column that the user chose."""
    place = number(value)
    if place is not None:
        return place % width
    if not names:
        raise UserError(
            f"{source} has no line that names its columns: give {flag} a number, "
            f"counted from 0, found {value!r}."
        )
    if value.lower() not in names:
        raise UserError(did_you_mean(f"column of {source}", value, names))
    return names.index(value.lower())


def _called(usual, names, otherwise):
    """Returns the column with one of the usual names."""
    return next((names.index(name) for name in usual if name in names), otherwise)


def _are_swapped(rows):
    first, last = ({row[column] for row in rows} for column in (0, -1))
    return tag_spellings.are_entities(first) and not _may_be_tags(last)


def _may_be_tags(names):
    return tag_spellings.are_entities(names) or names == {"O"}


def _behind_numbers(rows, token, source):
    """Returns the column of the tags in a file whose tokens are numbered."""
    width = min(map(len, rows))
    for column in range(token + 1, width):
        if _may_be_tags({row[column] for row in rows}):
            return column
    if width == len(CONLL_U):
        return CONLL_U.index("upos")
    if width == token + 2:
        return width - 1
    raise UserError(
        f"{source} has {width} columns, the first of which numbers the tokens; none "
        "has tags of entities. Say which has the tags: --tags-column, counted from 0."
    )
