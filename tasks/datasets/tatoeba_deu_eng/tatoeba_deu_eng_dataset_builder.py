"""Tatoeba's sentences in German and English, as TFDS sees them.

```python
import tasks.datasets.tatoeba_deu_eng.tatoeba_deu_eng_dataset_builder  # registers it
tfds.load("tatoeba_deu_eng/de_en", data_dir=writable)
```

The file, in a zip, has a pair a line: English, a tab, German. Many sentences are there
several times, with other translations.
"""

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow_datasets as tfds

URL = (
    "https://raw.githubusercontent.com/rioyshky/translation/"
    "de48b7027f7318d77010a6e08ed928c10748c23d/deu-eng.zip"
)
MEMBER = "deu.txt"
LANGUAGES = ("en", "de")
# Of a hundred groups of pairs, which are for choosing and which for testing.
_VALIDATION, _TEST = range(0, 2), range(2, 4)


@dataclasses.dataclass(eq=False, kw_only=True)
class TatoebaConfig(tfds.core.BuilderConfig):
    """A direction.

    Attributes:
        languages: the source and the target.
    """

    languages: tuple[str, str]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Sentences in two languages.

    TFDS takes the name, `tatoeba_deu_eng`, from this file's:
    `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The file's pairs as they are, split by groups of them."}
    BUILDER_CONFIGS = [
        TatoebaConfig(
            name="de_en", description="German to English.", languages=("de", "en")
        ),
        TatoebaConfig(
            name="en_de", description="English to German.", languages=("en", "de")
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        languages = self.builder_config.languages
        return self.dataset_info_from_configs(
            features=tfds.features.Translation(languages=languages),
            supervised_keys=languages,
            homepage="https://www.manythings.org/anki",
            license="CC BY 2.0 FR",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        # Opened here and not by TFDS, which would mix up files of one name.
        path = dl_manager.download(URL)
        return {
            split: self._generate_examples(path, split)
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, path: Path, split: str) -> Iterator[tuple[int, dict]]:
        pairs = read_pairs(path)
        for number, (pair, found) in enumerate(zip(pairs, splits(pairs), strict=True)):
            if found == split:
                yield number, dict(zip(LANGUAGES, pair, strict=True))


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Returns the pairs of the zipped file, English first.

    Raises:
        AssertionError: it is no such file, or a line isn't two sentences.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(Path(path).read_bytes())) as archive:
            text = archive.read(MEMBER).decode("utf-8")
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise AssertionError(
            f"{path}: expected a zip that holds {MEMBER} in UTF-8, found {error}."
        ) from error
    pairs = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        english, tab, german = line.partition("\t")
        if not (tab and english.strip() and german.strip()) or "\t" in german:
            raise AssertionError(
                f"{path}, {MEMBER}, line {number}: expected a sentence, a tab and a "
                f"sentence, found {line!r}."
            )
        pairs.append((english, german))
    return pairs


def splits(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Returns the split of each pair.

    Of a hundred groups two are for choosing and two for testing. A group is all pairs
    that share a sentence, in either language, or are so linked by other pairs; so no
    sentence is in two splits. Its split depends on its first sentence alone.
    """
    groups = _groups(pairs)
    return [_split_of(sentence) for sentence in groups]


def _groups(pairs):
    """Returns for each pair the least English sentence of its group."""
    leader = {}

    def find(node):
        while leader[node] != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for english, german in pairs:
        nodes = [("en", english), ("de", german)]
        for node in nodes:
            leader.setdefault(node, node)
        first, second = map(find, nodes)
        leader[second] = first
    least = {}
    for english, _ in pairs:
        node = find(("en", english))
        least[node] = min(least.get(node, english), english)
    return [least[find(("en", english))] for english, _ in pairs]


def _split_of(sentence):
    digest = hashlib.sha256(sentence.encode("utf-8")).digest()
    place = int.from_bytes(digest, "big") % 100
    if place in _VALIDATION:
        return "validation"
    return "test" if place in _TEST else "train"
