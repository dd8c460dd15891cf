"""What was given in place of a preset that can be read, and what to do."""

import os
import tarfile
import zipfile
from pathlib import Path

# What a preset's folder has; a SavedModel's; Keras' own files.
_CONFIG, _SAVED_MODEL, _GRAPH = "config.json", "saved_model", "saved_model.pb"
_KERAS = {".keras", ".h5", ".hdf5"}
# Which other files of a preset tell that a folder was one.
_REMAINS = _SAVED_MODEL, "metrics.json"
_FOLDER = f"a preset's folder, with {_CONFIG} and {_SAVED_MODEL}/"
# Where a folder's presets are, and those of the trainings in it.
_HELD = f"*/{_CONFIG}", f"*/preset/{_CONFIG}", f"*/*/preset/{_CONFIG}"
# So many of the presets in a folder are named.
_MOST_NAMED = 8


def sentence(path: Path, remains: bool = False) -> str:
    """Says what is wrong with a path that is there, but is no preset.

    Args:
        path: a file, or a folder without a preset's config.
        remains: whether a preset must have been there, for it is where they are.
    """
    name = repr(os.fspath(path))
    if not path.is_dir():
        return f"{name} is {_kind(path)}: give {_FOLDER}."
    try:
        return _of_folder(path, name, remains)
    except OSError as error:  # it may not be read
        return f"{name} can't be read: {error.strerror}. Give {_FOLDER}."


def _kind(path):
    """Returns what a file is."""
    if path.suffix in _KERAS:
        return "a model of Keras, in a file"
    is_readable = path.is_file() and os.access(path, os.R_OK)
    if is_readable and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path)):
        return "a packed file, to be unpacked first"
    return "a file"


def _of_folder(path, name, remains):
    if (path.parent / _CONFIG).is_file():
        return f"{name} is a part of a preset: give its folder, {path.parent}."
    if remains or any((path / each).exists() for each in _REMAINS):
        return f"Damaged preset {name}: {_CONFIG} is missing. Train or fetch it again."
    if (path / _GRAPH).is_file():
        return (
            f"{name} is a SavedModel without its preset: give {_FOLDER}, or run it by "
            "tf.saved_model.load."
        )
    found = sorted(each.parent for glob in _HELD for each in path.glob(glob))
    if found:
        listed = ", ".join(map(os.fspath, found[:_MOST_NAMED]))
        return f"{name} is no preset, but holds some: give one of {listed}."
    what = "an empty folder" if not any(path.iterdir()) else "no preset"
    return f"{name} is {what}: {_CONFIG} is missing. Give {_FOLDER}."


def may_not_be_read(error: PermissionError) -> str:
    """Says which of a preset's files or folders isn't for this user, and what to do."""
    name = repr(os.fspath(error.filename)) if error.filename else "A preset's file"
    return (
        f"{name} can't be read: {error.strerror}. Have its owner allow it (chmod -R "
        "a+rX, of the preset's folder), or give another preset."
    )
