"""Pairs that name another time or number, in German and in English alike."""

import re

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.translation import calendar_words
from tests.tasks.translation.test_corpus import pairs

MADE = pairs(
    ("Wir treffen uns am Montag.", "We meet on Monday."),
    ("Der Kurs beginnt am 3. März.", "The class begins on March 3rd."),
    ("Drei Hunde und zehn Katzen.", "Three dogs and ten cats."),
    ("Ein Hund.", "A dog."),
    ("Im Jahr 1987 waren es 40.", "In 1987, there were 40."),
)


def drawn(sides, german=0, seeds=200):
    """Returns the pairs that the seeds give."""
    return [
        calendar_words.exchange(sides, german, np.random.default_rng(seed))
        for seed in range(seeds)
    ]


def lines(number):
    german, english = calendar_words._KINDS[number]
    return dict(zip(german, english, strict=True))


def test_all_weekdays_are_drawn_the_same_on_both_sides():
    found = dict(drawn((MADE.texts[0], MADE.translations[0])))
    assert found == {
        f"Wir treffen uns am {german}.": f"We meet on {english}."
        for german, english in lines(0).items()
    }


def test_a_day_of_a_month_keeps_its_dress():
    months, endings = lines(1), set()
    for text, translation in drawn((MADE.texts[1], MADE.translations[1])):
        day, month = re.fullmatch(r"Der Kurs beginnt am (\d+)\. (\w+)\.", text).groups()
        told = rf"The class begins on {months[month]} {day}(st|nd|rd|th)\."
        endings.add((int(day), re.fullmatch(told, translation)[1]))
    assert {day for day, _ in endings} == set(range(1, 29))
    assert {(1, "st"), (2, "nd"), (3, "rd"), (11, "th"), (12, "th"), (21, "st")} <= (
        endings
    )
    assert len(endings) == 28


@pytest.mark.parametrize(
    "english", ["March 3, 1962.", "3rd of March.", "3 March.", "March 3."]
)
def test_days_are_found_however_they_are_written(english):
    for text, translation in drawn((english, "am 3. März"), german=1, seeds=40):
        day = re.search(r"\d+", translation)[0]
        assert re.search(rf"\b{day}(st|nd|rd|th)?\b", text)
        assert ("1962" in text) == ("1962" in english)


def test_numbers_in_digits_are_the_same_on_both_sides_of_as_many_digits():
    found = set()
    for text, translation in drawn((MADE.texts[4], MADE.translations[4])):
        year, count = re.fullmatch(r"Im Jahr (\d{4}) waren es (\d\d)\.", text).groups()
        assert translation == f"In {year}, there were {count}."
        found.add(year)
    assert len(found) > 100


def test_a_day_stays_one_of_a_month_beside_other_numbers():
    for text, translation in drawn(("28. Mai 1962, 31", "31, May 28, 1962"), seeds=100):
        day, year, age = re.fullmatch(r"(\d+)\. \w+ (\d{4}), (\d+)", text).groups()
        assert 1 <= int(day) <= 28
        told = re.fullmatch(r"(\d+), \w+ (\d+), (\d{4})", translation).groups()
        assert told == (age, day, year)


def test_numbers_in_words_keep_the_capital_at_the_begin():
    numbers = lines(2)
    for text, translation in drawn((MADE.texts[2], MADE.translations[2])):
        one, other = re.fullmatch(r"(\w+) Hunde und (\w+) Katzen\.", text).groups()
        assert one[0].isupper()
        assert translation == (
            f"{numbers[one.lower()].capitalize()} dogs and {numbers[other]} cats."
        )


@pytest.mark.parametrize(
    "sides",
    [
        ("Um 3.30 Uhr im Mai 2018", "At 3:30 in 2019"),
        ("Er siebte sieben Stunden.", "He sieved for hours."),
        ("Ein Hund.", "A dog."),
        ("", ""),
    ],
)
def test_what_one_side_alone_has_stays(sides):
    assert set(drawn(sides, seeds=5)) == {sides}


def test_pairs_are_added_of_each_kind_as_often_in_both_directions():
    for made in (MADE, pairs(*zip(MADE.translations, MADE.texts, strict=True))):
        found = calendar_words.added(made, 80, seed=3)
        assert len(found) == 405
        assert found.texts[:5].tolist() == made.texts.tolist()
        more = " ".join(found.texts[5:])
        for word in ("Kurs|class", "Hunde|dogs", "treffen|meet", "Jahr|there"):
            assert 70 < len(re.findall(word, more)) < 130
        again = calendar_words.added(made, 80, seed=3)
        assert again.texts.tolist() == found.texts.tolist()
    assert calendar_words.added(MADE, 0.0, 3) is MADE


def test_pairs_in_other_languages_are_refused():
    with pytest.raises(UserError, match="for German and English"):
        calendar_words.added(pairs(("lundi", "maandag")), 1, 1)
