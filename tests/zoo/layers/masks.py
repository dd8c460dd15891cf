"""Every pattern that a mask can have, for three rows of five steps."""

import numpy as np
import pytest

ROWS, STEPS = 3, 5

PATTERNS = {
    "no mask": None,
    "all valid": ["11111", "11111", "11111"],
    "padded on the right": ["11111", "11100", "10000"],
    "padded on the left": ["11111", "00111", "00001"],
    "padded on both sides": ["01110", "00100", "11110"],
    "holes": ["10101", "01011", "11011"],
    "an empty row": ["11100", "00000", "11111"],
    "all rows empty": ["00000", "00000", "00000"],
    "holes, padding and an empty row": ["01010", "00000", "10011"],
}

MASKS = {
    name: rows and np.array([[step == "1" for step in row] for row in rows])
    for name, rows in PATTERNS.items()
}

ALL_PATTERNS = np.concatenate([mask for mask in MASKS.values() if mask is not None])
"""All patterns in one batch, (rows, STEPS): for tests that take their time."""

every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
"""Runs a test with each pattern as its argument `mask`, (ROWS, STEPS) or None."""
