"""Training that goes on from a preset: with its weights, vocabularies and sizes."""

from typing import Any

from tasks.cli.config import TrainingConfig
from zoo import presets
from zoo.models.base import Model


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
    """Returns what a new preset remembers of the one that it began with.

    Args:
        config: the training's config.
    """
    if config.from_preset is None:
        return {}
    folder = presets.find(config.from_preset)
    trained = presets.read_metrics(folder).get("training", {})
    told = {"began_with": presets.name_of(folder)}
    if "began_with" in trained:
        told["which_began_with"] = trained["began_with"]
    return told | {
        f"its_{name}": trained[name] for name in ("command", "train") if name in trained
    }


def citations(config: TrainingConfig) -> dict[str, str]:
    """Returns how the data of the preset to begin with are cited, by data set."""
    if config.from_preset is None:
        return {}
    return presets.read_metrics(presets.find(config.from_preset)).get("citations", {})
