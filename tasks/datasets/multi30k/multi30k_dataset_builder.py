"""Multi30k, descriptions of pictures in four languages, as TFDS sees it.

```python
import tasks.datasets.multi30k.multi30k_dataset_builder  # registers `multi30k`
tfds.load("multi30k/de_en", data_dir=writable)
```

The files hold a sentence a line, compressed with gzip. Line by line the languages say
the same.
"""

import dataclasses
import gzip
import itertools
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow_datasets as tfds

URL = (
    "https://raw.githubusercontent.com/multi30k/dataset/"
    "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"
)
FILES = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
LANGUAGES = {"en": "English", "de": "German", "fr": "French", "cs": "Czech"}


@dataclasses.dataclass(eq=False, kw_only=True)
class Multi30kConfig(tfds.core.BuilderConfig):
    """Two of the languages.

    Attributes:
        languages: the source and the target; both can be either.
    """

    languages: tuple[str, str]


CONFIGS = [
    Multi30kConfig(
        name=f"{source}_{target}",
        description=f"{LANGUAGES[source]} to {LANGUAGES[target]}.",
        languages=(source, target),
    )
    for source, target in itertools.permutations(LANGUAGES, 2)
]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Sentences in two languages.

    TFDS takes the name, `multi30k`, from this file's: `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files' sentences, as they are."}
    BUILDER_CONFIGS = CONFIGS

    def _info(self) -> tfds.core.DatasetInfo:
        languages = self.builder_config.languages
        return self.dataset_info_from_configs(
            features=tfds.features.Translation(languages=languages),
            supervised_keys=languages,
            homepage="https://github.com/multi30k/dataset",
            license="Research, non-commercial",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        # Decompressed here and not by TFDS, which would mix up files of one name.
        paths = dl_manager.download(
            {
                split: {
                    language: f"{URL}{file}.{language}.gz"
                    for language in self.builder_config.languages
                }
                for split, file in FILES.items()
            }
        )
        return {split: self._generate_examples(paths[split]) for split in FILES}

    def _generate_examples(
        self, paths: Mapping[str, Path]
    ) -> Iterator[tuple[int, dict]]:
        yield from enumerate(read_pairs(paths))


def read_pairs(paths: Mapping[str, Path]) -> Iterator[dict[str, str]]:
    """Yields the lines of the files of some languages, those that belong together.

    Args:
        paths: the file of each language.

    Raises:
        AssertionError: a file isn't text compressed with gzip, or the files haven't
            the same number of lines. It names the files.
    """
    lines = {language: _read_lines(path) for language, path in paths.items()}
    counts = {language: len(lines[language]) for language in lines}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{counts[name]} in {paths[name]}" for name in paths)
        raise AssertionError(f"Expected as many lines in each language, found {found}.")
    for together in zip(*lines.values(), strict=True):
        yield dict(zip(lines, together, strict=True))


def _read_lines(path):
    """Returns the lines of a file."""
    try:
        text = gzip.decompress(Path(path).read_bytes()).decode("utf-8")
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise AssertionError(
            f"{path}: expected UTF-8 text compressed with gzip, found {error}."
        ) from error
    # Only "\n" ends a line: not U+2028 and the like, which a sentence may hold.
    *lines, rest = text.split("\n")
    return [*lines, rest] if rest else lines
