"""The cases, their data and what is asked of them."""

import numpy as np
import pytest

from tests.benchmarks import cases, floors
from tests.benchmarks.cases import Case, Shape

SHAPE = Shape(32, 100, 128, 256)


def test_all_kinds_modes_shapes_and_masks_are_measured():
    found = cases.select(cases.SHAPES)
    assert len(found) == len(set(found)) == 5 * 2 * 5 * 2


def test_pattern_selects_by_a_part_of_the_name_or_as_a_shell_would():
    assert len(cases.select([SHAPE], ["masked"])) == 10
    assert len(cases.select([SHAPE], ["lstm/training"])) == 2
    (only,) = cases.select([SHAPE], ["gru/training/*256"])
    assert only == Case("gru", "training", SHAPE)
    with pytest.raises(ValueError, match=r"'lsmt'.*'lstm/training/32,100,128,256'"):
        cases.select([SHAPE], ["lsmt"])


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,0", "1,2,3,x", ""])
def test_shape_that_is_none_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  argparse shows its own words
        Shape.parse(text)


def test_case_survives_the_way_to_a_worker():
    case = Case("gru", "inference", SHAPE, masked=True)
    assert Case.from_json(case.as_json()) == case


@pytest.mark.parametrize("kind", cases.KINDS)
def test_data_are_the_same_for_everyone_and_zero_upstream_of_padding(kind):
    case = Case(kind, "training", Shape(3, 8, 2, 4), masked=True)
    one, other = cases.data(case), cases.data(case)
    for name in ("sequences", "lengths", "mask", "upstream"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for own, again in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(own, again)
    np.testing.assert_array_equal(one.mask.sum(1), one.lengths)
    assert not one.upstream[~one.mask].any()
    assert one.upstream[one.mask].all()


@pytest.mark.parametrize("batch", [1, 2, 16, 33])
def test_masked_lengths_are_half_of_the_steps_on_average(batch):
    lengths = cases.half_full_lengths(batch, 100)
    assert abs(lengths.mean() - 50) <= 0.5
    assert lengths.min() >= 1
    assert lengths.max() <= 100


@pytest.mark.parametrize(
    ("kind", "mode", "shape", "expected"),
    [
        ("lstm", "training", "16,1000,64,64", (3.3, 1.5)),
        ("lstm", "inference", "64,200,128,128", (1.6, 0.85)),
        ("gru", "inference", "1,500,256,512", (5.5, 2.3)),
        ("gru_textbook", "training", "32,100,128,256", (2.8, None)),
        ("simple_rnn", "training", "64,200,128,128", (1.0, None)),
        ("lstm", "training", "1,500,256,512", (1.0, None)),
    ],
)
def test_floors_are_the_issues(kind, mode, shape, expected):
    case = Case(kind, mode, Shape.parse(shape))
    assert floors.floor(case) == expected
    masked = Case(kind, mode, Shape.parse(shape), masked=True)
    assert floors.floor(masked) == (expected[0], None)


@pytest.mark.parametrize(
    ("keras", "torch", "expected"),
    [
        (2.2, 0.95, "met"),
        (2.0, 2.0, "met (noise)"),
        (3.0, 0.9, "met (noise)"),
        (3.0, 0.7, "NOT MET"),
        (1.8, 1.0, "NOT MET"),
        (2.3, None, "met"),
        (None, None, "–"),
    ],
)
def test_verdict_allows_for_noise_in_both_ratios(keras, torch, expected):
    assert floors.verdict(Case("lstm", "training", SHAPE), keras, torch) == expected
