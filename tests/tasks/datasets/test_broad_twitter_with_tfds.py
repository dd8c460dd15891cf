"""The broad_twitter builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.broad_twitter import broad_twitter_dataset_builder as builder

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builder.Builder
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "broad_twitter"
    SPLITS = {"train": 1_005, "validation": 1, "test": 1}
    DL_DOWNLOAD_RESULT = {name: f"{name}.conll" for name in builder.SEGMENTS}
