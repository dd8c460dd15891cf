"""UCI's sentiment labelled sentences, as TFDS sees them.

```python
import tasks.datasets.sentiment_sentences.sentiment_sentences_dataset_builder
tfds.load("sentiment_sentences", data_dir=writable)  # the import registers it
```

The files, one for each source, have a sentence a line, a tab and its label. Before the
sentences this copy of two of them has lines of another project, a chat's in Vietnamese.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow_datasets as tfds

URL = (
    "https://raw.githubusercontent.com/Huyen2402/API-ML-luanvan/"
    "bd42cf4dcb96c3123866da22acbc280affb69f42/sentiment%20labelled%20sentences/"
)
FILES = {
    "amazon": "amazon_cells_labelled.txt",
    "imdb": "imdb_labelled.txt",
    "yelp": "yelp_labelled.txt",
}
# How many lines at a file's beginning are none of the data set's.
FOREIGN_LINES = {"amazon": 62, "imdb": 54, "yelp": 0}
LABELS = ("negative", "positive")


class Builder(tfds.core.GeneratorBasedBuilder):
    """Sentences and whether they are positive.

    TFDS takes the name, `sentiment_sentences`, from this file's:
    `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files' sentences; a third of them is for testing."}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=LABELS),
                    "source": tfds.features.ClassLabel(names=tuple(FILES)),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://archive.ics.uci.edu/dataset/331",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        urls = {source: URL + file for source, file in FILES.items()}
        paths = dl_manager.download(urls)
        return {
            split: self._generate_examples(paths, split) for split in ("train", "test")
        }

    def _generate_examples(
        self, paths: Mapping[str, Path], split: str
    ) -> Iterator[tuple[str, dict]]:
        for source, path in paths.items():
            sentences = read_sentences(path, FOREIGN_LINES[source])
            for number, (text, label) in enumerate(sentences):
                if split_of(text) == split:
                    example = {"text": text, "label": LABELS[label], "source": source}
                    yield f"{source}-{number}", example


def split_of(text: str) -> str:
    """Returns the split that a sentence is in: "test" for a third of them.

    It depends on the sentence alone, so that one that is there twice is in one split,
    and no other data changes it.
    """
    digest = hashlib.sha256(text.strip().lower().encode("utf-8")).digest()
    return "test" if int.from_bytes(digest, "big") % 3 == 0 else "train"


def read_sentences(path: Path, foreign_lines: int = 0) -> Iterator[tuple[str, int]]:
    """Yields a file's sentences, without spaces around them, and their labels.

    Args:
        path: the file.
        foreign_lines: how many lines to leave out at its beginning.

    Raises:
        AssertionError: a line isn't a sentence, a tab and 0 or 1. It names the file
            and the line.
    """
    # Only "\n" ends a line: not U+0085, which some sentences hold.
    lines = Path(path).read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if number <= foreign_lines:
            continue
        text, _, label = line.partition("\t")
        if not text.strip() or label.strip() not in ("0", "1"):
            raise AssertionError(
                f"{path}, line {number}: expected a sentence, a tab and 0 or 1, "
                f"found {line!r}."
            )
        yield text.strip(), int(label)
