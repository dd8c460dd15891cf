"""Trainings' folders, and what may be one. Knows nothing of TensorFlow."""

import contextlib
import contextvars
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.errors import UserError
from zoo.files import is_free

try:
    import fcntl
except ImportError:  # where there are no such locks
    fcntl = None  # type: ignore[assignment]

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


_held: contextvars.ContextVar[dict | None] = contextvars.ContextVar(
    "held", default=None
)


@contextlib.contextmanager
def held_alone() -> Iterator[None]:
    """Has folders that `hold` is called with in this context held until its end."""
    descriptors: dict = {}
    token = _held.set(descriptors)
    try:
        yield
    finally:
        _held.reset(token)
        for descriptor in descriptors.values():
            with contextlib.suppress(OSError):  # of a file system that knows no locks
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a fork may have it open
            os.close(descriptor)


def hold(output: Path) -> None:
    """Holds a training's folder, so that no other process trains there meanwhile.

    Args:
        output: the folder, which is made.

    Raises:
        UserError: another process holds it.
    """
    held = _held.get()
    if held is None or fcntl is None:
        return
    output.mkdir(parents=True, exist_ok=True)
    found = os.stat(output)
    key = found.st_dev, found.st_ino
    if key in held:
        return
    descriptor = os.open(output, os.O_RDONLY)
    if not is_free(descriptor):
        os.close(descriptor)
        raise UserError(
            f"Another process trains in {output} right now. Wait for its end, or "
            "choose another --output."
        )
    held[key] = descriptor


def check_begun(path: Path, known: set[str]) -> None:
    """Raises a UserError where a folder's config isn't of such a training.

    Args:
        path: the config. What can't be read isn't looked at.
        known: what the config of such a training holds.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        return
    strange = sorted({*content} - known) if isinstance(content, dict) else ()
    if "class" in strange:
        raise UserError(
            f"{path} is of a preset, not of a training: there is nothing to resume. "
            "Give the training's own folder, or begin with the preset: --from-preset."
        )
    if strange and content.keys() >= _RECORDED:
        raise UserError(
            f"{path} is of another template's training, or of another version of the "
            f"zoo: it has {strange[0]!r}. Go on by the template that it began with, or "
            "train anew in another --output."
        )


def read_begun(path: Path, kind: type) -> Any:
    """Returns the config of a training that has begun, whose values fit.

    Args:
        path: the config.
        kind: what it is of, a dataclass with `check`.

    Raises:
        UserError: a number is out of its range.
        ValueError, TypeError, AttributeError: it is no JSON, or of something else, or
            a value is of another type.
    """
    content = json.loads(path.read_text("utf-8"))
    missing = sorted(_RECORDED - {*content})
    if missing:
        raise ValueError(f"it has no {missing[0]!r}")
    begun = kind(**content)
    begun.check()  # of another type a value can't be compared
    return begun


def _is_record(path):
    """Says whether a file is what a training wrote down that has saved nothing."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.keys() >= _RECORDED
