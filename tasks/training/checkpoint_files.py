"""The checkpoints of a training on disk, and what of a model goes into them."""

import errno
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tasks.errors import UserError, tensorflow_says


def state(model: keras.Model) -> list[keras.Variable]:
    """Returns a model's weights and the state of its dropout seeds."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def paths(folder: Path) -> list[Path]:
    """Returns the checkpoints in a folder, the latest first."""
    found = [path.with_suffix("") for path in folder.glob("ckpt-*.index")]
    return sorted(found, key=lambda path: -int(path.name.rpartition("-")[2]))


def is_whole(path: Path) -> bool:
    """Says whether all of a checkpoint can be read, its checksums included."""
    return tensors(path) is not None


def tensors(path: Path) -> dict[str, np.ndarray] | None:
    """Returns all that a checkpoint holds, by name; None if it is damaged."""
    try:
        reader = tf.train.load_checkpoint(os.fspath(path))
        names = reader.get_variable_to_shape_map()
        return {name: reader.get_tensor(name) for name in names}
    except (tf.errors.OpError, LookupError, RuntimeError, ValueError):
        return None


def save(manager: tf.train.CheckpointManager, number: int) -> None:
    """Writes a checkpoint.

    Args:
        manager: of the variables.
        number: the checkpoint's.

    Raises:
        OSError: it can't be written; those before it are there still. (TensorFlow's own
            errors are none, and some are what a lost worker gives.)
    """
    try:
        manager.save(number)
    except tf.errors.OpError as error:
        reason = (
            f"the checkpoint can't be written: {tensorflow_says(error.message)}. When "
            "it can, go on with --resume."
        )
        raise OSError(errno.EIO, reason, manager.directory) from error


def restore(manager: tf.train.CheckpointManager, path: Path) -> None:
    """Gives variables the values that a checkpoint holds.

    Args:
        manager: of the variables.
        path: the checkpoint.

    Raises:
        UserError: it is one of other variables.
    """
    try:
        status = manager.checkpoint.restore(os.fspath(path))
        status.assert_existing_objects_matched()
    except (AssertionError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"The checkpoint {path} doesn't fit the model, which other data or another "
            f"version made: {reason} Train anew, in another --output."
        ) from error
