"""Marks and contractions at the words that they belong to."""

import pytest

from tasks.sentiment import spacing


@pytest.mark.parametrize(
    ("apart", "written"),
    [
        (
            "ca n't say enough ( really ) about it .",
            "can't say enough (really) about it.",
        ),
        ("it 's bad , is n't it ?", "it's bad, isn't it?"),
        ("`` what a mess , '' he said", '"what a mess, " he said'),
        ("we 'll see ; they 've gone !", "we'll see; they've gone!"),
        ("it ’s fine .", "it’s fine."),
        ("good", "good"),
        ("", ""),
    ],
)
def test_marks_and_contractions_are_joined(apart, written):
    assert spacing.joined(apart) == written
    assert spacing.joined(written) == written


def test_texts_as_people_write_them_are_not_apart():
    assert spacing.is_apart("it 's fine")
    assert not spacing.is_apart("it's fine, isn't it?")
    assert not spacing.is_apart("hide new secretions from the parental units")
