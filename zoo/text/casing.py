"""Texts in one case, all upper or all lower, in the case that a vocabulary knows."""

import functools
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from zoo.text.lowercase import lower
from zoo.text.normalization import Places
from zoo.text.subword_learning import SPACE
from zoo.text.subwords import Subwords
from zoo.text.vocabulary import UNKNOWN_ID, Vocabulary

CASINGS = ("restore",)

# What a text is cut with, and has none of itself.
_CUT = "\x1f"
_WORD = r"\p{L}[\p{L}\p{M}]*(?:['\x{2019}-][\p{L}\p{M}]+)*"
# What stands between two words where a sentence ends.
_END = r"(?s)(.*[.!?\x{2026}:]['\")\x{201d}]*\s.*)"
# How much likelier a word is in lower case than its rank tells: at the beginning of
# sentences it has a capital for another reason. (0.5, 0.7 and 1 were compared, for
# German and English on the validation texts of Multi30k; 0.6 is between two of them.)
_LOWER = 0.6


def check_casing(casing: str | None) -> None:
    """Raises a ValueError if there is no such casing."""
    if casing is not None and casing not in CASINGS:
        raise ValueError(
            f"casing must be one of {', '.join(CASINGS)}, or None, found {casing!r}."
        )


def in_one_case(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Says which texts are all in lower case, and which are all in upper case.

    Args:
        texts: string, any shape.

    Returns:
        Two bool of this shape; a text without letters is in neither.
    """
    texts = tf.strings.regex_replace(texts, "\x00", " ")  # an end to lower and upper
    has_upper = lower(texts) != texts
    # What is in a to z is soon found; what else has a capital, by a table.
    is_sure = tf.strings.regex_full_match(texts, "(?s).*[a-z].*")
    has_lower = tf.cond(
        tf.reduce_all(is_sure),
        lambda: tf.identity(is_sure),
        lambda: upper(texts) != texts,
    )
    return has_lower & ~has_upper, has_upper & ~has_lower


def forms(words: tf.Tensor) -> tf.Tensor:
    """Returns how words may be written.

    Args:
        words: string (n,).

    Returns:
        string (n, 4): "t-shirt", "T-shirt", "T-Shirt" and "T-SHIRT".
    """
    small = lower(words)
    parts = tf.strings.split(small, sep="-")
    title = tf.ragged.map_flat_values(capitalized, parts)
    title = tf.strings.reduce_join(title, axis=1, separator="-")
    return tf.stack([small, capitalized(small), title, upper(words)], axis=1)


def upper(texts: tf.Tensor) -> tf.Tensor:
    """Returns texts, string of any shape and valid UTF-8, in upper case.

    Letters whose upper case is several, as that of ß, stay. (`tf.strings.upper` is an
    operation that TensorFlow Lite doesn't have.)
    """
    return tf.reshape(_upper_graph()(tf.reshape(texts, [-1])), tf.shape(texts))


@functools.cache
def _upper_graph():
    """Returns one graph for all that it is called in, so that they share its table."""
    letters = {code: chr(code).upper() for code in range(sys.maxunicode + 1)}
    letters = {
        code: ord(letter)
        for code, letter in letters.items()
        if len(letter) == 1 and ord(letter) != code
    }
    codes = np.array(list(letters), "int32")
    capitals = np.array(list(letters.values()), "int32")

    def in_upper_case(texts):
        found = tf.strings.unicode_decode(texts, "UTF-8")
        places, is_letter = Places(codes)(found.values)
        values = tf.where(is_letter, tf.gather(capitals, places), found.values)
        return tf.strings.unicode_encode(found.with_values(values), "UTF-8")

    return tf.function(
        in_upper_case,
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


def capitalized(words: tf.Tensor) -> tf.Tensor:
    """Returns words, string of any shape, with their first letter in upper case."""
    # `substr` refuses empty strings.
    first = tf.strings.regex_replace(words, r"(?s)\A(.).*", r"\1")
    rest = tf.strings.regex_replace(words, r"(?s)\A.", "")
    return tf.strings.join([upper(first), rest])


def capitalizes(tokens: Sequence[str]) -> bool:
    """Says whether rare words mostly begin with a capital, and so, the unknown ones.

    Args:
        tokens: a vocabulary's words, the most frequent first. The rarer half counts.
    """
    rare = [token for token in tokens[len(tokens) // 2 :] if token[:1].isalpha()]
    return sum(token[0].isupper() for token in rare) > len(rare) / 2


class CaseRestorer:
    """Gives each word of a text in one case the case in which a vocabulary knows it.

    Of a word's `forms` that one is taken which the fewest tokens make; of several known
    words the most frequent, where lower case counts for more; of several that are put
    together what rare words are, capitalized or not. The first letter of a sentence is
    in upper case. Texts with letters in both cases stay as they are.

    Args:
        vocabulary: of words or of subwords, as they are written.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        tokens = vocabulary.ordinary_tokens
        if isinstance(vocabulary, Subwords):
            tokens = [token[1:] for token in tokens if token.startswith(SPACE)]
        self._capitalizes = capitalizes(tokens)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Restores texts.

        Args:
            texts: string, (batch,), of valid UTF-8.

        Returns:
            string, (batch,).
        """
        all_lower, all_upper = in_one_case(texts)
        one_case = all_lower | all_upper
        return tf.cond(
            tf.reduce_any(one_case),
            lambda: tf.where(one_case, self._restored(texts), texts),
            lambda: tf.identity(texts),
        )

    def _restored(self, texts):
        texts = tf.strings.regex_replace(texts, _CUT, " ")
        cut = tf.strings.regex_replace(texts, _WORD, rf"{_CUT}\0{_CUT}")
        # By turns what is between words, which may be empty, and a word.
        pieces = tf.strings.split(cut, sep=_CUT)
        between, words = pieces[:, ::2], pieces[:, 1::2]
        place = tf.range(tf.size(words.flat_values, tf.int64))
        is_first = place == tf.gather(words.row_starts(), words.value_rowids())
        before = between[:, :-1].flat_values
        # "6 people" is no sentence that wants a capital.
        opens = is_first & ~tf.strings.regex_full_match(before, r"(?s).*\p{N}.*")
        begins = opens | tf.strings.regex_full_match(before, _END)
        best = self._best(words.flat_values)
        best = tf.where(begins, capitalized(best), best)
        written = tf.strings.join([before, best])
        written = tf.strings.reduce_join(words.with_flat_values(written), axis=1)
        return tf.strings.join([written, between[:, -1:].to_tensor("")[:, 0]])

    def _best(self, words):
        """Returns each word, string (n,), in its best form."""
        each = forms(words)
        tokens, ids = self._sizes(tf.reshape(each, [-1]))
        whole = tf.cast(ids, tf.float32) * [_LOWER, 1.0, 1.0, 1.0]
        usual = [1.0, 0.0, 0.0, 1.0] if self._capitalizes else [0.0, 1.0, 1.0, 1.0]
        rank = tf.where(tokens == 1, whole, usual)
        cost = tf.cast(tokens, tf.float32) * len(self._vocabulary) + rank
        return tf.gather(each, tf.argmin(cost, axis=1), batch_dims=1)

    def _sizes(self, words):
        """Returns how many tokens words have, and the first one's id, both (n, 4)."""
        if isinstance(self._vocabulary, Subwords):
            ids = self._vocabulary.encode(words)
            # Of one column also where no text has a word, but letters of another kind.
            first = ids[:, :1].to_tensor(0, shape=[None, 1])[:, 0]
            tokens = ids.row_lengths()
        else:
            first = self._vocabulary.ids(words)
            tokens = tf.where(first == UNKNOWN_ID, 2, 1)
        return (tf.reshape(each, [-1, 4]) for each in (tokens, first))
