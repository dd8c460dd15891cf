"""Language models of subwords: no text is unknown, and spaces are where they were."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import in_numpy, make
from zoo.models import LanguageModel
from zoo.text import Subwords
from zoo.text.subword_learning import BYTES, SPACE

PIECES = (SPACE, *"abc.", "ab", f"{SPACE}ab", f"{SPACE}c")


def model_of(pieces=PIECES, **arguments):
    return make(Subwords([*BYTES, *pieces]), level="subword", **arguments)


TEXTS = ["ab abc. b", "", "c", "é 😀", "<br />ab  c\n", "\x00ab"]


@pytest.mark.slow
@pytest.mark.parametrize("sentences", [False, True])
def test_a_text_costs_what_its_pieces_cost(sentences):
    model = model_of(sentences=sentences)
    found = {name: value.numpy() for name, value in model.score(TEXTS).items()}
    for place, text in enumerate(TEXTS):
        plain = text.replace("<br />", " ").replace("\x00", " ").split()
        ids = model.vocabulary.encode(tf.constant([" ".join(plain)])).to_list()[0]
        ids += [3] * sentences
        logs = in_numpy(model, [[2, *ids[:-1]]])[0] if ids else np.zeros([0, 1])
        expected = sum(logs[t, y] for t, y in enumerate(ids))
        assert found["log_probability"][place] == pytest.approx(expected, abs=1e-4)
        assert found["lengths"][place] == len(ids)
        if text:
            bits = -expected / np.log(2) / len(text)
            assert found["bits_per_character"][place] == pytest.approx(bits, abs=1e-4)
    assert not found["unknown"].any()


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_what_goes_on_has_the_space_that_it_was_drawn_with():
    model = model_of()
    prompts = ["ab", "ab ", "", "ab"]
    ids = model.vocabulary.ids(tf.constant([[f"{SPACE}ab", "c"]] * 3 + [["c", "."]]))
    begins = tf.constant([False, True, True, False])
    found = model.language.decode_after(begins, ids).numpy().tolist()
    assert found == [b" abc", b"abc", b"abc", b"c."]
    drawn = model.generate(prompts, 12, seed=[1, 1, 1, 1]).numpy()
    assert drawn[1] == drawn[0].removeprefix(b" ")
    assert drawn[0] == drawn[3]


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [PIECES, (SPACE, "a")])
@pytest.mark.parametrize("length", [0, 1, 40])
@pytest.mark.usefixtures("lean")
def test_a_stream_is_what_is_generated_whatever_bytes_are_drawn(pieces, length):
    # Of hardly any pieces but bytes most characters are cut by a piece's end.
    model = model_of(pieces)
    prompts = ["a", "a ", "", "😀"]
    whole = model.generate(prompts, length, seed=3).numpy().tolist()
    assert "\ufffd" not in "".join(text.decode() for text in whole)
    streamed = model.stream(prompts, length, seed=3, piece=3)
    parts = zip(*(part.numpy().tolist() for part in streamed), strict=True)
    assert [b"".join(row) for row in parts] == (whole if length else [])


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_a_stream_tells_all_spaces_at_its_beginning_but_the_first():
    model = model_of()
    drawn = np.isin(model.vocabulary.tokens, [SPACE, f"{SPACE}ab", "a"])
    model.softmax.bias.assign_sub(1e9 * ~drawn)
    prompts = ["", "a "] * 10
    whole = model.generate(prompts, 5, seed=3).numpy().tolist()
    assert {text[:1] for text in whole} == {b" ", b"a"}
    streamed = model.stream(prompts, 5, seed=3, piece=1)
    parts = zip(*(part.numpy().tolist() for part in streamed), strict=True)
    assert [b"".join(row) for row in parts] == whole


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_a_stop_is_found_with_a_space_before_it_and_without():
    model = model_of()
    is_byte = np.isin(model.vocabulary.tokens, BYTES)
    model.softmax.bias.assign_sub(1e9 * is_byte)
    texts = model.generate([""] * 40, 60, seed=5, stop=["c", "."]).numpy()
    assert all(text.endswith((b"c", b".")) for text in texts)
    assert {text[-2:] for text in texts} >= {b" c", b"bc"}
    for text in texts:
        assert b"." not in text[:-1]
        assert b"c" not in text[:-1]


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_a_preset_of_subwords_scores_and_draws_the_same(tmp_path):
    model = model_of(cell="gru", tied=True)
    model.save_to_preset(tmp_path / "preset")
    loaded = LanguageModel.from_preset(tmp_path / "preset")
    saved = tf.saved_model.load(str(tmp_path / "preset" / "saved_model"))
    expected = model.score(TEXTS)["log_probability"]
    np.testing.assert_allclose(loaded.score(TEXTS)["log_probability"], expected, 1e-5)
    scored = saved.signatures["score"](text=tf.constant(TEXTS))
    np.testing.assert_allclose(scored["log_probability"], expected, 1e-5)
    assert loaded.get_config() == model.get_config()
    ones = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    drawn = saved.generate(tf.constant(["ab", ""]), 9, seed=tf.constant(7, tf.int64))
    assert drawn["text"].numpy().tolist() == (
        loaded.generate(["ab", ""], 9, seed=7, **ones).numpy().tolist()
    )


def test_subwords_go_with_their_level_alone():
    subwords = Subwords([*BYTES, *PIECES])
    with pytest.raises(ValueError, match="needs level='subword', found 'word'"):
        LanguageModel(subwords, level="word")
    tokenizer = {"class_name": "WordTokenizer", "config": {}}
    with pytest.raises(ValueError, match="Subwords split texts themselves"):
        LanguageModel(subwords, level="subword", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="Subwords must begin with the 256 tokens"):
        LanguageModel(["a", "b"], level="subword")
