"""The sentiment_sentences builder through TFDS' own test case, on dummy data."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.datasets.sentiment_sentences import (
    sentiment_sentences_dataset_builder as builder,
)

# `tfds.testing` imports it without declaring it.
pytest.importorskip("dill")


class TestBuilder(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = builder.Builder
    EXAMPLE_DIR = Path(__file__).parent / "dummy_data" / "sentiment_sentences"
    SPLITS = {"train": 3, "test": 4}
    DL_DOWNLOAD_RESULT = dict(builder.FILES)
