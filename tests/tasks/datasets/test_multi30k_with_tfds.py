"""The multi30k builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.multi30k import multi30k_dataset_builder as multi30k

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = multi30k.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["de_en"]
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "multi30k"
    SPLITS = {"train": 3, "validation": 2, "test": 2}
    DL_DOWNLOAD_RESULT = {
        split: {language: f"{file}.{language}.gz" for language in ("de", "en")}
        for split, file in multi30k.FILES.items()
    }
