"""Which template a preset is of, told by its model's class before it is loaded."""

import json
import os
from pathlib import Path

from tasks.errors import UserError
from zoo.errors import PresetError

CLASSES = {
    "sentiment": "SequenceClassifier",
    "ner": "SequenceTagger",
    "text": "LanguageModel",
    "music": "MusicModel",
    "translation": "Translator",
}
"""The class of each template's models."""
_CONFIG = "config.json"


def template_of(folder: Path) -> str | None:
    """Returns the template that a preset is of, None where its config doesn't tell.

    Args:
        folder: the preset's folder.
    """
    try:
        content = json.loads((folder / _CONFIG).read_text("utf-8"))
    except (OSError, ValueError):
        return None  # loading it says what is wrong
    path = content.get("class") if isinstance(content, dict) else None
    name = str(path).rpartition(".")[2]
    return next((t for t, of_models in CLASSES.items() if of_models == name), None)


def check(template: str, preset: str | os.PathLike) -> None:
    """Raises an error where a preset is of another template.

    Args:
        template: the name of the one that is to use it.
        preset: the preset's name or folder. What is to be fetched isn't looked at.

    Raises:
        UserError: it is another's.
    """
    from zoo import presets

    if template not in CLASSES or "://" in os.fspath(preset):
        return
    try:
        found = template_of(presets.find(preset))
    except PresetError:
        return  # as above
    if found not in (None, template):
        raise UserError(
            f"Preset {os.fspath(preset)!r} holds a {CLASSES[found]}, not a "
            f"{CLASSES[template]}: python -m tasks.{found} takes it. Give another here."
        )
