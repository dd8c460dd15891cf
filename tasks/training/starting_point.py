"""What a preset scores before it is trained further, and whether that made it worse."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from tasks.cli import outputs
from tasks.training import callbacks, workers
from zoo.files import replaced_file

# Beside the checkpoints, for trainings that are interrupted.
_FILE = "before.json"


def measure(model: keras.Model, validation: Any, folder: Path, monitor: str) -> None:
    """Measures a preset's model by what the best epoch will be chosen by.

    Args:
        model: compiled, not trained yet.
        validation: as `evaluate` takes it; several by name, for the mean of them.
        folder: that of the training's checkpoints. What was measured there is kept.
        monitor: see `callbacks.merit`.
    """
    if workers.as_the_chief((folder / _FILE).exists()):
        return
    if isinstance(validation, Mapping):
        figures = callbacks.validated(model, validation)
    else:
        found = model.evaluate(validation, verbose=0, return_dict=True)
        figures = {f"val_{name}": value for name, value in found.items()}
    name = monitor.removeprefix("-")
    if workers.is_chief():
        with replaced_file(folder / _FILE) as file:
            file.write_text(json.dumps({name: float(figures[name])}) + "\n", "utf-8")
        print(f"the preset  {name} {figures[name]:.4f}, before it is trained further")


def tell_if_worse(history: list[dict], folder: Path, monitor: str) -> None:
    """Notes it where no epoch came up to what the preset scored before.

    Args:
        history: what each epoch gave.
        folder: that of the training's checkpoints.
        monitor: see `callbacks.merit`.
    """
    try:
        before = json.loads((folder / _FILE).read_text("utf-8"))
    except (OSError, ValueError):  # it was not measured
        return
    best = max(history, key=lambda row: callbacks.merit(row, monitor))
    then, now = (round(callbacks.merit(row, monitor), 4) for row in (before, best))
    if now < then:
        name = monitor.removeprefix("-")
        outputs.note(
            f"the preset was better before this training: {name} {before[name]:.4f}, "
            f"and now {best[name]:.4f} in the best epoch, {best['epoch']}. Keep it, or "
            "try a smaller --learning-rate."
        )
