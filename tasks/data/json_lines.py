"""Lines of JSON that others than Python read. Beam sends it to workers, whole."""

import json
from typing import Any

from zoo.json_numbers import without_nan


def line(content: Any) -> str:
    """Returns a line, without its end: null for NaN and infinity.

    Args:
        content: dicts and sequences of what JSON holds, and of floats that it doesn't.
    """
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    except ValueError:  # seldom
        return json.dumps(without_nan(content), ensure_ascii=False, allow_nan=False)
