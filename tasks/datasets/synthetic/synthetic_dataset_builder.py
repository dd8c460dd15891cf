"""Generated datasets with a known optimum, as TFDS sees them.

```python
import tasks.datasets.synthetic.synthetic_dataset_builder  # registers `synthetic`
tfds.load("synthetic/reviews", data_dir=writable)
```

A config is a module beside this one, with `SIZES` (split names and numbers of
examples), `generate(split)` and a docstring that gives the rule and the optimum,
plus an entry in `CONFIGS`.
"""

import dataclasses
import types
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from tasks.datasets.synthetic import (
    dates,
    entities,
    markov,
    reviews,
    scales,
    stars,
)


@dataclasses.dataclass(eq=False, kw_only=True)
class SyntheticConfig(tfds.core.BuilderConfig):
    """One generated dataset.

    Attributes:
        features: the TFDS features of an example.
        source: the module with `SIZES` and `generate(split)`.
        supervised_keys: the features of an (input, target) pair, or None.
    """

    features: tfds.features.FeaturesDict
    source: types.ModuleType
    supervised_keys: tuple[str, str] | None = None


CONFIGS = [
    SyntheticConfig(
        name="reviews",
        description=(
            "Movie reviews, labelled neg or pos, whose label only word order tells. "
            "Optimum: accuracy 1.0; any bag of words has exactly 0.5."
        ),
        features=tfds.features.FeaturesDict(
            {
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=reviews.LABELS),
            }
        ),
        source=reviews,
        supervised_keys=("text", "label"),
    ),
    SyntheticConfig(
        name="stars",
        description=(
            "Movie reviews with 3 + praised - blamed aspects stars (1 to 5), nested "
            "under `data` and without a validation split. Optimum: accuracy 1.0."
        ),
        features=tfds.features.FeaturesDict(
            {"data": {"review_body": tfds.features.Text(), "star_rating": np.int32}}
        ),
        source=stars,
    ),
    SyntheticConfig(
        name="entities",
        description=(
            "Names of people, places and organisations, tagged in IOB2, two of five "
            "sentences beginning with one that only later words tell. Optimum: F1 "
            "1.0; from left to right at most half of these."
        ),
        features=tfds.features.FeaturesDict(
            {
                "tokens": tfds.features.Sequence(tfds.features.Text()),
                "tags": tfds.features.Sequence(
                    tfds.features.ClassLabel(names=entities.TAGS)
                ),
            }
        ),
        source=entities,
    ),
    SyntheticConfig(
        name="markov",
        description=(
            "A text, cut into splits, of which each character is drawn given the two "
            f"before it. Optimum: {markov.entropy():.4f} nats per character."
        ),
        features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        source=markov,
    ),
    SyntheticConfig(
        name="dates",
        description=(
            "Dates as people write them in 27 languages, and in ISO 8601. Optimum: "
            "exact match 1.0. Needs Babel."
        ),
        features=tfds.features.Translation(languages=("human", "machine")),
        source=dates,
        supervised_keys=("human", "machine"),
    ),
    SyntheticConfig(
        name="scales",
        description=(
            "Piano rolls of triads that walk up and down a scale. Optimum: "
            f"{scales.entropy():.4f} nats per frame; with each key "
            f"predicted by itself {scales.entropy_of_keys():.4f}."
        ),
        features=tfds.features.FeaturesDict(
            {"roll": tfds.features.Tensor(shape=(None, scales.KEYS), dtype=np.uint8)}
        ),
        source=scales,
    ),
]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Generates what the configs describe; downloads nothing.

    TFDS takes the name, `synthetic`, from this file's: `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {
        "1.0.0": "Configs " + ", ".join(f"`{config.name}`" for config in CONFIGS) + "."
    }
    BUILDER_CONFIGS = CONFIGS

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=self.builder_config.features,
            supervised_keys=self.builder_config.supervised_keys,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        del dl_manager
        return {
            split: self._generate_examples(split)
            for split in self.builder_config.source.SIZES
        }

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        yield from enumerate(self.builder_config.source.generate(split))
