"""Pairs in the forms that people write: drawn, the same for the same seed."""

import collections
import re

import numpy as np
import pytest

from tasks.translation import batches, forms
from tests.tasks.translation.test_corpus import pairs
from tests.zoo.models.translators import make

MADE = pairs(
    ("Tom mag Anna.", "Tom likes Anna."),
    ("Toms Hund ist 12.", "Tom's dog is 12."),
    ("Der Wind war kalt!", "The wind was cold."),
    ("Wind und Anna?", "Wind and Anna?"),
    ("Ein Hund …", "1 dog"),
)


def other(number, made=MADE, seed=1, **shares):
    """Returns the other form of the pair of this number."""
    chances = {"renamed": 0.0, "unpunctuated": 0.0, "lowercase": 0.0, **shares}
    found = forms.OtherForms(made, **chances, seed=seed)(made)
    return found.texts[number], found.translations[number]


def test_names_that_are_made_up_are_the_same_on_both_sides():
    text, translation = other(0, renamed=0.9, seed=4)
    name, verb, mark = text.partition(" mag ")
    assert verb
    assert translation == f"{name} likes {mark}"
    assert (name, mark) != ("Tom", "Anna.")
    assert name.isalpha()
    assert name[0].isupper()


def test_names_that_are_there_are_drawn_if_they_are_the_same_in_both_languages():
    made = pairs(
        *9 * [("Tom ist da.", "Tom is there.")],
        ("Rostock ist da.", "Rostock is there."),
        *3 * [("Maria ist da.", "Mary is there.")],
        ("Maria ist da.", "Maria is there."),
    )
    names, random = forms.OtherNames(made), np.random.default_rng(1)
    found = collections.Counter(names.draw(random) for _ in range(2000))
    # Of those that are made up, each of the three comes about letter by letter. Parts
    # are those of "Rostock" alone, three of sixteen give it.
    parts = {
        f"{'Rostock'[:begin]}{'rostock'[-end:]}"
        for begin in range(2, 6)
        for end in range(2, 6)
    }
    assert set(found) == {"Tom", "Maria", *parts}
    assert found["Tom"] / 2000 == pytest.approx(1 / 6 + 1 / 9, abs=0.03)
    assert found["Rostock"] / 2000 == pytest.approx(1 / 6 + 1 / 9 + 1 / 16, abs=0.03)
    assert found["Maria"] / 2000 == pytest.approx(1 / 9, abs=0.03)


def test_names_of_the_parts_of_words_begin_as_any_word_does():
    made = pairs(
        ("Tom hat gefrühstückt.", "Tom had breakfast."),
        ("Tom wurde Windbestäuber.", "Tom became a windmill."),
    )
    names, random = forms.OtherNames(made), np.random.default_rng(1)
    found = {names.draw(random) for _ in range(500)}
    assert {name[:2] for name in found} == {"To", "Ge", "Wi", "Br", "Be"}
    assert all(name[0].isupper() and name.isalpha() for name in found)


def test_a_name_keeps_its_genitive_and_a_number_its_digits():
    text, translation = other(1, renamed=0.9)
    name, number = text.removesuffix(".").split("s Hund ist ")
    assert translation == f"{name}'s dog is {number}."
    assert number.isdigit()
    assert len(number) == 2
    assert number[0] != "0"


def test_what_is_a_word_as_well_is_no_name():
    # "Wind" is written in lower case elsewhere; "1" is a word in the other language.
    text, translation = other(3, renamed=0.9)
    assert text.startswith("Wind und ")
    assert translation.startswith("Wind and ")
    assert other(2, renamed=0.9) == ("Der Wind war kalt!", "The wind was cold.")
    assert other(4, renamed=0.9) == ("Ein Hund …", "1 dog")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "1.000 Anna 3"), (1, "12,5 Anna"), (2, "007 Anna")]
)
def test_parts_of_numbers_stay(number, text):
    made = pairs(("1.000 Anna 3", "1.000 Anna 3."), *2 * [("12,5 Anna", "12,5 Anna")])
    made.texts[2] = made.translations[2] = "007 Anna"
    found, _ = other(number, made, renamed=0.9)
    assert found.split()[0] == text.split()[0]


