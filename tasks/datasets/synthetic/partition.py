"""Which split a generated text belongs to."""

import bisect
import itertools
import zlib
from collections.abc import Mapping


def owner(text: str, sizes: Mapping[str, int]) -> str:
    """Names the one split in which `text` may occur.

    Every split draws from its own random numbers and keeps only what it owns. So
    no text can occur in two splits, and no split has to know another's.

    Args:
        text: what must not occur twice.
        sizes: split names and their numbers of examples; a split owns a share of
            all texts in proportion to its size.

    Returns:
        The name of a split in `sizes`, the same in every process.
    """
    bounds = list(itertools.accumulate(sizes.values()))
    point = zlib.crc32(text.encode()) % bounds[-1]
    return list(sizes)[bisect.bisect_right(bounds, point)]
