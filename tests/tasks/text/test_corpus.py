"""Texts to learn from: what is held out, what is joined, which files fit."""

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.text import corpus as text_corpus
from tasks.text.corpus import Texts


class Info:
    """What `text_corpus` reads of a TFDS builder: splits of texts."""

    citation = "@misc{x}"
    full_name = "made/up"

    def __init__(self, splits):
        self.splits = {name: Split(len(texts)) for name, texts in splits.items()}


class Split:
    def __init__(self, count):
        self.num_examples = count


@pytest.fixture
def builder(monkeypatch):
    """Makes a stand-in for a builder, whose splits `data.read` then reads."""

    def make(**splits):
        def read(builder, split, paths):
            names = text_corpus.data.split_names(split)
            rows = [text for name in names for text in splits[name]]
            return [np.array([text.encode() for text in rows], object)]

        made = type("Builder", (), {"info": Info(splits)})()
        monkeypatch.setattr(text_corpus.data, "read", read)
        monkeypatch.setattr(text_corpus.data, "name", lambda builder: "made")
        return made

    return make


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
@pytest.mark.parametrize("texts", [["abcdefghijklmnopqrst"], ["abc", "d", "efgh" * 9]])
def test_what_is_held_out_is_the_end_to_the_character(texts, share):
    train, out = text_corpus.hold_out(Texts(tuple(texts), "x"), share)
    whole = "".join(texts)
    assert out.characters == round(share * len(whole))
    assert "".join(train.texts) + "".join(out.texts) == whole
    assert all(train.texts + out.texts)
    # Texts that lie on one side stay what they are.
    assert sum(text in train.texts + out.texts for text in texts) >= len(texts) - 1


def test_sentences_are_held_out_whole():
    texts = tuple(f"sentence {number}" for number in range(40))
    train, out = text_corpus.hold_out(Texts(texts, "x"), 0.05, whole=True)
    assert train.texts + out.texts == texts
    assert len(out) == 2
    assert out.source == "x (the last 5%)"
    assert train.source == "x (less the last 5%)"


def test_a_text_too_short_to_be_cut_is_told():
    with pytest.raises(UserError, match="too short to hold"):
        text_corpus.hold_out(Texts(("a",), "x"), 0.05)


def test_splits_of_one_text_each_go_on_with_one_another(builder):
    parts = builder(train=["one "], validation=["two "], test=["three"])
    found = text_corpus.read(parts, "validation+test", "text")
    assert found.texts == ("two three",)
    assert found.context == "one "
    assert text_corpus.read(parts, "test", "text").context == "one two "
    assert text_corpus.read(parts, "train", "text").context == ""
    lines = text_corpus.read(parts, "validation+test", "text", lines=True)
    assert (lines.texts, lines.context) == (("two ", "three"), "")


def test_context_is_no_longer_than_states_remember(builder, monkeypatch):
    monkeypatch.setattr(text_corpus, "CONTEXT", 3)
    parts = builder(train=["abcdef"], test=["gh"])
    assert text_corpus.read(parts, "test", "text").context == "def"


def test_splits_of_many_texts_have_no_context_and_empty_texts_go(builder):
    many = builder(train=["a", "", "b"], test=["c"])
    assert text_corpus.read(many, "train", "text").texts == ("a", "b")
    assert text_corpus.read(many, "test", "text").context == ""
    with pytest.raises(UserError, match="holds no text"):
        text_corpus.read(builder(train=[""], test=["", "c"]), "train", "text")


def test_one_text_is_chosen_on_its_training_part_and_reported_on_the_rest(builder):
    one = builder(train=["a" * 100], validation=["b"], test=["c"])
    corpus = text_corpus.read_corpus(one, "train", "text", 0.05)
    assert corpus.train.texts == ("a" * 95,)
    assert corpus.validation.texts == ("a" * 5,)
    assert [texts.texts for texts in corpus.tests] == [("bc",), ("c",)]
    assert [texts.context for texts in corpus.tests] == ["a" * 100, "a" * 100 + "b"]
    assert corpus.record["test_splits"] == ["validation+test", "test"]
    assert corpus.record["chosen_on"] == "made/up/train (the last 5%)"


def test_all_the_text_is_trained_on_where_nothing_is_held_out(builder):
    one = builder(train=["a" * 100], validation=["b"], test=["c"])
    corpus = text_corpus.read_corpus(one, "train", "text", 0)
    assert corpus.train.texts == ("a" * 100,)
    assert corpus.validation is None
    assert [texts.texts for texts in corpus.tests] == [("bc",), ("c",)]
    told = "none: the last epoch is kept"
    assert corpus.record["chosen_on"] == told
    assert f"validation  {told}\n" in corpus.describe()


def test_a_validation_split_is_chosen_on_unless_it_is_all_there_is(builder):
    full = builder(train=["a", "b"], validation=["c"], test=["d"])
    corpus = text_corpus.read_corpus(full, "train", "text")
    assert corpus.validation.texts == ("c",)
    assert [texts.texts for texts in corpus.tests] == [("d",)]
    asked = text_corpus.read_corpus(full, "train", "text", 0.5)
    assert asked.validation.texts == ("b",)
    assert asked.record["test_splits"] == ["test"]
    without = builder(train=["ab" * 20], validation=["c", "d"])
    corpus = text_corpus.read_corpus(without, "train", "text")
    assert corpus.validation.texts == ("ab",)
    assert corpus.record["test_splits"] == ["validation"]
    unlabelled = builder(unsupervised=["ab" * 20], test=["c", "d"], train=["e"])
    corpus = text_corpus.read_corpus(unlabelled, "unsupervised", "text")
    assert corpus.record["test_splits"] == ["test"]
    latest = builder(latest=["ab" * 20], test=["c", "d"])  # whose name has the other's
    corpus = text_corpus.read_corpus(latest, "latest[:50%]", "text")
    assert corpus.record["test_splits"] == ["test"]
    alone = text_corpus.read_corpus(builder(train=["ab" * 20]), "train", "text")
    assert alone.tests == ()
    assert "test        none" in alone.describe()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.txt").write_text("second\nfi\x85le", "utf-8")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbffirst \xc3\xa9\r\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.txt").write_text("third\n\n")
    (tmp_path / "d.txt").mkdir()
    return tmp_path


def test_files_are_texts_in_the_order_of_their_names(folder):
    found = text_corpus.read_files(str(folder / "*.txt"))
    assert found.texts == ("first é\n", "second\nfi\x85le")
    found = text_corpus.read_files(str(folder / "**" / "*.txt"), lines=True)
    assert found.texts == ("first é", "second", "fi\x85le", "third")
    assert found.characters == len("first ésecondfi\x85lethird")


def test_files_to_train_on_have_an_end_to_choose_on(folder):
    corpus = text_corpus.corpus_of_files(str(folder / "*.txt"), 0.1, lines=False)
    assert corpus.validation.texts == ("le",)
    assert corpus.tests == ()
    assert corpus.record["test_splits"] == []


def test_a_file_that_is_not_utf8_is_named_with_the_place(tmp_path):
    (tmp_path / "latin.txt").write_bytes("ein schöner Tag".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.txt is not UTF-8: .* byte 7 "):
        text_corpus.read_files(str(tmp_path / "*"))


def test_no_files_and_empty_files_are_told(tmp_path):
    with pytest.raises(UserError, match=r"No file fits --files"):
        text_corpus.read_files(str(tmp_path / "*.txt"))
    (tmp_path / "empty.txt").touch()
    with pytest.raises(UserError, match="are empty"):
        text_corpus.read_files(str(tmp_path / "*.txt"))
