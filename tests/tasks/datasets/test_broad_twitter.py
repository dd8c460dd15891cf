"""The broad_twitter builder: its dummy data and its real data."""

import collections
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.broad_twitter import broad_twitter_dataset_builder as broad_twitter

DUMMY = Path(__file__).parent / "dummy_data" / "broad_twitter"
PATHS = {name: DUMMY / f"{name}.conll" for name in broad_twitter.SEGMENTS}

# Segment f is of 2,000 tweets and h of 2,000, as Derczynski et al. (2016) say.
TWEETS = {"train": 6_338, "validation": 1_000, "test": 2_000}
ENTITIES = {
    "train": {"PER": 4_084, "ORG": 2_665, "LOC": 2_030},
    "validation": {"PER": 1_194, "ORG": 380, "LOC": 156},
    "test": {"PER": 2_650, "ORG": 1_090, "LOC": 636},
}


@pytest.mark.slow
@pytest.mark.real_data(raw=["broad_twitter"])
def test_real_splits_are_the_authors(tmp_path):
    builder = data.load_builder("broad_twitter", tmp_path)
    name = builder.info.features["tags"].feature.int2str
    assert {
        split: info.num_examples for split, info in builder.info.splits.items()
    } == TWEETS
    for split, expected in ENTITIES.items():
        rows = list(tfds.as_numpy(builder.as_dataset(split=split)))
        began = collections.Counter(
            name(tag)[2:] for row in rows for tag in row["tags"] if name(tag)[0] == "B"
        )
        assert began == expected
        assert all(token.strip() for row in rows for token in row["tokens"])


def test_tokens_of_white_space_are_left_out_and_end_no_tweet():
    assert list(broad_twitter.read_split(PATHS, "test")) == [
        (["@", "colgo", "hey"], ["B-PER", "B-PER", "O"])
    ]


def test_train_has_all_segments_but_the_test_one():
    tweets = [tokens for tokens, _ in broad_twitter.read_split(PATHS, "train")]
    assert tweets[:5] == [["I"], ["Ann"], ["hi"], ["#MH17"], ["Rome"]]
    assert tweets[5:] == 1_000 * [["Bbl"]]


def test_the_second_half_of_h_is_for_choosing(tmp_path):
    path = tmp_path / "h.conll"
    path.write_text("".join(f"w{number}\tO\n\n" for number in range(1_002)))
    tweets = list(broad_twitter.read_split({"h": path}, "validation"))
    assert tweets == [(["w1000"], ["O"]), (["w1001"], ["O"])]


def test_package_describes_the_builder():
    metadata = broad_twitter.Builder.get_metadata()
    assert "CC BY 4.0" in metadata.description
    assert "Derczynski" in metadata.citation
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    assert {info.filename for info in broad_twitter.Builder.url_infos.values()} == {
        path.name for path in PATHS.values()
    }
