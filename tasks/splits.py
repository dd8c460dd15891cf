"""What a training is chosen on where its dataset has no split for that."""

import numpy as np

# The part of train that is held out, and the seed it is drawn with: the same
# examples whatever a training's own seed is.
HELD_OUT, HELD_OUT_SEED = 0.1, 0


def hold_out(examples):
    """Cuts a tenth off at random, the same tenth every time.

    Args:
        examples: anything with a length, a `source` and `take(places, source)`.

    Returns:
        What is left to train on, and what is held out for validation.
    """
    order = np.random.default_rng(HELD_OUT_SEED).permutation(len(examples))
    held_out = max(1, round(HELD_OUT * len(examples)))
    places = np.sort(order[held_out:]), np.sort(order[:held_out])
    notes = f"less {HELD_OUT:.0%}", f"a random {HELD_OUT:.0%}"
    return tuple(
        examples.take(place, f"{examples.source} ({note})")
        for place, note in zip(places, notes, strict=True)
    )
