"""Numbers that JSON doesn't have, NaN and infinity, left out of what is to be JSON."""

import math
from collections.abc import Sequence
from typing import Any


def without_nan(content: Any) -> Any:
    """Returns a copy of what is to be JSON, None for each NaN and each infinity.

    Args:
        content: dicts and sequences of what JSON holds, and of floats that it doesn't.
    """
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        return [without_nan(value) for value in content]
    is_lost = isinstance(content, float) and not math.isfinite(content)
    return None if is_lost else content
