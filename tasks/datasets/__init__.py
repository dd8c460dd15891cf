"""The project's own TFDS builders, one folder each."""

import importlib
import re
from pathlib import Path

_SUFFIX = "_dataset_builder"
_CATALOGUE = "https://www.tensorflow.org/datasets/catalog"


def names() -> list[str]:
    """Returns the names of the project's own datasets."""
    folder = Path(__file__).parent
    return sorted(
        path.parent.name
        for path in folder.glob(f"*/*{_SUFFIX}.py")
        if path.stem == path.parent.name + _SUFFIX
    )


def terms(name: str) -> str:
    """Returns who may use a dataset, or where that is told, a sentence, Markdown.

    Of the project's own it is the licence and the source, as their READMEs have them.
    "" of what is generated, and of what only its user knows.

    Args:
        name: the dataset's, without a config.
    """
    if name in names():
        readme = Path(__file__).with_name(name).joinpath("README.md").read_text("utf-8")
        found = re.search(r"Licence: .+?(?=\n\n|\Z)", readme, re.DOTALL)
        return " ".join(found[0].split()) if found else ""
    import tensorflow_datasets as tfds

    if name in tfds.list_builders(with_community_datasets=False):
        return f"Terms: see [its page in TFDS' catalogue]({_CATALOGUE}/{name})."
    return ""


def register(name: str) -> bool:
    """Makes TFDS know the dataset `name`, if it is one of ours, and says so."""
    if name not in names():
        return False
    importlib.import_module(f"{__name__}.{name}.{name}{_SUFFIX}")
    return True
