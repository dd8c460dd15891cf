"""`synthetic/entities` has the optimum that its docstring gives, by counting all."""

import collections

import pytest

from tasks.datasets.synthetic import entities, names

SPLITS = {split: list(entities.generate(split)) for split in entities.SIZES}
ENDINGS = {
    "FIRST": names.FIRST_NAME,
    "SURNAME": names.SURNAME,
    "PLACE": names.PLACE,
    "FIRM": names.FIRM,
}


@pytest.fixture(params=SPLITS)
def examples(request):
    return SPLITS[request.param]


def blocks(examples):
    """Cuts a split into its pairs and its threes."""
    starts = range(0, len(examples), 5)
    pairs = [examples[start : start + 2] for start in starts]
    threes = [examples[start + 2 : start + 5] for start in starts]
    return pairs, threes


def first_difference(first, second):
    same = (a == b for a, b in zip(first, second, strict=False))
    return next(place for place, equal in enumerate(same) if not equal)


def most_right(seen):
    """How many tags may be right for who has to answer the same by the same.

    Args:
        seen: what is known of a token, and its tag, for each token.
    """
    counts = collections.defaultdict(collections.Counter)
    for known, tag in seen:
        counts[known][tag] += 1
    return sum(max(tags.values()) for tags in counts.values())


def spelled(tokens):
    """A sentence's words, the made-up ones as what their endings say."""
    kinds = {end: kind for kind, ends in ENDINGS.items() for end in ends}
    return tuple(
        next((kind for end, kind in kinds.items() if token.endswith(end)), token)
        for token in tokens
    )


def chunks(tags):
    """Returns the (start, end, kind) of the entities of a sentence."""
    starts = [place for place, tag in enumerate(tags) if tag.startswith("B-")]
    found = set()
    for start in starts:
        kind = tags[start][2:]
        end = start + 1
        while end < len(tags) and tags[end] == f"I-{kind}":
            end += 1
        found.add((start, end, kind))
    return found


def test_tags_are_iob2(examples):
    for example in examples:
        assert len(example["tokens"]) == len(example["tags"])
        for before, tag in zip(["O", *example["tags"]], example["tags"], strict=False):
            assert tag in entities.TAGS
            assert tag[0] != "I" or before[1:] == tag[1:]


def test_names_have_one_to_three_words():
    lengths = collections.Counter(
        (kind, end - start)
        for example in SPLITS["test"]
        for start, end, kind in chunks(example["tags"])
    )
    assert set(lengths) == {
        *(("PER", 1), ("PER", 2), ("LOC", 1), ("LOC", 2)),
        *(("ORG", 1), ("ORG", 2), ("ORG", 3)),
    }


def test_ambiguous_words_are_where_the_tags_of_pairs_part(examples):
    pairs, threes = blocks(examples)
    for first, second in pairs:
        place = first_difference(first["tags"], second["tags"])
        assert first["tokens"][: place + 1] == second["tokens"][: place + 1]
        assert entities.ambiguous(first["tokens"]) == place
        assert entities.ambiguous(second["tokens"]) == place
    for three in threes:
        for example in three:
            assert entities.ambiguous(example["tokens"]) is None


def test_from_left_to_right_half_of_the_ambiguous_words_are_right(examples):
    """For each beginning the readings are as many, so no answer gets more."""
    tags_after = collections.defaultdict(collections.Counter)
    for example in examples:
        place = entities.ambiguous(example["tokens"])
        if place is not None:
            beginning = tuple(example["tokens"][: place + 1])
            tags_after[beginning][example["tags"][place]] += 1
    for counts in tags_after.values():
        assert len(counts) == 2
        assert len(set(counts.values())) == 1
    ambiguous = sum(counts.total() for counts in tags_after.values())
    assert ambiguous / len(examples) == 2 / 5


def test_from_left_to_right_all_other_words_can_be_right(examples):
    """So the bound is sharp: only the ambiguous words are lost, and half of them."""
    seen = [
        (spelled(example["tokens"][: place + 1]), tag)
        for example in examples
        for place, tag in enumerate(example["tags"])
    ]
    ambiguous = len(examples) * 2 / 5
    assert most_right(seen) == len(seen) - ambiguous / 2


def test_from_left_to_right_the_f1_stays_below_091(examples):
    """By the best answer to each pair: a name, even where it may be none.

    Two names are predicted in a pair; one is right. A pair holds two names, or one
    where the other reading is none; predicting none there would lower the F1.
    """
    right = predicted = there = 0
    for example in examples:
        found = chunks(example["tags"])
        place = entities.ambiguous(example["tokens"])
        there += len(found)
        if place is None:
            right += len(found)
            predicted += len(found)
        else:
            # The ambiguous word's own name, if there is one, counts half.
            others = [chunk for chunk in found if chunk[0] != place]
            right += len(others) + 0.5
            predicted += len(others) + 1
    assert 0.89 < 2 * right / (predicted + there) < 0.91


def test_with_both_sides_and_the_letters_every_tag_is_decided():
    seen = [
        ((spelled(example["tokens"]), place), tag)
        for examples in SPLITS.values()
        for example in examples
        for place, tag in enumerate(example["tags"])
    ]
    assert most_right(seen) == len(seen)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_without_letters_a_third_of_the_names_of_three_are_right(split):
    known = {token for example in SPLITS["train"] for token in example["tokens"]}
    seen = []
    for three in blocks(SPLITS[split])[1]:
        first, second, third = (example["tags"] for example in three)
        place = first_difference(first, second)
        assert place == first_difference(second, third)
        for example in three:
            tokens = [t if t in known else "<UNK>" for t in example["tokens"]]
            assert tokens[place] == "<UNK>"
            seen.append(((tuple(tokens), place), example["tags"][place]))
    assert most_right(seen) == len(seen) / 3


def test_made_up_words_of_one_split_are_in_no_other():
    made_up = []
    for examples in SPLITS.values():
        tokens = {token for example in examples for token in example["tokens"]}
        words = [(token, *spelled([token])) for token in tokens]
        made_up.append({token for token, kind in words if kind in ENDINGS})
    train, validation, test = made_up
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert len(test) > 400


def test_every_sentence_holds_a_made_up_word(examples):
    """So no sentence can be in two splits."""
    for example in examples:
        assert set(spelled(example["tokens"])) & set(ENDINGS), example


def test_stems_of_a_split_are_its_share():
    sizes = {"train": 8, "test": 2}
    train, test = (names.stems(split, sizes) for split in sizes)
    assert not set(train) & set(test)
    assert len(train) / len(train + test) == pytest.approx(0.8, abs=0.05)


def test_endings_and_readings_are_told_apart():
    endings = [end for ends in ENDINGS.values() for end in ends]
    for end in endings:
        assert [other for other in endings if other.endswith(end)] == [end]
    said = [phrase for phrases in entities.SAID.values() for phrase in phrases]
    assert len(set(said)) == len(said)
    known = {*entities.WORDS, *entities.THINGS}
    assert len(known) == len(entities.WORDS) + len(entities.THINGS)
    assert not set(spelled(known)) & set(ENDINGS)
    for phrase in (*said, *entities.FRAMES, *entities.LEADS, *entities.ASIDES):
        words = phrase.split()
        assert not known & set(words)
        assert not set(spelled(words)) & set(ENDINGS), phrase
