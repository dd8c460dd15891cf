"""What people give a model to read: one text or several, as Python or tensors hold it.

A model's methods take what is at hand, and make the batch of it that a graph takes. In
a graph, where they are given its tensors, they check what is known of the shape and
leave the rest as it is.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

# What `text_batch` takes.
Texts: TypeAlias = str | bytes | Sequence[str | bytes] | np.ndarray | tf.Tensor
# What `token_batch` takes.
Tokens: TypeAlias = (
    Sequence[str | bytes] | Sequence[Sequence[str | bytes]] | np.ndarray | tf.Tensor
)

# Python's strings may hold halves of characters, UTF-8 none.
_SURROGATE = re.compile("[\ud800-\udfff]")


def text_batch(texts: Texts, name: str = "texts") -> tf.Tensor:
    """Returns a batch of texts.

    Args:
        texts: one text, `str` or `bytes`, which is a batch of one; or several, in a
            list, a tuple, an array or a tensor of strings of rank 1. Bytes are taken
            as they are, and half a surrogate pair, which is no character, as U+FFFD.
        name: what the argument is called, for errors.

    Returns:
        string, (batch,).

    Raises:
        TypeError: it is none of these, or something in it is no string.
        ValueError: it is nested: of rank 2 or more.
    """
    wanted = f"`{name}` must be one string or a list of strings"
    batch = _tensor(texts, wanted, depth=1)
    rank = batch.shape.rank
    if rank == 0:
        return batch[None]
    if rank is not None and rank > 1:
        raise ValueError(
            f"{wanted}, found strings of shape {_shape(batch)}. Flatten them, or give "
            "each row in a call of its own."
        )
    return batch


def token_batch(tokens: Tokens, name: str = "tokens") -> tf.Tensor:
    """Returns a batch of sentences that are split into words.

    Args:
        tokens: one sentence, a list of words, which is a batch of one; or several, a
            list of such lists, as long as each sentence is; or an array or a tensor of
            strings, of rank 1 or 2, dense or ragged, with "" where there is none.
        name: what the argument is called, for errors.

    Returns:
        string, (batch, n), "" where there is none.

    Raises:
        TypeError: it is none of these, or something in it is no string.
        ValueError: it is one string, which is no list of words, or nested deeper.
    """
    wanted = f"`{name}` must be a list of words, or several such lists"
    if isinstance(tokens, list | tuple) and len(tokens) == 0:
        return tf.zeros([0, 0], tf.string)
    batch = _tensor(tokens, wanted, depth=2)
    rank = batch.shape.rank
    if rank == 1:
        return batch[None]
    if rank == 0:
        raise ValueError(
            f"{wanted}, found one string. Split it into words first, or give it to "
            "`tag`, which does."
        )
    if rank is not None and rank > 2:
        raise ValueError(f"{wanted}, found strings of shape {_shape(batch)}.")
    return batch


def paired_batches(texts: Texts, translations: Texts) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns two batches of texts that belong together, row by row.

    Args:
        texts: of `text_batch`.
        translations: the same.

    Returns:
        Two string tensors, (batch,).

    Raises:
        TypeError: one is no text, nor several.
        ValueError: one is nested, or they are not equally many.
    """
    pair = text_batch(texts), text_batch(translations, "translations")
    counts = [batch.shape[0] if batch.shape.rank else None for batch in pair]
    if None not in counts and counts[0] != counts[1]:
        raise ValueError(
            f"Each text needs one translation, found {counts[0]} texts and "
            f"{counts[1]} translations."
        )
    return pair


def _tensor(value, wanted, depth):
    """Returns a dense tensor of strings, of any rank."""
    if hasattr(value, "__array__") and not tf.is_tensor(value):
        value = np.asarray(value)  # an array, or a table's column
        if value.size and value.dtype.kind not in "OSUT":
            raise TypeError(f"{wanted}, found an array of {value.dtype}.")
        value = value.tolist()
    if tf.is_tensor(value):
        if value.dtype != tf.string:
            raise TypeError(f"{wanted}, found a tensor of {value.dtype.name}.")
        return value.to_tensor("") if isinstance(value, tf.RaggedTensor) else value
    return _packed(value, wanted, depth)


def _packed(value, wanted, depth):
    """Returns a tensor of Python's strings, or of lists of them, nested up to depth."""
    if isinstance(value, str | bytes):
        return tf.constant(_utf8(value), tf.string)
    if not isinstance(value, list | tuple):
        raise TypeError(f"{wanted}, found {_described(value)}.")
    if len(value) == 0:
        return tf.zeros([0], tf.string)
    nested = [isinstance(item, list | tuple | np.ndarray) for item in value]
    if not any(nested):
        return _row(value, wanted)
    if depth == 1 or not all(nested):
        place = nested.index(True)
        raise ValueError(
            f"{wanted}, found {_described(value[place])} as number {place} of "
            f"{len(value)}."
        )
    rows = [_packed(list(item), wanted, depth - 1) for item in value]
    return tf.ragged.stack(rows).to_tensor("")


def _row(items, wanted):
    """Returns the tensor of a list of strings, some of which may be tensors."""
    for place, item in enumerate(items):
        if tf.is_tensor(item):
            is_text = item.dtype == tf.string and item.shape.rank == 0
        else:
            is_text = isinstance(item, str | bytes)
        if not is_text:
            raise TypeError(
                f"{wanted}, found {_described(item)} as number {place} of {len(items)}."
            )
    if any(tf.is_tensor(item) for item in items):
        return tf.stack([item if tf.is_tensor(item) else _utf8(item) for item in items])
    return tf.constant([_utf8(item) for item in items], tf.string)


def _utf8(text):
    if isinstance(text, bytes):
        return text
    return _SURROGATE.sub("\ufffd", text).encode("utf-8")


def _shape(batch):
    return f"({', '.join('?' if n is None else str(n) for n in batch.shape)})"


def _described(value):
    """Says what was found: its type, and what it holds if that is short."""
    if value is None:
        return "None"
    article = "an" if type(value).__name__[0] in "aeiouE" else "a"
    return f"{article} {type(value).__name__}, {_shortened(repr(value))}"


def _shortened(text):
    return text if len(text) <= 40 else f"{text[:40]}…"
