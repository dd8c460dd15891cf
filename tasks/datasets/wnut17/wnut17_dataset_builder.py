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
            features=tfds.features.FeaturesDict(
                {
                    "tokens": tfds.features.Sequence(tfds.features.Text()),
                    "tags": tfds.features.Sequence(
                        tfds.features.ClassLabel(names=TAGS)
                    ),
                }
            ),
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
        AssertionError: a line isn't a token, a tab and one of `TAGS`, or an `I-` tag
            goes on with no entity of its type. It names the file and the line.
    """
    tokens, tags = [], []
    # Only "\n" ends a line: not U+2028 and the like, which a token may hold.
    lines = path.read_bytes().decode("utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if line in ("", "\t"):
            if tokens:
                yield tokens, tags
            tokens, tags = [], []
            continue
        token, _, tag = line.partition("\t")
        fault = _fault(token, tag, tags[-1] if tags else "O")
        if fault:
            raise AssertionError(f"{path}, line {number}: {fault}, found {line!r}.")
        tokens.append(token)
        tags.append(tag)
    if tokens:
        yield tokens, tags


def _fault(token, tag, previous):
    """Says what is wrong with a line, None if nothing is."""
    if not token.strip():
        return "expected a token, a tab and a tag"
    if tag not in TAGS:
        return f"the tag must be one of {', '.join(TAGS)}"
    if tag.startswith("I-") and previous not in (tag, f"B-{tag[2:]}"):
        return f"{tag} can't follow {previous}"
    return None
