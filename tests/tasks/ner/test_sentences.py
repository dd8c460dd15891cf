"""Tagged sentences: which columns, which tags, and what to choose and report on."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.errors import UserError
from tasks.ner import batches
from tasks.ner import corpus as tagged_corpus
from tasks.ner import sentences as tagged_sentences
from tasks.ner.sentences import TaggedSentences
from tests.tasks.ner.stored import LABEL, NAMES, TEXT, Stored, feature

TEDDY = [("Teddy", 1), ("Roosevelt", 2), ("slept", 0)]
BEARS = [("Bears", 0), ("sleep", 0)]


def corpus(stored, train_split="train", scheme=None):
    columns = tagged_sentences.columns(stored, None, None)
    return tagged_corpus.read_corpus(stored, train_split, *columns, scheme)


def test_sentences_without_tokens_are_left_out_and_empty_tokens_are_not_padding():
    stored = Stored({"train": [[], TEDDY, [("", 0), ("x y", 1)], []]})
    found = tagged_sentences.read(stored, "train", "tokens", "ner")
    assert found.tokens == [["Teddy", "Roosevelt", "slept"], ["\ufffd", "x y"]]
    assert found.tags == [["B-PER", "I-PER", "O"], ["O", "B-PER"]]
    assert found.source == "stored/1.0.0/train"
    assert found.inventory == tuple(NAMES)


def test_tags_can_be_strings():
    stored = Stored({"train": [[("a", "DT"), ("cat", "NN"), ("b", "NN")]]}, label=TEXT)
    found = tagged_sentences.read(stored, "train", "tokens", "ner")
    assert found.tags == [["DT", "NN", "NN"]]
    assert found.inventory == ("NN", "DT")  # the most frequent first


def test_tokens_are_not_their_own_tags():
    stored = Stored({"train": []})
    with pytest.raises(UserError, match=r"Column 'tokens' .* can't be the tags"):
        tagged_sentences.columns(stored, None, "tokens")


def test_tags_can_be_numbers():
    stored = Stored(
        {"train": [[("Teddy", 1), ("slept", 0)]] * 2},
        ("tokens", "is_name"),
        tfds.features.Scalar(np.int64),
    )
    found = corpus(stored)
    assert found.scheme == "plain"
    assert found.train.tags == [["1", "0"]]
    assert found.train.inventory == ("1", "0")


def test_nothing_but_empty_sentences_is_an_error():
    with pytest.raises(UserError, match="no sentence with tokens"):
        tagged_sentences.read(Stored({"train": [[], []]}), "train", "tokens", "ner")


def test_hidden_tags_are_told():
    stored = Stored({"train": [TEDDY], "test": [[("a", -1)]]})
    with pytest.raises(UserError, match=r"hidden \(-1\).*there are train, test"):
        tagged_sentences.read(stored, "test", "tokens", "ner")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["ner", "tags", "upos"], "ner"),
        (["upos", "pos", "tags"], "tags"),
        (["xpos", "upos"], "upos"),
        (["labels"], "labels"),
    ],
)
def test_the_most_telling_tags_are_taken(there, expected):
    others = dict.fromkeys(there, feature(LABEL))
    stored = Stored({"train": []}, columns=("tokens", there[0]), **others)
    assert tagged_sentences.columns(stored, None, None) == ("tokens", expected)


def test_columns_can_be_chosen_and_have_to_fit():
    stored = Stored({"train": []}, columns=("words", "a"), b=feature(LABEL), c=TEXT)
    assert tagged_sentences.columns(stored, None, "b") == ("words", "b")
    with pytest.raises(UserError, match=r"2 columns that can be the tags.*--tags-col"):
        tagged_sentences.columns(stored, None, None)
    with pytest.raises(UserError, match=r"Column 'c' .* can't be the tags"):
        tagged_sentences.columns(stored, None, "c")
    with pytest.raises(UserError, match=r"Unknown column 'word'. Did you mean 'words'"):
        tagged_sentences.columns(stored, "word", "a")


@pytest.mark.parametrize("name", ["validation", "dev"])
def test_the_split_to_choose_on_has_two_names(name):
    found = corpus(Stored({"train": [TEDDY], name: [BEARS], "test": [TEDDY] * 2}))
    assert found.validation.source == f"stored/1.0.0/{name}"
    assert [len(p) for p in (found.train, found.validation, *found.tests)] == [1, 1, 2]
    assert found.record["test_splits"] == ["test"]


def test_without_one_a_tenth_of_train_is_held_out():
    rows = [[(f"{number}", 0)] for number in range(100)]
    found = corpus(Stored({"train": rows}))
    assert (len(found.train), len(found.validation), found.tests) == (90, 10, ())
    tokens = [*found.train.tokens, *found.validation.tokens]
    assert sorted(tokens) == sorted([word] for [(word, _)] in rows)
    assert "none: no split to report on is left" in found.describe()


def test_what_was_trained_on_is_never_tested_on():
    found = corpus(Stored({"train": [TEDDY] * 9, "test": [TEDDY] * 20}), "test")
    assert found.tests == ()


def test_tags_are_converted_on_demand():
    found = corpus(Stored({"train": [TEDDY] * 2}), scheme="iobes")
    assert found.train.tags == [["B-PER", "E-PER", "O"]]
    assert found.train.inventory == ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    assert "iobes, converted from iob2" in found.describe()


def test_stray_tags_are_mended_and_told_but_for_those_of_the_test():
    stray = [("in", 0), ("York", 2), ("Teddy", 1)]
    rows = [TEDDY] * 3 + [stray]
    found = corpus(Stored({"train": rows, "dev": [stray], "test": [stray]}))
    assert found.scheme == "iob2"
    assert found.train.tags[-1] == ["O", "O", "B-PER"]
    assert found.train.tags[:3] == [["B-PER", "I-PER", "O"]] * 3
    assert found.validation.tags == [["O", "O", "B-PER"]]
    assert [test.tags for test in found.tests] == [[["O", "I-PER", "B-PER"]]]
    assert "2 stray tags count as O" in found.describe()


def test_plain_tags_stay_and_have_no_other_scheme():
    label = tfds.features.ClassLabel(names=["NOUN", "VERB", "X"])
    stored = Stored({"train": [BEARS] * 2}, ("tokens", "upos"), label)
    found = corpus(stored)
    assert found.scheme == "plain"
    assert found.train.tags == [["NOUN", "NOUN"]]
    assert "never seen  VERB, X" in found.describe()
    with pytest.raises(UserError, match="can't be used: Plain tags"):
        corpus(stored, scheme="iob2")


def test_tags_that_only_validation_has_are_known():
    def strings(*pairs):
        return TaggedSentences(
            [[token for token, _ in pairs]],
            [[tag for _, tag in pairs]],
            "file",
            tuple(tag for _, tag in pairs),
        )

    train, validation = strings(("a", "DT")), strings(("b", "NN"), ("c", "DT"))
    found = tagged_corpus.corpus(
        train,
        validation,
        None,
        None,
        {"dataset": "", "tokens_column": "", "tags_column": ""},
    )
    assert found.train.inventory == ("DT", "NN")


def of_file(source, *rows):
    """Returns sentences of tags, each of a token `t`, as a file gives them."""
    tags = [row.split() for row in rows]
    names = dict.fromkeys(tag for row in tags for tag in row)
    tokens = [["t"] * len(row) for row in tags]
    return TaggedSentences(tokens, tags, source, tuple(names))


def of_files(train, validation=None, test=None, scheme=None):
    given = {"train": train, "validation": validation, "test": test}
    parts = [rows and of_file(name, *rows) for name, rows in given.items()]
    return tagged_corpus.corpus(*parts, scheme, {})


def test_tags_in_another_spelling_are_read_and_told():
    found = of_files(["b_per i_per o"] * 9, ["o"], ["b_loc o"])
    assert found.train.tags[0] == ["B-per", "I-per", "O"]
    assert found.validation.tags == [["O"]]  # which alone could be anything
    assert [test.tags for test in found.tests] == [[["B-loc", "O"]]]
    assert found.train.inventory == ("O", "B-per", "I-per")
    told = "spelling    b_loc is B-loc, b_per is B-per, i_per is I-per, o is O"
    assert told in found.describe()
    assert "spelling" not in of_files(["B-PER O"], ["O"]).describe()


def test_what_may_not_be_meant_is_noted():
    def notes(*rows):
        told = of_files(list(rows), [rows[0]]).describe()
        return [line[12:] for line in told.splitlines() if line.startswith("note")]

    assert notes("B-PER I-PER O B-LOC") == notes("NOUN VERB", "NOUN") == []
    assert notes("B-PER O B-per B-LOC") == [
        "'PER', 'per' are apart: are they meant to be?"
    ]
    [alike] = notes("NOUN Noun", "X")
    assert alike == "'NOUN', 'Noun' are apart: are they meant to be?"
    assert notes("PER PER", "O") == [
        "O is a tag as any other, for none is B-X or I-X, as entities' are"
    ]
    assert notes("B-PER " + "O " * 2_000) == [
        "the longest sentence has 2,001 tokens: are blank lines between sentences "
        "missing?"
    ]


def test_bilou_is_iobes():
    rows = ["U-PER O B-LOC I-LOC L-LOC"]
    found = of_files(rows, rows, scheme="iob2")
    assert found.found_scheme == "iobes"
    assert found.train.tags == [["B-PER", "O", "B-LOC", "I-LOC", "I-LOC"]]
    assert of_files(rows, rows).train.tags == [
        ["S-PER", "O", "B-LOC", "I-LOC", "E-LOC"]
    ]


def test_files_in_several_schemes_go_together():
    found = of_files(["B-X I-X O"], ["S-X O B-X E-X"], ["B-X I-X S-X"])
    assert (found.scheme, found.stray) == ("iob2", 0)
    assert found.validation.tags == [["B-X", "O", "B-X", "I-X"]]
    assert of_files(["S-X O B-X E-X"], ["B-X I-X O"]).validation.tags == [
        ["B-X", "E-X", "O"]
    ]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((["NOUN VERB"], ["B-X O"]), "validation can't be used: those of train are pl"),
        ((["B-X O"], ["O"], ["NOUN"]), "test can't be used: those of train are those "),
        ((["B-X O"], ["B_X O"]), "Is it 'B_X' for 'B-X'?"),
        ((["B-X, O"], ["O"]), "'B-X,' is more than a tag"),
    ],
)
def test_tags_that_do_not_go_together_are_told(parts, told):
    with pytest.raises(UserError) as caught:
        of_files(*parts)
    assert told in str(caught.value)


def test_tags_of_a_file_are_respelled_for_a_model_of_entities_alone():
    sentences = of_file("file", "b-x i-x o")
    assert tagged_corpus.converted(sentences, "iob2").tags == [["B-x", "I-x", "O"]]
    # A model of plain tags learnt them as they were.
    assert tagged_corpus.converted(sentences, "plain").tags == [["b-x", "i-x", "o"]]
    with pytest.raises(UserError, match="file doesn't fit the model: the tags are"):
        tagged_corpus.converted(of_file("file", "B-X I_X O"), "iob2")


@pytest.mark.parametrize("row", ["O O", "NOUN"])
def test_one_tag_is_nothing_to_learn(row):
    found = of_files([row], [row])
    with pytest.raises(UserError, match=r"train have the tag '.*': .*--tags-column"):
        found.check()
    of_files(["a b"], ["a"]).check()


def test_bools_are_tags():
    stored = Stored(
        {"train": [[("Teddy", True), ("slept", False)]] * 2},
        ("tokens", "is_name"),
        tfds.features.Scalar(np.bool_),
    )
    assert corpus(stored).train.tags == [["True", "False"]]


def test_batches_pair_tokens_with_their_tags_places():
    sentences = TaggedSentences(
        [["a", "b"], ["c"]], [["O", "B-NEW"], ["B-PER"]], "file", ()
    )
    [(tokens, places)] = batches.bucketed(sentences, NAMES, 2, buckets=1).dataset()
    assert tokens.numpy().tolist() == [[b"c", b""], [b"a", b"b"]]
    assert places.numpy().tolist() == [[1, -1], [0, -1]]


@pytest.mark.slow
@pytest.mark.real_data("conll2002/es", "wikiann/en")
@pytest.mark.parametrize(
    ("name", "columns", "sizes", "stray"),
    [
        ("conll2002/es", ("tokens", "ner"), (8323, 1915, 1517), 5),
        ("wikiann/en", ("tokens", "tags"), (20_000, 10_000, 10_000), 0),
    ],
)
def test_real_data_are_read_by_name_alone(name, columns, sizes, stray):
    builder = data.load_builder(name)
    assert tagged_sentences.columns(builder, None, None) == columns
    found = corpus(builder)
    parts = found.train, found.validation, *found.tests
    assert tuple(map(len, parts)) == sizes
    assert found.scheme == found.found_scheme == "iob2"
    assert found.stray == stray
    assert all(all(row) for part in parts for row in part.tokens)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conll2003", ("tokens", "ner")),
        ("conll2002/nl", ("tokens", "ner")),
        ("wikiann/de", ("tokens", "tags")),
        ("universal_dependencies/en_ewt", ("tokens", "upos")),
    ],
)
def test_datasets_of_tfds_need_no_columns_named(name, expected, tmp_path):
    builder = tfds.builder(name, data_dir=tmp_path)  # not prepared: features alone
    assert tagged_sentences.columns(builder, None, None) == expected
