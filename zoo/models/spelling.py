"""What the spelling of an unknown word costs."""

import collections
import sys
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.text import Vocabulary
from zoo.text.normalization import Places
from zoo.text.tokenizers import valid_utf8
from zoo.text.vocabulary import UNKNOWN_ID
from zoo.typing import Tensor


class Spelling:
    """P(spelling | `<UNK>`): characters by how often the vocabulary's words have them.

    ```
    P(c1 … cn | <UNK>) = P(c1) ⋯ P(cn) P(end)
    ```

    P(c) is the share of c among the characters and ends of all words of the vocabulary,
    each word once, with one more of each; what no word has shares the last of these
    equally among all of Unicode. So the probabilities of all spellings are 1 together,
    and no spelling is free: with it, log P(`<UNK>`) is the log P of a word.

    Args:
        vocabulary: the words that are known.
    """

    def __init__(self, vocabulary: Vocabulary):
        words = vocabulary.ordinary_tokens
        counts = collections.Counter("".join(words))
        total = counts.total() + len(counts) + len(words) + 2
        codes = np.array(sorted(map(ord, counts)) or [0], "int32")
        shares = [(counts[chr(code)] + 1) / total for code in codes]
        self._codes, self._logs = codes, np.log(shares).astype("float32")
        self._other = float(np.log(1 / total / (sys.maxunicode + 1)))
        self._end = float(np.log((len(words) + 1) / total))

    def log_probabilities(self, tokens: Tensor, ids: Tensor) -> Any:
        """Returns what unknown tokens cost beside `<UNK>`, and which ones these are.

        Args:
            tokens: as they are written, string, ragged (batch, n).
            ids: theirs, int32, ragged (batch, n); each row may go on, with `<EOS>`.

        Returns:
            log P in nats, float32, and bool, both ragged like `ids`: 0 and false where
            the token is known.
        """
        unknown = ids.with_values(ids.values == UNKNOWN_ID)
        codes = tf.strings.unicode_decode(valid_utf8(tokens.values), "UTF-8")
        places, is_known = Places(self._codes)(codes.values)
        logs = tf.where(is_known, tf.gather(self._logs, places), self._other)
        logs = tf.reduce_sum(codes.with_values(logs), axis=1) + self._end
        missing = ids.row_lengths() - tokens.row_lengths()
        nothing = tf.RaggedTensor.from_row_lengths(
            tf.zeros([tf.reduce_sum(missing)]), missing
        )
        logs = tf.concat([tokens.with_values(logs), nothing], axis=1)
        return ids.with_values(tf.where(unknown.values, logs.values, 0.0)), unknown
