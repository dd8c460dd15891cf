"""Tagged sentences in column files, as CoNLL's tasks have them: a token a line."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from tasks import text_files
from tasks.errors import UserError

_DOCUMENT = "-DOCSTART-"
_NO_TOKEN = "_"  # CoNLL-U's sign for an empty field
_NO_BREAK_SPACE = "\u00a0"


class Sentence(NamedTuple):
    """Tokens, and the tag of each."""

    tokens: list[str]
    tags: list[str]


def read(
    path: str | os.PathLike,
    token_column: int = 0,
    tag_column: int = -1,
    encoding: str = text_files.UTF_8,
) -> list[Sentence]:
    """Reads sentences with a token and its tag a line.

    Columns are separated by tabs where the file has tabs between them, so that a
    token may hold spaces; else by spaces. Blank lines, also with spaces or tabs in
    them, separate sentences, and so do lines that begin with `-DOCSTART-`. A line that
    begins with `# ` is a comment, as in CoNLL-U, if it has another number of columns
    than the first line without a `#`; else `#` is its token.

    Args:
        path: the file.
        token_column: the token's column, from 0; negative from the last.
        tag_column: the tag's column.
        encoding: what the file is encoded in.

    Raises:
        UserError: the file can't be read, isn't in its encoding or has no sentence; or
            a line has no token or tag.
    """
    lines = list(text_files.read_lines(Path(path), encoding))
    body = [line for line in lines if not _is_aside(line)]
    tabs = any("\t" in line.strip(" \t") for line in body)
    width = len(_columns(body[0], tabs)) if body else None
    sentences, tokens, tags = [], [], []
    for number, line in enumerate([*lines, ""], 1):
        if _ends_sentence(line):
            if tokens:
                sentences.append(Sentence(tokens, tags))
            tokens, tags = [], []
            continue
        columns = _columns(line, tabs)
        if not line.startswith("# ") or len(columns) == width:
            where = f"{path}, line {number},"
            token, tag = _fields(where, columns, token_column, tag_column, tabs)
            tokens.append(token)
            tags.append(tag)
    if not sentences:
        raise UserError(
            f"{path} has no sentence: a token and its tag a line are expected."
        )
    return sentences


def write(
    file: TextIO,
    tokens: Sequence[Sequence[str]],
    true: Sequence[Sequence[str]] | None,
    predicted: Sequence[Sequence[str]],
) -> None:
    """Writes sentences in the columns that `conlleval` expects.

    A line is `token true predicted`, or `token predicted` where there is no truth,
    with single spaces; an empty line follows each sentence. Spaces within a token or
    tag become no-break spaces (U+00A0), and an empty token `_`: a file of predictions
    shouldn't fail at one odd token, whose text no score depends on. A sentence
    without tokens leaves but an empty line, so that `read` won't find it.

    Args:
        file: to write to, as text; UTF-8 if `read` shall read it.
        tokens: the tokens of each sentence.
        true: their true tags, if known.
        predicted: their predicted tags.

    Raises:
        ValueError: tokens and tags differ in number.
    """
    columns = [tokens, predicted] if true is None else [tokens, true, predicted]
    for sentence in zip(*columns, strict=True):
        for fields in zip(*sentence, strict=True):
            file.write(" ".join(map(_field, fields)) + "\n")
        file.write("\n")


def _ends_sentence(line):
    return not line.strip() or line.startswith(_DOCUMENT)


def _is_aside(line):
    """Says whether a line may have other columns than a token's."""
    return _ends_sentence(line) or line.startswith("#")


def _columns(line, tabs):
    # Not `split()`, which would part a token at a no-break space.
    if tabs:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in re.split("[ \t]+", line) if column]


def _fields(where, columns, token_column, tag_column, tabs):
    """Returns a line's token and tag."""
    count = len(columns)
    token, tag = (
        columns[column] if -count <= column < count else ""
        for column in (token_column, tag_column)
    )
    one_column = (token_column - tag_column) % count == 0
    if one_column or not token or not tag:
        raise UserError(
            f"{where} lacks a token in column {token_column} or a tag in column "
            f"{tag_column} (counted from 0): found {columns}. Columns are separated "
            f"by {'tabs, for the file has some' if tabs else 'spaces'}."
        )
    return token, tag


def _field(text):
    return _NO_BREAK_SPACE.join(text.split()) or _NO_TOKEN
