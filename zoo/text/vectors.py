"""Pretrained word vectors, from files in the text format of GloVe and word2vec."""

import array
import gzip
import itertools
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_HEADER = re.compile(r"([0-9]+) ([0-9]+)")
_LARGEST = float(np.finfo(np.float32).max)


def read_vectors(
    path: str | os.PathLike, tokens: Iterable[str] | None = None
) -> tuple[list[str], np.ndarray]:
    """Reads word vectors, one a line: a token and its numbers, with spaces between.

    The first line may instead hold two whole numbers, how many vectors there are and
    their dimension, as word2vec and fastText write it (`.vec`); without it the first
    vector's dimension is that of all. A token may hold spaces, as some of GloVe's do,
    but its last word can't be a number, which is taken for one too many. Where a
    token is repeated, its first vector counts.

    The file is read as a stream: what is not kept needs no memory.

    Args:
        path: a file in UTF-8, compressed if its name ends in `.gz`.
        tokens: the tokens to keep, by default all. On lines that are not kept the
            numbers are counted, but not read.

    Returns:
        The tokens, in the file's order, and their vectors, float32, (tokens,
        dimension).

    Raises:
        ValueError: the file is empty, compressed data are damaged, there are fewer
            or more lines than the first one says, or a line is not UTF-8, has no
            token, has too few or too many numbers, or one that isn't a number or
            isn't finite in float32. It names the file and the line.
    """
    lines = _lines(Path(path))
    first = next(lines, None)
    if first is None:
        raise ValueError(f"{path} is empty: each line must be a token and its numbers.")
    promised, dimension = _shape(*first)
    if promised is None:
        lines = itertools.chain([first], lines)
    wanted = None if tokens is None else frozenset(tokens)
    found = {}  # for its keys: a set in order
    values = array.array("f")  # grows in place, and is the matrix without a copy
    count = 0
    for place, line in lines:
        count += 1
        token, numbers = _split(place, line, dimension)
        if token not in found and (wanted is None or token in wanted):
            found[token] = None
            values.frombytes(_vector(place, numbers).tobytes())
    if promised not in (None, count):
        raise ValueError(
            f"{path}: the first line promises {promised} vectors, found {count}."
        )
    matrix = np.frombuffer(values, np.float32).reshape(len(found), dimension)
    return list(found), matrix


def _lines(path):
    """Yields each line's place, for errors, and its text."""
    number = 0
    # As bytes, so that only "\n" ends a line: a token may hold U+0085 and the like.
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        try:
            for number, line in enumerate(file, start=1):
                place = f"{path}, line {number}"
                # word2vec writes a space after the last number.
                yield place, line.rstrip(b" \r\n").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{place} must be UTF-8: {error}.") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path}, after line {number}: the compressed data are damaged "
                f"({error}). Get the file again."
            ) from error


def _shape(place, line):
    """Returns how many vectors the first line promises, or None, and their size."""
    header = _HEADER.fullmatch(line)
    if header:
        promised, dimension = map(int, header.groups())
    else:
        promised, dimension = None, line.count(" ")
    if not dimension:
        raise ValueError(
            f"{place}: expected a token and its numbers, or how many vectors there "
            f"are and their dimension, found {line[:80]!r}."
        )
    return promised, dimension


def _split(place, line, dimension):
    """Returns a line's token and its numbers, as text."""
    token, *numbers = line.rsplit(" ", dimension)
    last = token.rpartition(" ")
    if len(numbers) < dimension or not token or (last[1] and _is_number(last[2])):
        raise ValueError(
            f"{place}: expected a token and {dimension} numbers, found "
            f"{line.count(' ')} fields after {line.partition(' ')[0][:80]!r}."
        )
    return token, numbers


def _vector(place, numbers):
    """Returns numbers that are text as a vector, float32, (dimension,)."""
    try:
        with np.errstate(over="ignore"):
            vector = np.array(list(map(float, numbers)), np.float32)
        if np.isfinite(vector).all():
            return vector
    except ValueError:
        pass
    faults = ((n, text) for n, text in enumerate(numbers, 1) if not _is_number(text))
    position, found = next(faults)
    raise ValueError(
        f"{place}: number {position} must be finite in float32, found {found[:80]!r}."
    )


def _is_number(text):
    """Says whether a text is a number, and finite in float32."""
    try:
        return abs(float(text)) <= _LARGEST
    except ValueError:
        return False
