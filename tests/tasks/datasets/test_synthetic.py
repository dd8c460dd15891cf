"""The generated datasets keep what their docstrings promise."""

import collections
import hashlib
import os
import re
import subprocess
import sys

import pytest
import tensorflow_datasets as tfds

import tasks.datasets.synthetic.synthetic_dataset_builder as synthetic
from tasks.datasets.synthetic import (
    entities,
    markov,
    opinions,
    partition,
    reviews,
    scales,
    stars,
)

SIZES = {
    "reviews": {"train": 4000, "validation": 500, "test": 500},
    "stars": {"train": 4000, "test": 500},
    "entities": {"train": 4000, "validation": 500, "test": 500},
    "markov": {"train": 1, "validation": 1, "test": 1},
    "scales": {"train": 1000, "validation": 200, "test": 200},
}
SOURCES = {
    "reviews": reviews,
    "stars": stars,
    "entities": entities,
    "markov": markov,
    "scales": scales,
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tfds")
    for name in SIZES:
        tfds.builder(f"synthetic/{name}", data_dir=directory).download_and_prepare()
    return directory


@pytest.fixture(scope="module")
def prepared(data_dir):
    """Reads every prepared split: {config: {split: [(text, target)]}}."""
    columns = {
        "reviews": lambda example: (example["text"], int(example["label"])),
        "stars": lambda example: (
            example["data"]["review_body"],
            int(example["data"]["star_rating"]),
        ),
        "entities": lambda example: (
            b" ".join(example["tokens"]),
            [entities.TAGS[tag] for tag in example["tags"]],
        ),
        "markov": lambda example: (example["text"], None),
        "scales": lambda example: (example["roll"].tobytes(), None),
    }
    examples = {}
    for name, column in columns.items():
        splits = tfds.load(f"synthetic/{name}", data_dir=data_dir)
        examples[name] = {
            split: [
                (text.decode(), target)
                for text, target in map(column, tfds.as_numpy(dataset))
            ]
            for split, dataset in splits.items()
        }
    return examples


def tokens(text):
    """Words and punctuation marks, as they stand."""
    return re.findall(r"\w+|[^\w\s]", text)


def clause_sides(text):
    """Reads `text` by the documented rule: [(clause, +1 or -1)] per sentence."""
    sentences = []
    for part in text.lower().split("."):
        sentence = []
        for clause in part.split(","):
            words = clause.split()
            for word in words:
                if word in opinions.PRAISING or word in opinions.BLAMING:
                    side = 1 if word in opinions.PRAISING else -1
                    sentence.append((words, -side if "not" in words else side))
        sentences.append(sentence)
    return sentences


def counted_sides(text):
    """The sides of all clauses of a review that aren't conceded."""
    sides = []
    for sentence in clause_sides(text):
        starts = [words[0] for words, _ in sentence]
        conceded = [start == "although" for start in starts]
        for position, start in enumerate(starts):
            if start == "but":
                conceded[position - 1] = True
        sides += [
            side
            for (_, side), passed_over in zip(sentence, conceded, strict=True)
            if not passed_over
        ]
    return sides


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_splits_have_the_promised_sizes(name, data_dir, prepared):
    info = tfds.builder(f"synthetic/{name}", data_dir=data_dir).info
    declared = {split: info.splits[split].num_examples for split in info.splits}
    read = {split: len(examples) for split, examples in prepared[name].items()}
    assert declared == read == SIZES[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_no_text_occurs_twice_in_or_across_splits(name, prepared):
    texts = [text for split in prepared[name].values() for text, _ in split]
    assert len(set(texts)) == sum(SIZES[name].values())


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_two_preparations_write_the_same_bytes(name, data_dir, tmp_path):
    tfds.builder(f"synthetic/{name}", data_dir=tmp_path).download_and_prepare()
    first, second = (
        {
            path.name: path.read_bytes()
            for path in (directory / "synthetic" / name / "1.0.0").glob("*tfrecord*")
        }
        for directory in (data_dir, tmp_path)
    )
    assert len(first) == len(SIZES[name])
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_generation_does_not_hang_on_the_hash_seed(name):
    program = (
        f"import hashlib; from tasks.datasets.synthetic import {name} as source; "
        "print(hashlib.sha256(repr(list(source.generate('test'))).encode())"
        ".hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123"}
    printed = subprocess.check_output(
        [sys.executable, "-c", program], env=environment, text=True
    )
    here = repr(list(SOURCES[name].generate("test")))
    assert printed.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_entities_are_prepared_as_they_are_generated(prepared):
    for split, examples in prepared["entities"].items():
        generated = [
            (" ".join(example["tokens"]), example["tags"])
            for example in entities.generate(split)
        ]
        assert sorted(examples) == sorted(generated)


@pytest.mark.parametrize("name", ["reviews", "stars"])
def test_texts_read_as_sentences(name, prepared):
    for text, _ in prepared[name]["train"]:
        sentences = re.split(r"(?<=\.) ", text)
        assert all(re.fullmatch(r"[A-Z][\w, ]*\.", s) for s in sentences), text
        assert "  " not in text


def test_review_lengths_vary_up_to_sixty_words(prepared):
    lengths = [len(text.split()) for text, _ in prepared["reviews"]["train"]]
    assert min(lengths) == 6
    assert 50 < max(lengths) <= 60


def test_review_words_come_once_in_favour_and_once_against(prepared):
    """So any function of the bag of words is right on exactly half of a split."""
    bags = collections.defaultdict(list)
    for split, examples in prepared["reviews"].items():
        for text, label in examples:
            bags[tuple(sorted(tokens(text)))].append((split, label))
    for occurrences in bags.values():
        splits, labels = zip(*occurrences, strict=True)
        assert len(set(splits)) == 1
        assert sorted(labels) == [0, 1]
    # Not even without capitals and punctuation do two pairs share their words.
    words = {tuple(sorted(re.findall(r"\w+", " ".join(b).lower()))) for b in bags}
    assert len(words) == len(bags) == 2500


def test_review_labels_follow_from_the_documented_rule(prepared):
    for split in prepared["reviews"].values():
        for text, label in split:
            assert set(counted_sides(text)) == {1 if label else -1}, text


def test_all_clauses_alike_leave_a_fifth_of_the_reviews_undecided(prepared):
    """So concession, and not just negation, has to be read."""
    examples = prepared["reviews"]["train"]
    undecided = sum(
        sum(side for sentence in clause_sides(text) for _, side in sentence) == 0
        for text, _ in examples
    )
    assert undecided / len(examples) > 0.2


def test_stars_follow_from_the_documented_rule(prepared):
    for split in prepared["stars"].values():
        for text, rating in split:
            sides = [s for sentence in clause_sides(text) for _, s in sentence]
            assert 3 + sum(sides) == rating, text


def test_stars_need_negation(prepared):
    examples = prepared["stars"]["test"]
    right = 0
    for text, rating in examples:
        words = tokens(text.lower())
        praising = sum(word in opinions.PRAISING for word in words)
        blaming = sum(word in opinions.BLAMING for word in words)
        right += min(max(3 + praising - blaming, 1), 5) == rating
    assert right / len(examples) < 0.6


def test_labels_and_ratings_are_balanced(prepared):
    for name, values in (("reviews", [0, 1]), ("stars", [1, 2, 3, 4, 5])):
        for examples in prepared[name].values():
            counts = collections.Counter(target for _, target in examples)
            assert counts == dict.fromkeys(values, len(examples) // len(values))


def test_only_opinions_hold_adjectives_of_praise_or_blame():
    adjectives = {*opinions.PRAISING, *opinions.BLAMING}
    assert len(adjectives) == len(opinions.PRAISING) + len(opinions.BLAMING)
    openings = [part for opening in opinions.OPENINGS for part in opening]
    frames = (*opinions.ASPECTS, *opinions.MODIFIERS, *opinions.DEGREES)
    for text in (*frames, *opinions.TAILS, *opinions.ASIDES, *openings):
        assert not adjectives & set(tokens(text.lower())), text


def test_each_split_owns_its_share_of_texts():
    sizes = {"train": 8, "test": 2}
    owners = collections.Counter(partition.owner(str(n), sizes) for n in range(5000))
    assert owners["train"] / 5000 == pytest.approx(0.8, abs=0.02)
    assert set(owners) == set(sizes)


def test_features_and_supervised_keys(data_dir):
    info = tfds.builder("synthetic/reviews", data_dir=data_dir).info
    assert info.features["label"].names == ["neg", "pos"]
    assert info.supervised_keys == ("text", "label")
    info = tfds.builder("synthetic/stars", data_dir=data_dir).info
    assert list(info.features["data"]) == ["review_body", "star_rating"]
    assert info.supervised_keys is None
    info = tfds.builder("synthetic/entities", data_dir=data_dir).info
    names = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    assert info.features["tags"].feature.names == names


def test_the_package_describes_the_builder():
    metadata = synthetic.Builder.get_metadata()
    assert synthetic.Builder.name == "synthetic"
    assert "known optimum" in metadata.description
    assert metadata.citation.startswith("@misc{")
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    for config in synthetic.CONFIGS:
        assert f"`{config.name}`" in metadata.description
