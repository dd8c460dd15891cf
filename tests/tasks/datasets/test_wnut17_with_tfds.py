"""The wnut17 builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.wnut17 import wnut17_dataset_builder as wnut17

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = wnut17.Builder
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "wnut17"
    SPLITS = {"train": 3, "validation": 2, "test": 2}
    DL_DOWNLOAD_RESULT = wnut17.FILES
