"""Trainings' folders, and what may be one. Knows nothing of TensorFlow."""

import json
from pathlib import Path

from tasks.errors import UserError

CONFIG, CHECKPOINTS, PRESET = "config.json", "checkpoints", "preset"
# Fields that every training has on record, and hardly anything else.
_RECORDED = {"epochs", "data_dir", "train_split"}


def check_new(output: Path) -> None:
    """Raises a UserError where a new training would replace what a folder holds.

    Args:
        output: the folder, or what is to be one.
    """
    if (output / CHECKPOINTS).exists():
        raise UserError(
            f"{output} holds a training already. Go on with it by --resume, or choose "
            "another --output."
        )
    config = output / CONFIG
    if config.exists() and not _is_record(config):
        raise UserError(
            f"{config} is of something else, a preset perhaps, and a training there "
            "would replace it. Choose another --output."
        )


def _is_record(path):
    """Says whether a file is what a training wrote down that has saved nothing."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.keys() >= _RECORDED
