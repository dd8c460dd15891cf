"""The project's own TFDS builders, one folder each."""

import importlib
from pathlib import Path

_SUFFIX = "_dataset_builder"


def names() -> list[str]:
    """Returns the names of the project's own datasets."""
    folder = Path(__file__).parent
    return sorted(
        path.parent.name
        for path in folder.glob(f"*/*{_SUFFIX}.py")
        if path.stem == path.parent.name + _SUFFIX
    )


def register(name: str) -> bool:
    """Makes TFDS know the dataset `name`, if it is one of ours, and says so."""
    if name not in names():
        return False
    importlib.import_module(f"{__name__}.{name}.{name}{_SUFFIX}")
    return True
