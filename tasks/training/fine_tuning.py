"""Training that goes on from a preset: with its weights, vocabularies and sizes."""

from collections.abc import Collection
from typing import Any

from tasks.cli.config import TrainingConfig
from zoo import presets
from zoo.models.base import Model


def model(
    cls: type[Model], config: TrainingConfig, anew: Collection[str] = (), **by_data: Any
) -> Any:
    """Returns the model of a preset, to train further.

    Args:
        cls: the class that it has to be of.
        config: the training's config, which names the preset.
        anew: the names of the layers that depend on `by_data`.
        **by_data: arguments of the constructor that the data decide. Where the preset's
            are others, it is a new model with the preset's weights in all layers but
            `anew`, which begin as new ones do.

    Raises:
        PresetError: there is no such preset, it is damaged, or of another class.
    """
    found = cls.from_preset(config.from_preset)
    arguments = found.get_config()
    kept = f"{found.count_params():,} weights of {config.from_preset}"
    if all(arguments[name] == value for name, value in by_data.items()):
        print(f"begins with {kept}")
        return found
    changed = cls.from_config({**arguments, **by_data})
    for layer in changed.layers:
        if layer.name not in anew:
            layer.set_weights(found.get_layer(layer.name).get_weights())
    print(f"begins with {kept}, but for {', '.join(anew)}: these are for {by_data}")
    return changed


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
