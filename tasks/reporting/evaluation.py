"""What a preset is measured on: what it was trained to do, unless told otherwise."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tasks.cli import outputs
from tasks.cli.config import EvaluationConfig
from tasks.data import builders as data
from tasks.data import dataset_records
from tasks.errors import UserError
from zoo import presets


class Chosen(NamedTuple):
    """A dataset's part to measure a preset on.

    Attributes:
        builder: a prepared TFDS builder.
        splits: their names or slices, one at least, each to measure on by itself.
        columns: as they were asked for, None where nothing is known of one.
    """

    builder: object
    splits: tuple[str, ...]
    columns: tuple[str | None, ...]


def writes_card(preset: Path, settings: EvaluationConfig) -> bool:
    """Says whether what is measured goes into a preset's metrics and card.

    It does unless the preset is one that comes with the zoo, whose card tells of what
    the zoo's authors measured: then only where the user asks for it. Nor does it where
    nothing can be written.

    Args:
        preset: the preset's folder.
        settings: what the user asks for.

    Raises:
        UserError: it is asked for, and nothing can be written there.
    """
    if settings.write_card:
        outputs.check_folder(preset, "--write-card")
        return True
    return not presets.is_shipped(preset) and os.access(preset, os.W_OK | os.X_OK)


@contextlib.contextmanager
def of_trained(preset: Path) -> Iterator[None]:
    """Tells, where measuring what a training has made fails, that the preset is there.

    Args:
        preset: its folder, which is written.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        outputs.note(
            f"the preset {preset} is written, but wasn't measured to the end: evaluate "
            f"--model {preset} does that."
        )
        raise


def columns_of_files(
    preset: Path, settings: EvaluationConfig, *columns: str
) -> list[str | None]:
    """Returns the columns of a user's file: those asked for, or the training's.

    Args:
        preset: the preset's folder.
        settings: what the user asks for.
        *columns: their names in the settings and in the training's record.

    Returns:
        The columns, None where nothing is known: a training on a dataset tells nothing
        of files.
    """
    trained = presets.read_metrics(preset).get("training", {})
    if "dataset" in trained:
        trained = {}
    return [getattr(settings, name) or trained.get(name) for name in columns]


def check_alone(preset: Path, settings: EvaluationConfig, flag: str) -> None:
    """Raises a UserError where a flag's file would be of several datasets at once.

    The record alone tells it: no model and no dataset is loaded.

    Args:
        preset: the preset's folder.
        settings: what the user asks for.
        flag: what takes a file that is written anew for each dataset.
    """
    if settings.OWN_FILES and getattr(settings, settings.OWN_FILES):
        return
    parts = _parts(preset, settings)
    names = [part["dataset"] for part in parts if _is_held_back(part, settings)]
    if len(names) > 1:
        raise UserError(
            f"{flag} takes what is found on one dataset, and there are {len(names)} to "
            f"measure on: {', '.join(names)}. Choose one with --dataset."
        )


def choose(
    preset: Path, settings: EvaluationConfig, *columns: str, files: str = ""
) -> list[Chosen]:
    """Chooses what to measure a preset on: parts of one dataset or of several.

    Args:
        preset: the preset's folder.
        settings: what the user asks for. Without a dataset they are the training's.
            Of a dataset that was trained on, asked for or not, the columns are those of
            the training, and the splits what it held back.
        *columns: their names in the settings and in the training's record.
        files: the flag that takes files instead, if there is one.

    Raises:
        UserError: it was trained on no dataset, and none was asked for; or no split
            was held back of those; or there is no such dataset.
    """
    parts = _parts(preset, settings)
    if not parts:
        others = files and f", or files with {files}"
        raise UserError(
            f"Preset {preset} has no dataset on record to be measured on. Give one "
            f"with --dataset{others}."
        )
    if settings.dataset is not None:
        parts = _as_trained(preset, settings, parts)
    used_up = [part["dataset"] for part in parts if not _is_held_back(part, settings)]
    if len(used_up) == len(parts):
        raise UserError(
            f"Preset {preset} is measured on what its training held back, and that is "
            f"nothing of {', '.join(used_up)}. Choose a split with --split, or another "
            "dataset with --dataset."
        )
    for name in used_up:
        outputs.note(
            f"{name} is left out: the training held nothing of it back. --dataset with "
            "--split measures on what it has."
        )
    return [
        _chosen(part, settings, columns)
        for part in parts
        if part["dataset"] not in used_up
    ]


def _parts(preset, settings):
    """Returns what is known of each dataset to measure on."""
    if settings.dataset is not None:
        return [{"dataset": name} for name in settings.dataset]
    return dataset_records.apart(presets.read_metrics(preset).get("training", {}))


def _as_trained(preset, settings, parts):
    """Returns what is known of datasets by their names, by the training's record."""
    trained = dataset_records.apart(presets.read_metrics(preset).get("training", {}))
    known = {part["dataset"].partition(":")[0]: part for part in trained}
    found = []
    for part in parts:
        builder = data.load_builder(part["dataset"], settings.data_dir)
        found.append(known.get(data.name(builder).partition(":")[0], {}) | part)
    return found


def _is_held_back(trained, settings):
    """Says whether there is a split to measure on, asked for or not trained on."""
    return bool(settings.split) or trained.get("test_splits") != []


def _chosen(trained, settings, columns):
    held_back = trained.get("test_splits") or [trained.get("test_split") or "test"]
    return Chosen(
        data.load_builder(trained["dataset"], settings.data_dir),
        (settings.split,) if settings.split else tuple(held_back),
        tuple(getattr(settings, name) or trained.get(name) for name in columns),
    )
