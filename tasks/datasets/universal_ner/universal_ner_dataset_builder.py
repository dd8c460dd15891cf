"""Universal NER's English Web Treebank, as TFDS sees it.

```python
import tasks.datasets.universal_ner.universal_ner_dataset_builder  # registers it
tfds.load("universal_ner/en_ewt", data_dir=writable)
```

The files have a token a line: its number, the token, its tag, and two columns about
the annotation; comments begin with `#`, and an empty line ends a sentence.
"""

from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds

from tasks.datasets import tagged_lines

_REPOSITORY = "https://raw.githubusercontent.com/UniversalNER/UNER_English-EWT/"
URLS = {
    "train": _REPOSITORY
    + "0c7ce0debb13a7d304da656f16309397e8ff36ef/en_ewt-ud-train.iob2",
    "validation": _REPOSITORY
    + "8ed072de2fd24022cc62458997fe96a8fe191ea4/en_ewt-ud-dev.iob2",
    "test": _REPOSITORY
    + "8ed072de2fd24022cc62458997fe96a8fe191ea4/en_ewt-ud-test.iob2",
}
TYPES = ("LOC", "ORG", "PER")
TAGS = ("O", *(f"{prefix}-{kind}" for kind in TYPES for prefix in "BI"))
# What only the draft of train has, and the final annotation dropped.
DROPPED = ("B-OTH", "I-OTH", "B-O")


class Builder(tfds.core.GeneratorBasedBuilder):
    """Tokens and their IOB2 tags.

    TFDS takes the name, `universal_ner`, from this file's: `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files as they are, without the types OTH and O."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="en_ewt", description="English: answers, mail, reviews, weblogs."
        )
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tagged_lines.features(TAGS),
            homepage="https://www.universalner.org",
            license="CC BY-SA 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        paths = dl_manager.download(dict(URLS))
        return {split: self._generate_examples(paths[split]) for split in URLS}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict]]:
        for number, (tokens, tags) in enumerate(read_sentences(path)):
            yield number, {"tokens": tokens, "tags": tags}


def read_sentences(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yields the tokens of each sentence of a file, and their tags.

    Raises:
        AssertionError: see `tagged_lines.read_sentences`.
    """
    sentences = tagged_lines.read_sentences(
        path, (*TAGS, *DROPPED), columns=(1, 2), comment="#"
    )
    for tokens, tags in sentences:
        yield tokens, ["O" if tag in DROPPED else tag for tag in tags]
