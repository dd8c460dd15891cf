"""The universal_ner builder: its dummy data, its real data, and damaged files."""

import collections
import os
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.universal_ner import universal_ner_dataset_builder as universal_ner

DUMMY = Path(__file__).parent / "dummy_data" / "universal_ner"
FILES = {split: Path(url).name for split, url in universal_ner.URLS.items()}

# Mayhew et al. (2024) for the final splits; what the draft of train holds, counted by
# `grep -c`.
SENTENCES = {"train": 12_543, "validation": 2_001, "test": 2_077}
ENTITIES = {
    "train": {"PER": 2_873, "ORG": 1_434, "LOC": 2_698},
    "validation": {"PER": 343, "ORG": 224, "LOC": 399},
    "test": {"PER": 449, "ORG": 322, "LOC": 317},
}


@pytest.mark.slow
@pytest.mark.real_data(raw=["universal_ner"])
def test_real_splits_have_the_published_sentences_and_entities(tmp_path):
    builder = data.load_builder("universal_ner/en_ewt", tmp_path)
    name = builder.info.features["tags"].feature.int2str
    assert {
        split: info.num_examples for split, info in builder.info.splits.items()
    } == SENTENCES
    for split, expected in ENTITIES.items():
        began = collections.Counter(
            name(tag)[2:]
            for row in tfds.as_numpy(builder.as_dataset(split=split))
            for tag in row["tags"]
            if name(tag)[0] == "B"
        )
        assert began == expected


@pytest.mark.real_data(raw=["universal_ner"])
@pytest.mark.parametrize("split", SENTENCES)
def test_real_tokens_are_those_of_the_texts_in_the_comments(split):
    path = Path(os.environ["ZOO_MANUAL_DIR"], "universal_ner", FILES[split])
    texts = [
        line.removeprefix("# text = ")
        for line in path.read_text("utf-8").split("\n")
        if line.startswith("# text = ")
    ]
    sentences = [tokens for tokens, _ in universal_ner.read_sentences(path)]
    assert len(texts) == len(sentences)
    same = sum(
        "".join(tokens).replace(" ", "") == "".join(text.split())
        for tokens, text in zip(sentences, texts, strict=True)
    )
    # A few texts of the treebank were edited after they had been cut.
    assert same > 0.99 * len(texts)


def test_types_that_were_dropped_are_no_names():
    sentences = list(universal_ner.read_sentences(DUMMY / FILES["train"]))
    assert sentences == [
        (["Al", "-", "Zaman", ":", "American"], ["B-ORG", "I-ORG", "I-ORG", "O", "O"]),
        (["#", "1"], ["O", "O"]),
    ]


def test_unknown_tag_is_named(tmp_path):
    path = tmp_path / "some.iob2"
    path.write_text("1\tAnn\tB-PERSON\t-\t-\n")
    with pytest.raises(AssertionError, match=r"some\.iob2, line 1: the tag must be"):
        list(universal_ner.read_sentences(path))


def test_package_describes_the_builder():
    metadata = universal_ner.Builder.get_metadata()
    assert "CC BY-SA 4.0" in metadata.description
    assert "Gold-Standard" in metadata.citation
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    assert {info.filename for info in universal_ner.Builder.url_infos.values()} == set(
        FILES.values()
    )
