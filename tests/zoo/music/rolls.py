"""Piano rolls for the tests."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays


def rolls(keys=88, dtype="uint8"):
    """Piano rolls that end with a note, as those that a MIDI file can hold do."""
    steps = st.integers(1, 12)
    shapes = st.tuples(steps, st.just(keys))
    values = st.integers(0, 1).map(np.dtype(dtype).type)
    found = arrays.arrays(dtype, shapes, elements=values, fill=st.just(0))
    return found.map(until_its_last_note).filter(len)


def until_its_last_note(roll):
    return roll[: np.flatnonzero(roll.any(axis=1)).max(initial=-1) + 1]


def melody(*keys, lowest=21, count=88):
    """A roll with one key a step, None for a rest."""
    roll = np.zeros((len(keys), count), "uint8")
    for step, key in enumerate(keys):
        if key is not None:
            roll[step, key - lowest] = 1
    return roll
