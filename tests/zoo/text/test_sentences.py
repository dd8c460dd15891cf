"""Texts as people write them, cut into sentences by hand."""

import random
import re

import pytest
import tensorflow as tf

from zoo.text.sentences import split_sentences

# Each sentence ends with `|`, which is left out of the text.
MARKED = [
    "Ein Hund rennt.| Eine Katze schläft.| Ein Vogel singt.",
    "Zwei Hunde!| Wo?| Dort… |Ja.",
    "Er sagte: „Komm her!“| Dann ging er.",
    '"Why?"| "Because I said so."| (He left.)| [Silence.]',
    "«Ven.»| ¿Qué pasa?| ¡Nada!| — Bueno.",
    "Am 3. Mai kam er, am 14. Juli ging er.| Es war 1990.| Ludwig XIV. kam zurück.",
    "Das ist z. B. Dr. Müller, d. h. Prof. Dr. J. S. Bach.| Er kommt.",
    "The U.S. Army met Mr. and Mrs. Smith at 5 p.m. in St. Louis.| They sang.",
    "No.| It costs 3.50 dollars at No. 5, see fig. 3 below.| OK?",
    "So etwas... gibt es nicht.| Wirklich?!| Ja!!!| 25 Leute.",
    "Erste Zeile\n|zweite Zeile\r\n|\n dritte.| Vierte",
    "ein hund läuft.| eine katze schläft!| und du?",
    "彼は走る。|彼女は眠る！|本当？",
    "هل هذا كلب؟| نعم.",
    "यह एक कुत्ता है।| वह सोता है।",
    "Siehe www.example.org und a.b.c.d. Danach nichts",
    "Er fragte was? und ging.",
    "Hallo!\u00a0|Wie\u2003geht's?\u2028|Gut.",
    "Nul\x00. |Zwei",
    "🎉 Ja!| 3 Hunde 😀. |Ende",
]


def cut(text):
    found = split_sentences(tf.constant([text]))
    assert found.shape.rank == 2
    return [part.decode() for part in found.values.numpy()]


@pytest.mark.parametrize("marked", MARKED)
def test_sentences_are_those_that_a_reader_finds(marked):
    expected = [part.strip() for part in marked.split("|")]
    expected = [part for part in expected if part]
    assert cut(marked.replace("|", "")) == expected


@pytest.mark.parametrize(
    "text", ["  Ein Hund. ", "Ein Hund.\n", "\tx", "Wort", b"a\xffb.", "."]
)
def test_one_sentence_is_left_as_it_is(text):
    [[found]] = split_sentences([text]).numpy().tolist()
    assert found == (text if isinstance(text, bytes) else text.encode())


def test_nothing_has_no_sentences():
    found = split_sentences(["", " \n\t\u00a0", "a"])
    assert found.to_list() == [[], [], [b"a"]]
    assert split_sentences(tf.constant([], tf.string)).to_list() == []


def test_nothing_but_white_space_is_lost_whatever_the_text():
    draw = random.Random(0)
    alphabet = "aB. .!?…\n\r\"“)(3 VÄß\u00a0漢。\x00🎉'"
    texts = ["".join(draw.choices(alphabet, k=draw.randint(0, 40))) for _ in range(500)]
    found = split_sentences(texts).to_list()
    for text, parts in zip(texts, found, strict=True):
        joined = "".join(part.decode() for part in parts)
        assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", text)
        assert all(part.strip() for part in parts)
