"""Trainings that end with their epochs, or are left after the first of them."""

import shutil
from pathlib import Path

import pytest

from tasks.training import callbacks, fitting
from tests.tasks import commands


class _EndError(BaseException):
    """Ends a training behind its epochs."""


def weights(template, output: Path, *argv, left: Path | None = None):
    """Returns the weights that a training gives.

    The preset isn't made and measured, which takes as long again: a training that it
    is compared with does that.

    Args:
        template: what is trained.
        output: the training's folder.
        *argv: the command's other flags.
        left: where the folder is copied to as it is after the first epoch: as a
            training that is killed then leaves it.
    """
    found, begin = [], callbacks.Order.on_epoch_begin

    def finish(model, *arguments, **kwargs):
        found.extend(model.get_weights())
        raise _EndError

    def on_epoch_begin(order, epoch, logs=None):
        if left is not None and epoch == 1:
            shutil.copytree(output, left)
        begin(order, epoch, logs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "finish", finish)
        patch.setattr(callbacks.Order, "on_epoch_begin", on_epoch_begin)
        with pytest.raises(_EndError):
            commands.succeed(template, "train", "--output", output, *argv)
    return found