def test_a_number_before_a_comma_is_one():
    made = pairs(*2 * [("Anna, 1987, kam", "In 1987, Anna came")])
    texts = [other(0, made, seed, renamed=0.9) for seed in range(20)]
    years = [re.search(r", (\d{4}), kam", text)[1] for text, _ in texts]
    assert len(set(years)) > 10
    for year, (_, translation) in zip(years, texts, strict=True):
        assert translation.startswith(f"In {year}, ")


def test_a_text_loses_the_mark_at_its_end_and_its_translation_does_not():
    assert other(2, unpunctuated=0.9) == ("Der Wind war kalt", "The wind was cold.")
    assert other(4, unpunctuated=0.9)[0] == "Ein Hund "
    made = pairs(("...", "..."), ("a", "b"))
    assert other(0, made, unpunctuated=0.9) == ("...", "...")
    assert other(1, made, unpunctuated=0.9) == ("a", "b")


def test_texts_in_lower_case_have_their_first_letter_or_not():
    found = {other(2, seed=seed, lowercase=0.9) for seed in range(12)}
    assert found == {
        ("der wind war kalt!", "The wind was cold."),
        ("Der wind war kalt!", "The wind was cold."),
    }


def test_the_same_seed_draws_the_same():
    shares = {"renamed": 0.5, "unpunctuated": 0.5, "lowercase": 0.5}
    first, second, third = (
        forms.OtherForms(MADE, **shares, seed=seed)(MADE) for seed in (1, 1, 2)
    )
    assert first.texts.tolist() == second.texts.tolist()
    assert first.texts.tolist() != third.texts.tolist()
    assert forms.OtherForms(MADE, 0.5, 0.5, 0.0, 1).share == 0.75


def test_pairs_without_names_have_other_forms_too():
    made = pairs(("ein Hund", "a dog"), ("", ""))
    found = forms.OtherForms(made, 0.9, 0.0, 0.0, 1)(made)
    assert found.texts.tolist() == ["ein Hund", ""]


def test_joined_pairs_are_added_in_the_same_order_on_both_sides():
    made = pairs(*[(f"a{n}", f"b{n}") for n in range(20)])
    found = forms.joined(made, 0.5, 3)
    assert found.texts[:20].tolist() == made.texts.tolist()
    assert len(found) == 30
    for text, translation in zip(
        found.texts[20:], found.translations[20:], strict=True
    ):
        assert 2 <= len(text.split()) <= 3
        assert text.replace("a", "b") == translation
    assert forms.joined(made, 0.5, 3).texts.tolist() == found.texts.tolist()
    assert forms.joined(made, 0.0, 3) is made


@pytest.mark.slow
def test_each_epoch_has_each_pair_in_one_of_its_forms(capsys):
    model = make()
    made = pairs(*[("abc"[: 1 + n % 3] + ".", "xyz"[: 1 + n % 2]) for n in range(200)])
    other_forms = forms.OtherForms(made, 0.0, 0.3, 0.0, 1)
    trained_on = batches.batches(model, made, 9, 4, 3, 1, other_forms)
    assert capsys.readouterr().out == ""

    def epoch(number):
        trained_on.set_epoch(number)
        return [
            text.decode()
            for (texts, _), _ in trained_on.dataset()
            for text in model.source.decode(texts).numpy()
        ]

    first, again, second = epoch(0), epoch(0), epoch(1)
    assert first == again != second
    for texts in (first, second):
        bare = sorted(text.removesuffix("<UNK>") for text in texts)
        assert bare == sorted(text.removesuffix(".") for text in made.texts)
        assert 0.2 < np.mean([not text.endswith("<UNK>") for text in texts]) < 0.4
