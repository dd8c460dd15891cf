"""Tag schemes against what can be enumerated, and against seqeval."""

import itertools

import numpy as np
import pytest

from zoo import tags
from zoo.tags import Span

CHUNKS = ("iob1", "iob2", "iobes")
INVENTORY = {
    "iob1": ["O", "B-X", "I-X", "B-Y", "I-Y"],
    "iob2": ["O", "B-X", "I-X", "B-Y", "I-Y"],
    "iobes": ["O", *(f"{p}-{x}" for x in "XY" for p in "BIES")],
}
LONGEST = 4


def sequences(scheme):
    """All sequences of at most four tags over two types."""
    for length in range(LONGEST + 1):
        yield from itertools.product(INVENTORY[scheme], repeat=length)


def segmentations(length):
    """All ways to lay entities of two types into a sequence."""
    if length == 0:
        return [[]]
    found = segmentations(length - 1)  # the last token is outside
    for start in range(length):
        for before in segmentations(start):
            found = [*found, *([*before, Span(start, length, x)] for x in "XY")]
    return found


def test_a_sentence_in_every_scheme():
    entities = [Span(1, 2, "PER"), Span(2, 5, "PER"), Span(5, 7, "geo-loc")]
    written = {
        "iob1": "O I-PER B-PER I-PER I-PER I-geo-loc I-geo-loc",
        "iob2": "O B-PER B-PER I-PER I-PER B-geo-loc I-geo-loc",
        "iobes": "O S-PER B-PER I-PER E-PER B-geo-loc E-geo-loc",
    }
    for scheme, sentence in written.items():
        assert tags.from_spans(entities, 7, scheme) == sentence.split()
        assert tags.spans(sentence.split(), scheme) == entities


@pytest.mark.parametrize("scheme", CHUNKS)
def test_entities_laid_out_in_any_way_are_read_back(scheme):
    for length in range(LONGEST + 1):
        for entities in segmentations(length):
            written = tags.from_spans(reversed(entities), length, scheme)
            assert tags.spans(written, scheme) == entities


@pytest.mark.parametrize("scheme", CHUNKS)
def test_constraints_allow_just_the_sequences_that_some_entities_are_written_as(scheme):
    names = INVENTORY[scheme]
    start, transitions, end = tags.constraints(names, scheme)
    written = {
        tuple(tags.from_spans(entities, length, scheme))
        for length in range(1, LONGEST + 1)
        for entities in segmentations(length)
    }
    for sequence in sequences(scheme):
        if sequence:
            ids = [names.index(name) for name in sequence]
            steps = itertools.pairwise(ids)
            allowed = start[ids[0]] and end[ids[-1]]
            allowed = allowed and all(transitions[step] for step in steps)
            assert allowed == (sequence in written), sequence


def test_constraints_follow_the_order_of_the_names():
    order = [3, 0, 4, 2, 1]
    names = INVENTORY["iob2"]
    whole = tags.constraints(names, "iob2")
    permuted = tags.constraints([names[k] for k in order], "iob2")
    np.testing.assert_array_equal(permuted.start, whole.start[order])
    np.testing.assert_array_equal(
        permuted.transitions, whole.transitions[order][:, order]
    )
    np.testing.assert_array_equal(permuted.end, whole.end[order])


def test_plain_tags_may_stand_anywhere():
    start, transitions, end = tags.constraints(["0", "1", "NOUN"], "plain")
    assert start.shape == end.shape == (3,)
    assert transitions.shape == (3, 3)
    assert all(allowed.all() for allowed in (start, transitions, end))
    assert {a.dtype for a in (start, transitions, end)} == {np.dtype(bool)}


@pytest.mark.parametrize("scheme", ["iob2", "iobes"])
def test_spans_of_any_sequence_are_those_of_seqeval_strict(scheme):
    library = pytest.importorskip("seqeval.scheme")
    seqeval_scheme = getattr(library, scheme.upper())
    for sequence in sequences(scheme):
        (expected,) = library.Entities([sequence], seqeval_scheme).entities
        expected = [Span(e.start, e.end, e.tag) for e in expected]
        assert tags.spans(sequence, scheme) == expected, sequence


def test_iob1_begins_an_entity_at_every_b_and_at_an_i_that_continues_nothing():
    for sequence in sequences("iob1"):
        begins = [
            place
            for place, (before, tag) in enumerate(itertools.pairwise(("O", *sequence)))
            if tag[0] == "B" or (tag[0] == "I" and before[1:] != tag[1:])
        ]
        found = tags.spans(sequence, "iob1")
        assert [span.start for span in found] == begins
        covered = [place for span in found for place in range(span.start, span.end)]
        assert covered == [k for k, tag in enumerate(sequence) if tag != "O"]


