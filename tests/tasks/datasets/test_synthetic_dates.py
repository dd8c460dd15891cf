"""The dates keep what their docstring promises."""

import datetime
import itertools
import re
import sys

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.synthetic import dates
from tasks.errors import UserError


@pytest.fixture(scope="module")
def splits():
    pytest.importorskip("babel")
    return {split: list(dates.generate(split)) for split in dates.SIZES}


@pytest.fixture(scope="module")
def forms():
    pytest.importorskip("babel")
    return list(itertools.chain.from_iterable(dates.forms()))


def days(year):
    first = datetime.date(year, 1, 1)
    count = (datetime.date(year + 1, 1, 1) - first).days
    return [first + datetime.timedelta(n) for n in range(count)]


def test_splits_have_the_promised_sizes_and_share_no_text(splits):
    assert {split: len(rows) for split, rows in splits.items()} == dates.SIZES
    texts = [row["human"] for rows in splits.values() for row in rows]
    assert len(set(texts)) == len(texts) == 20_000


def test_no_text_can_mean_two_days(forms):
    """The year stands in the text, so the days of one year are compared."""
    for year in (2000, 2001):
        meant = {}
        for day, form in itertools.product(days(year), forms):
            text = form.write(day)
            assert re.findall(r"\d{4}", text) == [str(year)]
            assert meant.setdefault(text, day) == day, text


@pytest.mark.parametrize(
    "text",
    [
        "Wednesday, March 4, 2009",
        "Mar 4, 2009",
        "04/03/2009",
        "4 March 2009",
        "4. März 2009",
        "04.03.2009",
        "mercredi 4 mars 2009",
        "4 de marzo de 2009",
        "4-3-2009",
        "2009-03-04",
        "4 марта 2009\u202fг.",
        "4. března 2009",
        "4 marca 2009",
        "2009. március 4.",
        "4 مارس 2009",
        "4 มีนาคม 2009",
        "2009年3月4日水曜日",
        "2009년 3월 4일",
        "2009/3/4",
    ],
)
def test_people_write_the_fourth_of_march_so(text, forms):
    day = datetime.date(2009, 3, 4)
    assert text in {form.write(day) for form in forms}


def test_nobody_writes_it_in_the_american_way_or_without_the_century(forms):
    day = datetime.date(2009, 3, 4)
    texts = {form.write(day) for form in forms}
    assert not {"3/4/2009", "03/04/2009", "3.4.2009", "2009-04-03"} & texts
    assert not {text for text in texts if "2009" not in text}


@pytest.mark.parametrize(
    ("pattern", "clear"),
    [
        ("EEEE, MMMM d, y", True),
        ("d LLL y", True),
        ("d. M. y", True),
        ("d.MM.y\u202f'г'.", True),
        ("d 'de' MM 'de' y", True),
        ("y/MM/dd", True),
        ("M/d/y", False),
        ("y-d-M", False),
        ("LL/d/y", False),
        ("d.M.yy", False),
        ("MMMM d, yy", False),
    ],
)
def test_clear_patterns_are_told(pattern, clear):
    assert dates.is_clear(pattern) == clear


def test_machines_read_the_day_that_people_wrote(splits, forms):
    """Every text of a split is one of the forms of its day, and of its year."""
    for row in splits["test"][:200]:
        day = datetime.date.fromisoformat(row["machine"])
        assert row["human"] in {form.write(day) for form in forms}
    for rows in splits.values():
        for row in rows:
            assert re.fullmatch(r"(19|20)\d\d-\d\d-\d\d", row["machine"])
            assert row["machine"][:4] in row["human"]


def test_all_languages_and_forms_are_drawn(splits, forms):
    languages = {form.locale.language for form in forms}
    assert len(languages) == 27
    assert all(len(forms) >= 4 for forms in dates.forms())
    words = ["January", "janvier", "января", "มกราคม", "1月"]
    texts = "\n".join(row["human"] for row in splits["train"])
    assert all(word in texts for word in words)
    weekdays = ["Thursday", "jeudi", "четверг", "木曜日"]
    assert all(word in texts for word in weekdays)


@pytest.mark.slow
def test_the_two_texts_are_prepared_as_languages(splits, tmp_path):
    builder = data.load_builder("synthetic/dates", tmp_path)
    assert isinstance(builder.info.features, tfds.features.Translation)
    assert builder.info.supervised_keys == ("human", "machine")
    columns = data.read(builder, "test", ["human", "machine"])
    pairs = [
        (human.decode(), machine.decode())
        for human, machine in zip(*columns, strict=True)
    ]
    assert sorted(pairs) == sorted((r["human"], r["machine"]) for r in splits["test"])


def test_without_babel_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(UserError) as caught:
        data.load_builder("synthetic/dates", tmp_path)
    assert "pip install babel" in str(caught.value)
    assert "\n" not in str(caught.value)
