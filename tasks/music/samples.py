"""Pieces that a music model draws, beside real ones: figures and a picture."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo import music

COUNT, SEED = 100, 1
PICTURE = "piano_rolls.png"
# A piece goes no further than this, and no further than the longest real one.
MOST_STEPS = 512
# What the picture shows of a piece.
SHOWN_STEPS = 128


def compare(preset: Path, model, pieces) -> dict:
    """Draws pieces, and says how like real ones they are.

    Args:
        preset: the folder that the picture goes into.
        model: a `zoo.models.MusicModel`.
        pieces: the real ones, `tasks.music.corpus.Pieces`.

    Returns:
        for `tasks.reporting.cards`: `statistics` of both, unless they are drums, which
        have no harmony, and the `picture`, if matplotlib is there to draw it.
    """
    drawn = draw(model, int(min(pieces.lengths.max(), MOST_STEPS)))
    extras = {}
    grid = pieces.grid
    if not grid.drums:
        extras["statistics"] = {
            pieces.source: music.statistics(pieces.rolls, grid.lowest),
            f"{COUNT} generated pieces": music.statistics(drawn, grid.lowest),
        }
    shown = {
        "real": pieces.rolls[0][:SHOWN_STEPS],
        "generated": drawn[0][:SHOWN_STEPS],
    }
    try:
        picture = preset / PICTURE
        music.piano_rolls(shown, picture, lowest=grid.lowest, drums=grid.drums)
    except ImportError as error:
        print(f"picture     {error}")
        return extras
    print(f"picture     {preset / PICTURE}")
    return extras | {
        "picture": {
            "file": PICTURE,
            "text": f"The first piece of {pieces.source} and the first generated one; "
            f"of long pieces the first {SHOWN_STEPS} steps.",
        }
    }


def draw(model, steps: int) -> list[np.ndarray]:
    """Draws pieces from nothing, at temperature 1.

    Args:
        model: a `zoo.models.MusicModel`.
        steps: how many frames a piece may have.

    Returns:
        `COUNT` rolls, uint8, each (its steps, keys).
    """
    primer = tf.zeros([COUNT, 0, model.keys])
    roll, lengths = model.generate(primer, steps, seed=SEED)
    rolls = roll.numpy().astype(np.uint8)
    return [roll[:length] for roll, length in zip(rolls, lengths.numpy(), strict=True)]
