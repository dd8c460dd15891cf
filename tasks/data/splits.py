"""What a training is chosen and reported on."""

from collections.abc import Callable

import numpy as np

from tasks.data import builders as data
from tasks.errors import UserError

# What datasets call the splits to choose and to report on.
VALIDATION, TEST = ("validation", "dev"), "test"
# The part of train that is held out, and the seed it is drawn with: the same
# examples whatever a training's own seed is.
HELD_OUT, HELD_OUT_SEED = 0.1, 0


def hold_out(examples):
    """Cuts a tenth off at random, the same tenth every time.

    Args:
        examples: anything with a length, a `source` and `take(places, source)`.

    Returns:
        What is left to train on, and what is held out for validation.

    Raises:
        UserError: there are not two of them.
    """
    if len(examples) < 2:
        raise UserError(
            f"{examples.source} holds a single example. There must be two at least: "
            "one to train on, one to choose the best epoch on."
        )
    order = np.random.default_rng(HELD_OUT_SEED).permutation(len(examples))
    held_out = max(1, round(HELD_OUT * len(examples)))
    places = np.sort(order[held_out:]), np.sort(order[:held_out])
    notes = f"less {HELD_OUT:.0%}", f"a random {HELD_OUT:.0%}"
    return tuple(
        examples.take(place, f"{examples.source} ({note})")
        for place, note in zip(places, notes, strict=True)
    )


def choose(
    builder, train_split: str, is_usable: Callable[[str], bool] = lambda split: True
) -> tuple[str | None, list[str]]:
    """Chooses the splits of a dataset to choose and to report on.

    What is reported was never chosen on: of a dataset without a usable test split the
    validation split is reported, and the best epoch chosen on what `hold_out` gives.

    Args:
        builder: a TFDS builder.
        train_split: the split to train on or a slice of it; no part of it is chosen.
        is_usable: whether a split's labels are there, say.

    Returns:
        The validation split, None where there is none, and those to report on, one
        or none.
    """
    validation, test = (
        next(
            (
                name
                for name in names
                if name in builder.info.splits
                and name not in data.split_names(train_split)
                and is_usable(name)
            ),
            None,
        )
        for names in (VALIDATION, (TEST,))
    )
    return (validation, [test]) if test else (None, [validation] if validation else [])
