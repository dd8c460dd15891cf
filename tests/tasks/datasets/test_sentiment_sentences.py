"""The sentiment_sentences builder: its dummy data, real data, and damaged files."""

import collections
import os
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.sentiment_sentences import (
    sentiment_sentences_dataset_builder as sentences,
)

DUMMY = Path(__file__).parent / "dummy_data" / "sentiment_sentences"


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    """The real data, prepared."""
    return data.load_builder("sentiment_sentences", tmp_path_factory.mktemp("tfds"))


@pytest.mark.slow
@pytest.mark.real_data(raw=["sentiment_sentences"])
def test_real_sentences_are_english_and_half_of_them_positive(builder):
    rows = [
        row
        for split in ("train", "test")
        for row in tfds.as_numpy(builder.as_dataset(split=split))
    ]
    assert collections.Counter(row["source"] for row in rows) == {
        0: 932,
        1: 945,
        2: 1_000,
    }
    assert 0.45 < sum(row["label"] for row in rows) / len(rows) < 0.55
    texts = [row["text"].decode() for row in rows]
    # Vietnamese has letters beyond Latin-1 in nearly every sentence.
    assert all(ord(character) < 256 for text in texts for character in text)
    assert not any(text in ("Hello", "Help me", "clm.", "cc.") for text in texts)


@pytest.mark.real_data(raw=["sentiment_sentences"])
def test_real_lines_before_the_sentences_are_all_foreign():
    for source, count in sentences.FOREIGN_LINES.items():
        path = Path(
            os.environ["ZOO_MANUAL_DIR"], "sentiment_sentences", sentences.FILES[source]
        )
        lines = path.read_text("utf-8").split("\n")
        assert not any(ord(c) > 255 for line in lines[count:] for c in line)
        assert count == 0 or any(ord(c) > 255 for c in lines[count - 1])


@pytest.mark.slow
@pytest.mark.real_data(raw=["sentiment_sentences"])
def test_a_third_is_for_testing_and_no_sentence_is_in_both(builder):
    train, test = (
        {row["text"].lower() for row in tfds.as_numpy(builder.as_dataset(split=split))}
        for split in ("train", "test")
    )
    assert not train & test
    assert 0.32 < len(test) / len(train | test) < 0.35


def test_foreign_lines_are_left_out_and_spaces_around_sentences_too():
    path = DUMMY / "amazon_cells_labelled.txt"
    assert list(sentences.read_sentences(path, 62)) == [
        ("Great phone.", 1),
        ("It broke.", 0),
        ("Great Phone.", 1),
    ]


def test_sentence_keeps_what_other_files_would_end_a_line_at():
    path = DUMMY / "imdb_labelled.txt"
    (text, label), _ = sentences.read_sentences(path, 54)
    assert (text, label) == ("The script is\x85was there a script?", 0)


@pytest.mark.parametrize("line", ["good", "good\t2", "\t1", "good\tbad\t1"])
def test_line_that_is_malformed_is_named(line, tmp_path):
    path = tmp_path / "some.txt"
    path.write_text(f"fine\t1\n{line}\n")
    with pytest.raises(AssertionError, match=r"some\.txt, line 2: expected a sentence"):
        list(sentences.read_sentences(path))


def test_the_same_sentence_in_other_letters_is_in_the_same_split():
    assert sentences.split_of("Great phone.") == sentences.split_of(" Great Phone. ")


def test_package_describes_the_builder():
    metadata = sentences.Builder.get_metadata()
    assert "CC BY 4.0" in metadata.description
    assert "Kotzias" in metadata.citation
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    assert {info.filename for info in sentences.Builder.url_infos.values()} == set(
        sentences.FILES.values()
    )
