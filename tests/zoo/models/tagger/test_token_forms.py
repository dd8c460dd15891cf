"""What a tagger reads of its tokens, and that it returns them as they are written."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw_weights
from zoo.models import SequenceTagger
from zoo.models.tagger.token_forms import TokenForms
from zoo.text import TokenizerWithOffsets, Vocabulary

WORDS = ["el", "El", "Madrid", "León", "6\u20132", "don't", "EE.UU.", "casa", "x"]
LOWER = [*dict.fromkeys(word.lower() for word in WORDS), "'s"]
CHARACTERS = sorted({*"".join(WORDS), "\u201c"})
SENTENCES = [
    "El León, don't\tMadrid 6\u20132.",
    "\ufeffEl Leo\u0301n, do\xadn\u2019t\u00a0Ma\u200bdrid 6\u20132.",
]


def tagger(normalization="plain", casing="restore"):
    model = SequenceTagger(
        *(WORDS, LOWER, CHARACTERS, ["O", "B-X", "I-X"]),
        tokenizer=TokenizerWithOffsets(normalization=normalization),
        casing=casing,
        units=3,
    )
    draw_weights(model)
    return model


def read_as(*tokens, **how):
    vocabularies = map(Vocabulary, (WORDS, LOWER, CHARACTERS))
    layer = TokenForms(*vocabularies, **how)
    return [token.decode() for token in layer(tf.constant([tokens])).numpy()[0]]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("6\u20132", "6\u20132"),  # known as it is written
        ("6\u20113", "6-3"),
        ("don\u2019t", "don't"),
        ("\u2019s", "'s"),  # known in lower case
        ("\u201c", "\u201c"),  # a character that is known
        ("\u201d", '"'),
        ("Leo\u0301n", "León"),
        ("zo\u0301", "zó"),
        ("\u200b", "\u200b"),  # has no other character
        ("", ""),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_token_is_read_in_plain_form_where_it_is_unknown_as_written(token, expected):
    layer = TokenForms(
        *map(Vocabulary, (WORDS, LOWER, CHARACTERS)), normalization="plain"
    )
    assert layer(tf.constant([[token]]))[0, 0].numpy().decode() == expected


def test_a_sentence_in_one_case_is_read_in_the_case_of_the_vocabulary():
    expected = ["El", "Madrid", "el", "EE.UU.", "casa", "12"]
    lower, upper = ([f(token) for token in expected] for f in (str.lower, str.upper))
    assert read_as(*lower, casing="restore") == expected
    assert read_as(*upper, casing="restore") == expected
    assert read_as(*expected, casing="restore") == expected
    mixed = ["el", "madrid", "X"]
    assert read_as(*mixed, casing="restore") == mixed


def test_tags_are_those_of_the_plain_text_and_offsets_those_of_what_was_given():
    found = {key: value.numpy() for key, value in tagger().tag(SENTENCES).items()}
    np.testing.assert_array_equal(found["tags"][0], found["tags"][1])
    np.testing.assert_array_equal(found["scores"][0], found["scores"][1])
    for row, text in enumerate(SENTENCES):
        spans = zip(found["starts"][row], found["ends"][row], strict=True)
        slices = [text[start:end] for start, end in spans]
        assert slices == [token.decode() for token in found["tokens"][row]]
    raw = tagger(normalization=None).tag(SENTENCES)["scores"].numpy()
    assert np.abs(raw[0, :5] - raw[1, :5]).max() > 1e-3


def test_tokens_given_apart_are_read_like_those_of_a_sentence():
    model = tagger()
    one, other = model.tag(SENTENCES[:1]), model.tag_tokens([["El", "Leo\u0301n"]])
    whole = model.tag_tokens([["El", "León"]])
    np.testing.assert_array_equal(other["scores"], whole["scores"])
    assert one["tokens"].shape[1] == 7


def test_an_empty_batch_and_padding_are_read():
    model = tagger()
    assert model.tag_tokens([])["tags"].shape == (0, 0)
    padded = model.tag_tokens([["el", ""], ["EL", "CASA"]])
    np.testing.assert_array_equal(padded["tags"][0, 1], b"")
    np.testing.assert_allclose(
        padded["scores"][0, 0], model.tag_tokens([["el"]])["scores"][0, 0], atol=1e-6
    )


def test_without_normalization_and_casing_nothing_is_in_the_graph():
    plain = tagger(normalization=None, casing=None)
    assert "token_forms" not in [layer.name for layer in plain.layers]
    config = tagger().get_config()
    copy = SequenceTagger.from_config(config)
    assert copy.get_config() == config
    assert config["casing"] == "restore"
    old = {key: value for key, value in plain.get_config().items() if key != "casing"}
    del old["tokenizer"]["config"]["normalization"]
    assert SequenceTagger.from_config(old).get_config() == plain.get_config()
