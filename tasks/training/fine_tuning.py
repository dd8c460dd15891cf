"""Training that goes on from a preset: with its weights, vocabularies and sizes."""

import json
from pathlib import Path
from typing import Any

from tasks.cli.config import TrainingConfig
from zoo import presets
from zoo.files import replaced_file
from zoo.models.base import Model

# What is known of the preset, in the training's folder.
_FILE = "began_with.json"


def model(cls: type[Model], config: TrainingConfig) -> Any:
    """Returns the model of a preset, to train further.

    Args:
        cls: the class that it has to be of.
        config: the training's config, which names the preset.

    Raises:
        PresetError: there is no such preset, it is damaged, or of another class.
    """
    found = cls.from_preset(config.from_preset)
    print(f"begins with {config.from_preset}, {found.count_params():,} weights")
    return found


def arguments(config: TrainingConfig) -> dict:
    """Returns the constructor's arguments of the preset to begin with; {} for none.

    Args:
        config: the training's config.

    Raises:
        PresetError: there is no such preset, or its config can't be read.
    """
    return {} if config.from_preset is None else presets.config(config.from_preset)


def record(config: TrainingConfig) -> dict[str, Any]:
    """Returns what a new preset remembers of those that it comes from.

    `began_with` is a list of them, the latest first: the `preset` that the training
    began with, the `command` that had made it, what that had trained on, `train`, and
    its `minutes`; then the preset that this one had begun with, and so on.

    Args:
        config: the training's config.
    """
    if config.from_preset is None:
        return {}
    folder = presets.find(config.from_preset)
    trained = presets.read_metrics(folder).get("training", {})
    latest = {"preset": presets.name_of(folder)} | _made(trained, "")
    if "minutes" in trained:
        latest["minutes"] = own_minutes(trained)
    return {"began_with": [latest, *_earlier(trained)]}


def commands(trained: dict[str, Any]) -> list[str]:
    """Returns the commands that a preset was trained by, and all that it comes from.

    Args:
        trained: what is recorded of its training.

    Returns:
        The commands, the latest first; "" for one that isn't on record.
    """
    return [each.get("command", "") for each in (trained, *_earlier(trained))]


def own_minutes(trained: dict[str, Any]) -> float:
    """Returns how long a training took, that of what it began with left out.

    Args:
        trained: what is recorded of it, with `minutes`: pre-training isn't in them.
    """
    return round(trained["minutes"] + trained.get("pretraining_minutes", 0), 1)


def minutes_on_record(trained: dict[str, Any]) -> tuple[float, bool]:
    """Returns how long a preset trained, and all that it comes from.

    Args:
        trained: what is recorded of its training, with `minutes`.

    Returns:
        The minutes, and whether they are all: those of an earlier training may not be
        on record.
    """
    earlier = [each.get("minutes") for each in _earlier(trained)]
    known = [minutes for minutes in earlier if minutes is not None]
    minutes = round(own_minutes(trained) + sum(known), 1)
    return minutes, len(known) == len(earlier)


def _earlier(trained):
    """Returns the presets that one comes from, as `record` has them."""
    found = trained.get("began_with", [])
    if not isinstance(found, str):
        return found
    # Older records know two at most, each part of them by a name of its own.
    before = trained.get("which_began_with")
    latest = {"preset": found} | _made(trained, "its_")
    return [latest] if before is None else [latest, {"preset": before}]


def _made(trained, prefix):
    """Returns the command and the data of a training, as far as they are on record."""
    names = {name: f"{prefix}{name}" for name in ("command", "train")}
    return {name: trained[key] for name, key in names.items() if key in trained}


def citations(config: TrainingConfig) -> dict[str, str]:
    """Returns how the data of the preset to begin with are cited, by data set."""
    if config.from_preset is None:
        return {}
    return presets.read_metrics(presets.find(config.from_preset)).get("citations", {})


def keep(config: TrainingConfig, output: Path, resumed: bool) -> None:
    """Writes down what is known of the preset: it may be another in some hours.

    Args:
        config: the training's config.
        output: the training's folder.
        resumed: whether the training goes on: what it wrote down then is left.
    """
    path = output / _FILE
    if config.from_preset is None or (resumed and path.exists()):
        return
    known = {"record": record(config), "citations": citations(config)}
    with replaced_file(path) as file:
        file.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def kept(config: TrainingConfig, output: Path) -> tuple[dict, dict]:
    """Returns what `record` and `citations` returned as the training began.

    Args:
        config: the training's config.
        output: the training's folder.
    """
    if config.from_preset is None:
        return {}, {}
    known = json.loads((output / _FILE).read_text("utf-8"))
    return known["record"], known["citations"]
