"""Tokens and their ids."""

import collections
import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.text.file_table import FileTable
from zoo.typing import Tensor

PADDING, UNKNOWN, START, END = SPECIAL = ("<PAD>", "<UNK>", "<SOS>", "<EOS>")
PADDING_ID, UNKNOWN_ID, START_ID, END_ID = range(len(SPECIAL))

# A vocabulary's file has one token a line; these keep a token on its line.
_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"))


class Vocabulary(tf.Module):
    """A list of tokens, the most frequent first; a token's id is its place.

    Ids 0 to 3 are `<PAD>`, `<UNK>` (any token not in the list), `<SOS>` and
    `<EOS>`.

    The look-up tables read a file of this object's own, `<name>.txt`, which so
    becomes an asset of every SavedModel that contains them.

    Args:
        tokens: the tokens after these four, without repetition.
        name: of the file.

    Raises:
        ValueError: a token occurs twice or is empty.
    """

    def __init__(self, tokens: Iterable[str], name: str = "vocabulary"):
        super().__init__(name=name)
        # A tuple, so that tf.Module doesn't look for variables in it.
        self.tokens = (*SPECIAL, *tokens)
        _check(self.tokens)
        self._escaped = tuple(_escape(token) for token in self.tokens)
        self._has_escapes = self._escaped != self.tokens
        with tf.init_scope():  # also where a graph is being built
            self._id_table, self._token_table = self._tables()

    def __repr__(self) -> str:
        """Returns its name, its size and its first tokens, for people."""
        first = ", ".join(map(repr, self.ordinary_tokens[:4]))
        more = ", …" if len(self.ordinary_tokens) > 4 else ""
        kind = type(self).__name__
        return f"<{kind} {self.name!r}: {len(self):,} tokens, {first}{more}>"

    @classmethod
    def fit(
        cls,
        stream: Iterable,
        max_size: int | None = None,
        min_count: int = 1,
        name: str = "vocabulary",
    ) -> "Vocabulary":
        """Makes a vocabulary of the tokens of a stream.

        Args:
            stream: string tensors, ragged or dense, or arrays or sequences of strings:
                each holds tokens, as many as it likes.
            max_size: how many ids there may be, the four special ones included.
            min_count: how often a token must occur to be taken.
            name: of the vocabulary's file.

        Returns:
            The vocabulary, by falling frequency; ties by the tokens' bytes.

        Raises:
            TypeError: the stream holds strings, which may be texts, or tokens.
        """
        counts = collections.Counter()
        for tokens in stream:
            if isinstance(tokens, str | bytes):
                found = str(tokens) if isinstance(tokens, str) else bytes(tokens)
                raise TypeError(
                    f"A vocabulary is of lists of tokens, found the string {found!r}. "
                    "Split texts first, fit([tokenizer(texts)]); put one list of "
                    "tokens into another, fit([tokens]); of words' characters make "
                    "lists, fit(map(list, words))."
                )
            counts.update(flat(tokens))
        totals = collections.Counter()
        for token, count in counts.items():
            totals[token.decode("utf-8", "replace")] += count
        for token in (*SPECIAL, ""):
            del totals[token]
        taken = [item for item in totals.items() if item[1] >= min_count]
        taken.sort(key=lambda item: (-item[1], item[0].encode("utf-8")))
        if max_size is not None:
            taken = taken[: max(max_size - len(SPECIAL), 0)]
        return cls((token for token, _ in taken), name)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Vocabulary":
        """Reads a file that `save` wrote.

        The vocabulary's name is the file's, with `_` for what no name of Python has.

        Args:
            path: the file, UTF-8.

        Raises:
            ValueError: the file doesn't begin with the four special tokens, or is cut
                off: its last line has no end.
        """
        *lines, rest = Path(path).read_bytes().decode("utf-8").split("\n")
        if tuple(lines[: len(SPECIAL)]) != SPECIAL:
            raise ValueError(
                f"{path} is no vocabulary of the zoo: it must begin with the lines "
                f"{', '.join(SPECIAL)}, found {lines[: len(SPECIAL)]}."
            )
        if rest:
            raise ValueError(
                f"{path} is cut off: its last line, {rest[:40]!r}, has no end. Get the "
                "file again; or end the line, if it is whole."
            )
        name = re.sub(r"[^A-Za-z0-9_]|^(?=[0-9])", "_", Path(path).stem)
        return cls(map(_unescape, lines[len(SPECIAL) :]), name)

    def save(self, path: str | os.PathLike) -> None:
        r"""Writes a token a line, with `\\`, `\n` and `\r` for these characters.

        Args:
            path: the file, which is replaced.
        """
        text = "".join(token + "\n" for token in self._escaped)
        Path(path).write_bytes(text.encode("utf-8"))

    def keep_file(self) -> None:
        """Writes the look-up tables' file anew if somebody has tidied it away.

        It lies in a temporary folder, of which systems delete what is some days old. A
        SavedModel that is written then lacks it.
        """
        if not self._place.exists():
            self._place.parent.mkdir(mode=0o700, exist_ok=True)
            self.save(self._place)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def ordinary_tokens(self) -> list[str]:
        """The tokens without the special ones: what the constructor takes."""
        return list(self.tokens[len(SPECIAL) :])

    def ids(self, tokens: Tensor) -> Any:
        """Returns the tokens' ids.

        Args:
            tokens: string, any shape, dense or ragged.

        Returns:
            int32, same shape; `<UNK>`'s id for a token not in the vocabulary.
        """
        return tf.cast(self._id_table.lookup(self._lines(tokens)), tf.int32)

    def lookup(self, ids: Tensor) -> Any:
        """Returns the tokens of ids.

        Args:
            ids: int32 or int64, any shape, dense or ragged.

        Returns:
            string, same shape; `<UNK>` for an id that isn't one.
        """
        tokens = self._token_table.lookup(tf.cast(ids, tf.int64))
        if self._has_escapes:
            tokens = tf.ragged.map_flat_values(_unescape_in_graph, tokens)
        return tokens

    def _lines(self, tokens):
        """Returns what the file, and so the tables, have for tokens."""
        if self._has_escapes:
            tokens = tf.ragged.map_flat_values(_escape_in_graph, tokens)
        return tokens

    def _tables(self):
        """Makes the tables, token → id and id → token."""
        folder = tempfile.mkdtemp(prefix="zoo-vocabulary-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._place = Path(folder, f"{self.name}.txt")
        self.save(self._place)
        # An attribute, or a SavedModel wouldn't find the file.
        self._file = tf.saved_model.Asset(os.fspath(self._place))
        digest = hashlib.sha256(self._place.read_bytes()).hexdigest()
        return (
            FileTable(self._file, f"ids_{digest}", tf.string, tf.int64, UNKNOWN_ID),
            FileTable(self._file, f"tokens_{digest}", tf.int64, tf.string, UNKNOWN),
        )


def _check(tokens):
    if "" in tokens:
        raise ValueError(f"Token {tokens.index('')} of the vocabulary is empty.")
    if len(set(tokens)) < len(tokens):
        token, count = collections.Counter(tokens).most_common(1)[0]
        raise ValueError(f"{token!r} is {count} times in the vocabulary, not once.")


def flat(tokens: Tensor) -> list[bytes]:
    """Returns the strings of a tensor or an array of any shape, or of a sequence."""
    if isinstance(tokens, tf.RaggedTensor):
        tokens = tokens.flat_values
    if isinstance(tokens, tf.Tensor):
        tokens = tokens.numpy()
    if isinstance(tokens, np.ndarray | bytes):
        tokens = np.ravel(np.asarray(tokens, object)).tolist()
    found = []
    for token in tokens:
        if isinstance(token, np.ndarray):  # NumPy's way to be ragged
            found += flat(token)
        else:
            found.append(token if isinstance(token, bytes) else token.encode("utf-8"))
    return found


def _escape(token):
    for character, escaped in _ESCAPES:
        token = token.replace(character, escaped)
    return token


def _unescape(token):
    r"""Undoes `_escape`; a `\\` must not lend its second half to an `n`."""
    parts = token.split("\\\\")
    return "\\".join(p.replace("\\n", "\n").replace("\\r", "\r") for p in parts)


def _escape_in_graph(tokens):
    tokens = tf.strings.regex_replace(tokens, r"\\", r"\\\\")
    tokens = tf.strings.regex_replace(tokens, "\n", r"\\n")
    return tf.strings.regex_replace(tokens, "\r", r"\\r")


def _unescape_in_graph(tokens):
    # What is escaped holds no line's end: with one, `\\` and `\n` are marked meanwhile.
    tokens = tf.strings.regex_replace(tokens, r"\\\\", "\n0")
    tokens = tf.strings.regex_replace(tokens, r"\\n", "\n1")
    tokens = tf.strings.regex_replace(tokens, r"\\r", "\r")
    tokens = tf.strings.regex_replace(tokens, "\n0", r"\\")
    return tf.strings.regex_replace(tokens, "\n1", "\n")
