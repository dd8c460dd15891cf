"""The Broad Twitter Corpus, as TFDS sees it.

```python
import tasks.datasets.broad_twitter.broad_twitter_dataset_builder  # registers it
tfds.load("broad_twitter", data_dir=writable)
```

The files, one for each segment of the corpus, have a token a line, a tab and its tag,
and an empty line after each tweet. A few tokens are white space, once with a line's end
in it; they are left out.
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow_datasets as tfds

from tasks.datasets import tagged_lines

URL = (
    "https://raw.githubusercontent.com/GateNLP/broad_twitter_corpus/"
    "0c45ef7b1924a6b8115bceab388781590b1b553a/"
)
SEGMENTS = ("a", "b", "e", "f", "g", "h")
TYPES = ("LOC", "ORG", "PER")
TAGS = ("O", *(f"{prefix}-{kind}" for kind in TYPES for prefix in "BI"))
# The authors' split: of segment h the second half is for choosing.
_FIRST_HALF = 1_000


class Builder(tfds.core.GeneratorBasedBuilder):
    """Tokens and their IOB2 tags.

    TFDS takes the name, `broad_twitter`, from this file's: `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The segments' files, without tokens of white space."}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tagged_lines.features(TAGS),
            homepage="https://github.com/GateNLP/broad_twitter_corpus",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        paths = dl_manager.download({name: f"{URL}{name}.conll" for name in SEGMENTS})
        return {
            split: self._generate_examples(paths, split)
            for split in ("train", "validation", "test")
        }

    def _generate_examples(
        self, paths: Mapping[str, Path], split: str
    ) -> Iterator[tuple[int, dict]]:
        for number, (tokens, tags) in enumerate(read_split(paths, split)):
            yield number, {"tokens": tokens, "tags": tags}


def read_split(
    paths: Mapping[str, Path], split: str
) -> Iterator[tuple[list[str], list[str]]]:
    """Yields the tokens of each tweet of a split, and their tags.

    Args:
        paths: the file of each segment.
        split: "train", "validation" or "test".

    Raises:
        AssertionError: see `tagged_lines.read_sentences`.
    """
    if split == "test":
        yield from _segment(paths["f"])
    elif split == "validation":
        yield from itertools.islice(_segment(paths["h"]), _FIRST_HALF, None)
    else:
        for name in ("a", "b", "e", "g"):
            yield from _segment(paths[name])
        yield from itertools.islice(_segment(paths["h"]), _FIRST_HALF)


def _segment(path):
    return tagged_lines.read_sentences(path, TAGS, skip_blank=True)
