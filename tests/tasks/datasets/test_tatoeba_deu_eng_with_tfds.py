"""The tatoeba_deu_eng builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.tatoeba_deu_eng import tatoeba_deu_eng_dataset_builder as builder

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builder.Builder
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "tatoeba_deu_eng"
    SPLITS = {"train": 2, "validation": 1, "test": 2}
    DL_DOWNLOAD_RESULT = "deu-eng.zip"
    BUILDER_CONFIG_NAMES_TO_TEST = ["de_en"]
