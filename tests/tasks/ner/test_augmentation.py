"""Sentences as they might also have been written."""

import numpy as np
import pytest

from tasks.ner import template
from tasks.ner.augmentation import Augmentation, AugmentedBatches
from tasks.ner.sentences import TaggedSentences
from zoo import tags as schemes

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TOKENS = [
    ["Anna", "Miller", "lives", "in", "Berlin", "."],
    ["Paris", "is", "where", "Jacques", "Martin", "sings", "!"],
    ["Nobody", "came"],
    ["."],
]
ROWS = [
    ["B-PER", "I-PER", "O", "O", "B-LOC", "O"],
    ["B-LOC", "O", "O", "B-PER", "I-PER", "O", "O"],
    ["O", "O"],
    ["O"],
]
SENTENCES = TaggedSentences(TOKENS, ROWS, "made", TAGS)


class Epochs:
    """Batches' epochs, by one data set: to make it anew takes a second."""

    def __init__(self, batches):
        self.batches = batches
        self.dataset = batches.dataset()

    def __getitem__(self, epoch):
        self.batches.set_epoch(epoch)
        return list(self.dataset.as_numpy_iterator())


def batches(seed=1, **changes):
    found = AugmentedBatches(
        SENTENCES,
        TAGS,
        batch_size=4,
        scheme="iob2",
        augmentation=Augmentation(**changes),
        seed=seed,
        buckets=1,
    )
    return Epochs(found)


def epoch(given, number):
    """Returns an epoch's sentences with their labels, sorted."""
    [(tokens, labels)] = given[number]
    return sorted(
        ([token.decode() for token in row], tags.tolist())
        for row, tags in zip(tokens, labels, strict=True)
    )


def plain(given, number):
    return [[token for token in row if token] for row, _ in epoch(given, number)]


def test_without_changes_the_sentences_are_theirs():
    assert sorted(plain(batches(), 0)) == sorted(TOKENS)


def test_changes_are_a_function_of_seed_and_epoch():
    changes = {"casing": 0.5, "names": 0.9, "endings": 0.5}
    given = batches(**changes)
    first = [epoch(given, number) for number in range(6)]
    again = batches(**changes)
    assert epoch(again, 4) == first[4]
    assert epoch(again, 1) == first[1]
    assert any(other != first[0] for other in first[1:])
    other = batches(seed=2, **changes)
    assert [epoch(other, number) for number in range(6)] != first


@pytest.mark.slow
def test_names_change_places_with_those_of_their_type_and_length():
    given = batches(names=0.999)
    found = {tuple(row) for number in range(30) for row in plain(given, number)}
    people, places = {("Anna", "Miller"), ("Jacques", "Martin")}, {"Paris", "Berlin"}
    assert {row for row in found if len(row) < 3} == {("Nobody", "came"), (".",)}
    for row in found - {("Nobody", "came"), (".",)}:
        assert "in" in row or "is" in row
    some = {row[:2] for row in found if "lives" in row}
    assert people <= some  # and others, of halves of words
    assert places <= {row[0] for row in found if "is" in row}
    for first, last in some - people:
        assert first[0].isupper()
        assert last[1:].islower()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_made_up_words_are_halves_of_names(share):
    given = batches(names=0.999, spelling=share)
    first = {row[0] for n in range(30) for row in plain(given, n) if "lives" in row}
    # "Anna" is long enough to be cut: An|na, Jacq|ues.
    halves = {"Anna", "Jacques", "Anues", "Jacqna"}
    assert first <= halves
    assert bool(first - {"Anna", "Jacques"}) == bool(share)


@pytest.mark.slow
def test_casing_is_that_of_the_whole_sentence_and_tags_stay():
    forms = set()
    given = batches(casing=0.9)
    for number in range(40):
        for row, labels in epoch(given, number):
            row = [token for token in row if token]
            if row[0].lower() == "anna":
                forms.add(" ".join(row))
                assert labels[: len(row)] == [1, 2, 0, 0, 3, 0]
    assert forms == {
        "Anna Miller lives in Berlin .",
        "anna miller lives in berlin .",
        "ANNA MILLER LIVES IN BERLIN .",
        "Anna Miller Lives In Berlin .",
    }


def test_a_lost_ending_is_padding_to_model_and_loss():
    for row, labels in epoch(batches(endings=0.999), 3):
        steps = [label != -1 for label in labels]
        assert [token != "" for token in row] == steps
    rows = plain(batches(endings=0.999), 3)
    assert ["."] in rows  # which would be none
    assert not any(row[-1] in ".!" for row in rows if len(row) > 1)


def test_there_are_as_many_batches_of_the_same_shapes_in_each_epoch():
    given = batches(names=0.9, endings=0.9)
    shapes = set()
    for number in range(3):
        shapes.add(tuple(tokens.shape for tokens, _ in given[number]))
    assert len(shapes) == 1


def test_tags_are_still_those_of_the_scheme():
    for row, labels in epoch(batches(names=0.9, casing=0.5), 2):
        names = [TAGS[label] for token, label in zip(row, labels, strict=True) if token]
        for name in names:
            assert name in TAGS
        spans = schemes.spans(names, "iob2")
        assert schemes.from_spans(spans, len(names), "iob2") == names


def test_huge_and_strange_tokens_are_left_whole():
    rows = [["İstanbul" * 100, "\u0000", "ß"], ["É", "😀"]]
    sentences = TaggedSentences(rows, [["O"] * 3, ["B-LOC", "O"]], "x", ("O", "B-LOC"))
    found = AugmentedBatches(
        sentences,
        ("O", "B-LOC"),
        batch_size=2,
        scheme="iob2",
        augmentation=Augmentation(0.9, 0.9, 0.9),
        seed=1,
        buckets=1,
    )
    given = Epochs(found)
    for number in range(5):
        [(tokens, labels)] = given[number]
        assert tokens.shape == labels.shape == (2, 3)
        assert np.sum(labels >= 0) == 5


def test_card_of_a_tagger_that_learnt_other_cases_says_so():
    command = "python -m tasks.ner train --dataset wikiann/en"
    assert template.limits({}) == template.limits({"command": command})
    found = template.limits({"command": f"{command} --augment-casing 0.2"})
    assert "in capitals only, has it guess" in template.limits({})
    assert "in capitals only" not in found
    assert "letters or capitals: such text it reads too" in found
    assert found.count("\n- ") == template.LIMITS.count("\n- ")
    cased, plain = (
        f"{command} --augment-casing 0.2",
        {"preset": "x", "command": command},
    )
    for before in ([plain, {"command": cased}], [{"preset": "x"}, {"command": cased}]):
        assert template.limits({"command": command, "began_with": before}) == found
    before = {"began_with": [plain, plain]}
    assert template.limits({"command": command} | before) == template.limits({})
    before = {"began_with": "x", "its_command": cased}  # as older records have it
    assert template.limits({"command": command} | before) == found
