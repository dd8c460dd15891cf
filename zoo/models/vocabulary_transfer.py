"""Vectors of a vocabulary's tokens, made of those of another's."""

import numpy as np

from zoo.text import Subwords, Vocabulary
from zoo.text.vocabulary import UNKNOWN_ID


class VocabularyTransfer:
    """What each token of a vocabulary is made of in an earlier one.

    Its vector is that of the same token; else, of subwords, the mean of the vectors of
    the tokens that it was before; else that of `<UNK>`. Source: Gee et al. 2022, "Fast
    Vocabulary Transfer for Language Model Compression".

    Args:
        old: the vocabulary that there are vectors for.
        new: the one to make vectors for.
    """

    def __init__(self, old: Vocabulary, new: Vocabulary):
        places = {token: place for place, token in enumerate(old.tokens)}

        parts = [[token] for token in new.tokens]
        if isinstance(old, Subwords):
            parts = old.parts(new.tokens)
        self.ids = [[places.get(part, UNKNOWN_ID) for part in each] for each in parts]

    def __call__(self, table: np.ndarray) -> np.ndarray:
        """Returns the new tokens' vectors, or numbers.

        Args:
            table: those of the old vocabulary's tokens, (V, …).

        Returns:
            (V of the new one, …), of the same dtype.
        """
        rows = [table[ids].mean(axis=0) for ids in self.ids]
        return np.stack(rows).astype(table.dtype)
