"""In what form new models read texts, and learn them."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from zoo.text import normalize
from zoo.text.casing import in_one_case
from zoo.text.tokenizers import valid_utf8


def plain(
    texts: np.ndarray, normalized: Callable[[tf.Tensor], tf.Tensor] = normalize
) -> np.ndarray:
    """Returns texts as models with normalization="plain" read them.

    Args:
        texts: strings, (n,).
        normalized: what gives strings, (batch,), their plain form.

    Returns:
        strings, (n,).
    """
    batches = (normalized(valid_utf8(batch)) for batch in data.in_batches(texts))
    found = [text.decode() for batch in batches for text in batch.numpy()]
    return np.array(found, object)


def casing(texts: np.ndarray) -> str | None:
    """Returns the `casing` of a model that learns from texts, strings, (n,).

    It is "restore", but None where most texts are in one case: nobody can learn from
    them which case a word has elsewhere.
    """
    batches = map(valid_utf8, data.in_batches(texts))
    count = sum(np.sum(np.logical_or(*in_one_case(batch))) for batch in batches)
    return None if 2 * count > len(texts) else "restore"
