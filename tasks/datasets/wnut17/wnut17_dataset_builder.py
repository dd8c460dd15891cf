"""WNUT 2017, emerging and rare entities, as TFDS sees it.

```python
import tasks.datasets.wnut17.wnut17_dataset_builder  # registers `wnut17`
tfds.load("wnut17", data_dir=writable)
```

The files have a token a line, a tab and its tag, and a line with nothing, or with
nothing but a tab, after each sentence.
"""

from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds

from tasks.datasets import tagged_lines

URL = (
    "https://raw.githubusercontent.com/leondz/emerging_entities_17/"
    "e52a2d2a71ac1a051ca2d532eef28653c5c02603/"
)
FILES = {
    "train": "wnut17train.conll",
    "validation": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}
TYPES = ("corporation", "creative-work", "group", "location", "person", "product")
TAGS = ("O", *(f"{prefix}-{kind}" for kind in TYPES for prefix in "BI"))


class Builder(tfds.core.GeneratorBasedBuilder):
    """Tokens and their IOB2 tags.

    TFDS takes the name, `wnut17`, from this file's: `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The shared task's files, as they are."}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tagged_lines.features(TAGS),
            homepage="https://noisy-text.github.io/2017/emerging-rare-entities.html",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        paths = dl_manager.download({split: URL + FILES[split] for split in FILES})
        return {split: self._generate_examples(paths[split]) for split in FILES}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict]]:
        for number, (tokens, tags) in enumerate(read_sentences(path)):
            yield number, {"tokens": tokens, "tags": tags}


def read_sentences(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yields the tokens of each sentence of a file, and their tags.

    Raises:
        AssertionError: see `tagged_lines.read_sentences`.
    """
    return tagged_lines.read_sentences(path, TAGS, separators=("", "\t"))
