"""Letters in lower case, whatever the locale."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from zoo.text import lowercase

LETTERS = [chr(code) for code in range(1, 0x250)]


def test_letters_are_those_of_python():
    found = lowercase.lower(tf.constant(LETTERS)).numpy()
    assert [each.decode() for each in found] == [each.lower() for each in LETTERS]
    assert lowercase.lower(tf.constant([["ΟΔΟΣ", ""]])).numpy().tolist() == [
        ["οδος".encode(), b""]
    ]


def test_what_depends_on_the_locale_is_not_left_to_it(monkeypatch):
    monkeypatch.setattr(lowercase.tf.strings, "lower", lambda texts, **_: texts)
    found = lowercase.lower(tf.constant(LETTERS)).numpy()
    pairs = zip(LETTERS, found, strict=True)
    left = {letter for letter, each in pairs if each.decode() == letter}
    # Unicode's SpecialCasing.txt: tr, az and lt.
    assert not left & set("IJİĮÌÍĨ")


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["tr_TR.UTF-8", "lt_LT.UTF-8"])
def test_the_locale_changes_nothing(locale):
    program = (
        "from zoo.text import WordTokenizer\n"
        "texts = ['TITLE \\u0130X', '\\xcd\\u0128 J\\u0301']\n"
        "print(ascii([row for row in WordTokenizer()(texts).to_list()]))"
    )
    environment = {**os.environ, "LC_ALL": locale}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [["title", "i\u0307x"], ["\xed\u0129", "j\u0301"]]
    assert done.stdout.splitlines()[-1] == ascii(
        [[word.encode() for word in row] for row in expected]
    )
