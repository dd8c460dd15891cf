"""The universal_ner builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.universal_ner import universal_ner_dataset_builder as builder

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builder.Builder
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "universal_ner"
    SPLITS = {"train": 2, "validation": 1, "test": 2}
    DL_DOWNLOAD_RESULT = {split: Path(url).name for split, url in builder.URLS.items()}
    BUILDER_CONFIG_NAMES_TO_TEST = ["en_ewt"]
