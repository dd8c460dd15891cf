"""A card's examples follow a rule, whatever the model says."""

from tasks.reporting import examples


def answer(text, error=0.0):
    return examples.Answer(text, f"? {text}", error, "yes")


def test_the_first_short_texts_are_shown_in_order():
    texts = ["", "a" * 81, "a\tb", *"abcdefg"]
    found = examples.drawn(map(answer, texts))
    assert found["first"] == [f"? {letter}" for letter in "abcde"]
    assert found["short"] == 7
    assert found["worst"] == []


def test_the_worst_answers_come_worst_first_and_right_ones_never():
    errors = {"a": 0.1, "b": 0.9, "c": 0.0, "d": 0.5, "long " * 20: 1.0}
    found = examples.drawn(answer(text, error) for text, error in errors.items())
    assert found["worst"] == [f"? {letter}  (right: yes)" for letter in "bda"]


def test_no_truth_is_told_where_there_is_none():
    found = examples.drawn([examples.Answer("a", "a → 3.2", 3.2, truth="")])
    assert found["worst"] == ["a → 3.2"]


def test_equally_wrong_answers_keep_the_order_of_the_test_set():
    found = examples.drawn(answer(letter, 1.0) for letter in "gfedcba")
    assert [line[2] for line in found["worst"]] == list("gfedc")


def test_headings_tell_the_rule():
    found = examples.drawn([answer("a", 1.0), answer("b")])
    assert (
        examples.describe_first("x/test", found)
        == "The first 2 texts of x/test with 80 characters at most:"
    )
    assert (
        examples.describe_worst("x/test", found)
        == "Of the 2 texts of x/test with 80 characters at most, the 1 that it gets "
        "most wrong:"
    )
