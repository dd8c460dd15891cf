"""The poly_music builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.poly_music import poly_music_dataset_builder as poly_music

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")
pytest.importorskip("scipy")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = poly_music.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["jsb_chorales"]
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "poly_music"
    SPLITS = {"train": 3, "validation": 2, "test": 2}
    DL_DOWNLOAD_RESULT = "JSB_Chorales.mat"
