"""What data, models and presets are, in a few characters: to know them again."""

import dataclasses
import hashlib
import json
import os

import numpy as np

from zoo import presets

# Fields of a corpus that say where it is from, not what it is.
_ABOUT = {"source", "citation"}
_DIGITS = 32


def of_data(value) -> str:
    """Returns the same for the same data, and for others something else.

    Args:
        value: strings, bytes, numbers, arrays, and sequences and dataclasses of them;
            of dataclasses that say where they are from, the rest.
    """
    found = hashlib.sha256()
    _add(found, value)
    return found.hexdigest()[:_DIGITS]


def _add(found, value):
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        found.update(b"%d:" % len(value))
        found.update(value)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        found.update(f"{value.dtype}{value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, np.ndarray | list | tuple):
        found.update(b"[%d" % len(value))
        for each in value:
            _add(found, each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in _ABOUT:
                _add(found, getattr(value, field.name))
    else:
        found.update(repr(value).encode())


def of_vocabularies(model) -> str:
    """Returns the same for models that know the same words in the same order."""
    known = getattr(model, "vocabularies", {})
    return of_data(
        [[name, list(words.tokens)] for name, words in sorted(known.items())]
    )


def of_preset(name: str | os.PathLike) -> str:
    """Returns the same for presets that answer alike, wherever they lie.

    It is made of the preset's config, its vocabularies and its weights' checksums.

    Raises:
        PresetError: there is no such preset.
    """
    folder = presets.find(name)
    weights = folder / presets.SAVED_MODEL / "variables" / "variables.index"
    files = [folder / presets.CONFIG, weights, *_assets(folder)]
    return of_data([path.read_bytes() for path in files if path.is_file()])


def of_presets_model(name: str | os.PathLike) -> str:
    """Returns the same for presets of the same model, whatever its weights are.

    Raises:
        PresetError: there is no such preset, or its config can't be read.
    """
    folder = presets.find(name)
    options = json.dumps(presets.config(folder), sort_keys=True)
    return of_data([options, *(path.read_bytes() for path in _assets(folder))])


def _assets(folder):
    """Returns the files of a preset's vocabularies."""
    found = (folder / presets.SAVED_MODEL / "assets").glob("*")
    return sorted(path for path in found if path.is_file())