@pytest.mark.parametrize(
    ("source", "target"), [*itertools.permutations(CHUNKS, 2)], ids="-".join
)
def test_conversion_keeps_the_entities_and_comes_back(source, target):
    for sequence in sequences(source):
        entities = tags.spans(sequence, source)
        converted = tags.convert(sequence, source, target)
        assert tags.spans(converted, target) == entities
        back = tags.convert(converted, target, source)
        assert back == tags.from_spans(entities, len(sequence), source)


def test_conversion_drops_what_is_no_entity_and_leaves_the_own_scheme_alone():
    erroneous = ["I-X", "B-X", "I-Y", "O"]
    assert tags.convert(erroneous, "iob2", "iobes") == ["O", "S-X", "O", "O"]
    assert tags.convert(erroneous, "iob2", "iob2") == erroneous
    assert tags.convert(["1", "0"], "plain", "plain") == ["1", "0"]


def test_tag_names_hold_every_tag_that_conversion_can_give():
    for source, target in itertools.product(CHUNKS, repeat=2):
        names = tags.tag_names(INVENTORY[source], source, target)
        assert names == INVENTORY[target]
        for sequence in sequences(source):
            assert set(tags.convert(sequence, source, target)) <= set(names)


def test_tag_names_put_o_first_and_keep_the_types_order():
    names = ["B-ORG", "I-ORG", "I-LOC", "O"]
    expected = ["O", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    assert tags.tag_names(iter(names), "iob2", "iob2") == expected
    assert tags.tag_names(["b", "a"], "plain", "plain") == ["b", "a"]


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        (["0 1 0", "1"], "plain"),
        (["NOUN VERB", "O S ! E"], "plain"),  # Twitter's parts of speech
        (["B I O"], "plain"),
        (["O B-X I-X B-X", "O"], "iob2"),
        (["O B-X I-Y"], "iob2"),  # one error in either scheme
        (["O O"], "iob2"),
        ([], "iob2"),
        (["O I-X I-X", "I-X B-X I-Y"], "iob1"),
        (["I-X", "O"], "iob1"),
        (["B-X I-X O", "B-X O B-Y", "O I-X"], "iob2"),
        (["O I-X O I-X I-Y", "B-X"], "iob1"),
        (["O B-X", "S-X"], "iobes"),
        (["O B-X I-X E-X"], "iobes"),
    ],
)
def test_the_scheme_is_detected(sentences, scheme):
    assert tags.detect(sentence.split() for sentence in sentences) == scheme


def test_a_mixture_of_tags_names_the_first_strange_one():
    with pytest.raises(ValueError, match=r"Sequence 1 has the tag 'PER' at place 2"):
        tags.detect([["O", "O"], ["O", "B-X", "PER"], ["I-"]])


@pytest.mark.parametrize(
    "call",
    [
        lambda: tags.spans(["O"], "bio"),
        lambda: tags.from_spans([], 1, "bio"),
        lambda: tags.convert(["O"], "bio", "bio"),
        lambda: tags.convert(["O"], "iob2", "bio"),
        lambda: tags.tag_names(["O"], "iob2", "bio"),
        lambda: tags.constraints(["O"], "bio"),
    ],
)
def test_an_unknown_scheme_names_the_known_ones(call):
    with pytest.raises(
        ValueError, match=r"'bio'\. There are: iob1, iob2, iobes, plain"
    ):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: tags.spans(["0"], "plain"),
        lambda: tags.from_spans([], 1, "plain"),
        lambda: tags.convert(["0"], "plain", "iob2"),
        lambda: tags.convert(["O"], "iob2", "plain"),
        lambda: tags.tag_names(["0"], "plain", "iob2"),
        lambda: tags.tag_names(["O"], "iob2", "plain"),
    ],
)
def test_plain_tags_have_no_spans(call):
    with pytest.raises(ValueError, match="Plain tags mark no entities"):
        call()


@pytest.mark.parametrize("name", ["E-X", "X", "B", "I-", "", "o"])
def test_a_tag_of_another_scheme_is_named(name):
    with pytest.raises(ValueError, match=f"'{name}', at place 1, is no tag"):
        tags.spans(["O", name], "iob2")
    with pytest.raises(ValueError, match=f"'{name}', at place 1, is no tag"):
        tags.constraints(["O", name], "iob2")


@pytest.mark.parametrize(
    "entities",
    [
        [Span(0, 2, "X"), Span(1, 3, "Y")],
        [Span(2, 2, "X")],
        [Span(-1, 1, "X")],
        [Span(3, 5, "X")],
    ],
)
def test_spans_that_cannot_be_written_are_refused(entities):
    with pytest.raises(ValueError, match=r"Span\(.* of 4 steps"):
        tags.from_spans(entities, 4, "iob2")
