"""How far a training is saved, by its checkpoints' names. Knows nothing of TensorFlow.

A checkpoint amid an epoch has the number of the epochs before it, and of the batches.
"""

import contextlib
from pathlib import Path

# Where they lie in the folder of a training's checkpoints.
WITHIN_EPOCH = Path("latest", "within_epoch")
_MOST_BATCHES = 10**9


def number(epochs: int, batches: int) -> int:
    """Returns the number of a checkpoint amid an epoch."""
    return epochs * _MOST_BATCHES + batches


def epochs_done(folder: Path) -> int:
    """Returns how many epochs there are in the folder of a training's checkpoints."""
    with contextlib.suppress(OSError):
        lines = (folder / "history.csv").read_text("utf-8").splitlines()
        return max(len(lines) - 1, 0)
    return 0


def saved(folder: Path) -> tuple[int, int]:
    """Returns how many epochs are saved, and how many batches of the next one."""
    epochs, batches = epochs_done(folder), 0
    for path in (folder / WITHIN_EPOCH).glob("ckpt-*.index"):
        before, done = divmod(int(path.stem.rpartition("-")[2]), _MOST_BATCHES)
        if before == epochs:
            batches = max(batches, done)
    return epochs, batches
