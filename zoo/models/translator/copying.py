"""What a translation can copy of its source."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.text import Vocabulary
from zoo.text.vocabulary import PADDING_ID, SPECIAL


class Source(NamedTuple):
    """What attention looks at, a `zoo.layers.Memory`, and what it can copy of it.

    Attributes:
        values: of the memory.
        keys: of the memory.
        mask: of the memory.
        ids: the tokens by their ids in the target's vocabulary, int32 (batch, source);
            0 at padding, and where that vocabulary lacks a token.
        firsts: where each of them is first, int32 (batch, source): see
            `zoo.layers.PointerGenerator.firsts`.
        cues: whether each is to be copied, float32 (batch, source): its `cues`.
    """

    values: tf.Tensor
    keys: tf.Tensor
    mask: tf.Tensor
    ids: tf.Tensor
    firsts: tf.Tensor
    cues: tf.Tensor


def in_target(source: Vocabulary, target: Vocabulary) -> np.ndarray:
    """Returns the id in the target's vocabulary of each token of the source's.

    `<UNK>` is one of them: a translation writes it as the source's token.

    Args:
        source: a vocabulary.
        target: another one, or the same.

    Returns:
        int32 (V of the source,); 0 where the target's lacks a token.
    """
    places = {token: place for place, token in enumerate(target.tokens)}
    found = [places.get(token, PADDING_ID) for token in source.tokens]
    found[: len(SPECIAL)] = range(len(SPECIAL))
    return np.array(found, "int32")
