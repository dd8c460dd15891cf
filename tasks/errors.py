"""What ends a command in one line on stderr. Knows nothing of TensorFlow."""

import re

from zoo.errors import did_you_mean, nearest

__all__ = [
    "InterruptionError",
    "LostWorkerError",
    "PipelineError",
    "TrainingError",
    "UserError",
    "did_you_mean",
    "nearest",
    "tensorflow_says",
]
# What a message of TensorFlow's names of an operation.
_NODE = re.compile(r"\{\{.*?\}\}\s*| ?\[Op:.*")


def tensorflow_says(message: str) -> str:
    """Returns the first line of a message of TensorFlow's, without operations' names.

    Args:
        message: the `message` of a `tf.errors.OpError`.
    """
    lines = _NODE.sub("", message or "").strip().splitlines()
    return lines[0].strip(" .") if lines else "it doesn't say why"


class UserError(Exception):
    """What was wrong, what was found, and what to do. Ends with exit code 2."""


class TrainingError(RuntimeError):
    """A training that can't go on."""


class PipelineError(RuntimeError):
    """A pipeline of Apache Beam's that a worker, or its runner, has given up."""


class LostWorkerError(RuntimeError):
    """Another worker has gone, and all have to be started again."""

    # What the operating system knows as a failure that passes.
    EXIT_CODE = 75


class InterruptionError(KeyboardInterrupt):
    """A training that a signal has ended, behind what is saved.

    Args:
        number: the signal's.
        where: where the training will go on, for the message; "" where it last was
            saved.
    """

    def __init__(self, number: int, where: str):
        super().__init__(number, where)
        self.where = where
        self.exit_code = 128 + number
