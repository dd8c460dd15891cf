"""Which columns have the tokens and the tags: found, chosen, or asked for."""

import os
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.ner import conll
from zoo import tags

CONLL_U = """\
# sent_id = 1
# text = Vámonos # a
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\tA=1\t0\troot\t_\tNE=O
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
2.1\tvan\tir\tVERB\t_\t_\t_\t_\t_\t_
3\t#\t#\tSYM\tS\t_\t1\tpunct\t_\t_
#no space behind the sign
4\t10\u00a0000\t10000\tNUM\tN\t_\t1\tobj\t_\t_

# newdoc id = 2
1\tHola\thola\tINTJ\tI\t_\t0\troot\t_\t_
"""
WORDS = [["Vamos", "nos", "#", "10\u00a0000"], ["Hola"]]
UPOS = [["VERB", "PRON", "SYM", "NUM"], ["INTJ"]]
NAMES = [(["Ann", "met"], ["B-PER", "O"]), (["Rome"], ["B-LOC"])]


@pytest.fixture
def file(tmp_path):
    """Writes a file and returns its path."""

    def write(content):
        path = tmp_path / "file.conllu"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n\n", "\n\t\t\n"),
        lambda text: text.replace("\n", "\t\t\n"),
        lambda text: text.replace("\n\n", "\n"),  # numbers begin anew
        lambda text: text.replace("1-2\tVámonos", "0.1\tYa"),
    ],
)
def test_conll_u_is_read_without_its_numbers_comments_and_ranges(file, change):
    sentences, columns = conll.read_with_columns(file(change(CONLL_U)))
    assert [sentence.tokens for sentence in sentences] == WORDS
    assert [sentence.tags for sentence in sentences] == UPOS
    assert str(columns) == "1 (form), 3 (upos)"


@pytest.mark.parametrize(
    ("token", "tag", "expected"),
    [
        (None, "lemma", ("nos", "nosotros")),
        ("form", 4, ("nos", "P")),
        ("LEMMA", "XPOS", ("nosotros", "P")),
        (2, None, ("nosotros", "PRON")),
        ("-9", "-3", ("nos", "obj")),
        ("0", "3", ("2", "PRON")),
    ],
)
def test_columns_are_chosen_by_number_or_name(file, token, tag, expected):
    # Without what is left out, so that numbers can be chosen, too.
    lines = CONLL_U.splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith(("#", "1-", "2.")))
    [sentence, _] = conll.read(file(text), token, tag)
    assert (sentence.tokens[1], sentence.tags[1]) == expected


def test_tags_of_entities_come_before_parts_of_speech(file):
    text = "1\tAnn\tPROPN\tB-PER\t_\n2\tmet\tVERB\tO\tx\n\n1\tRome\tPROPN\tB-LOC\ty\n"
    sentences, columns = conll.read_with_columns(file(text))
    assert sentences == NAMES
    assert str(columns) == "1, 3"


@pytest.mark.parametrize(
    "text",
    [
        "token\tner\nAnn\tB-PER\nmet\tO\n\nRome\tB-LOC\n",
        "Word POS Tag\nAnn N B-PER\nmet V O\n\nRome N B-LOC\n",
        "POS Tag Word\n\nN B-PER Ann\nV O met\n\nN B-LOC Rome\n",
        "id\tform\tner\n1\tAnn\tB-PER\n2\tmet\tO\n\n1\tRome\tB-LOC\n",
        "# global.columns = ID NER FORM\n1\tB-PER\tAnn\n2\tO\tmet\n\n1\tB-LOC\tRome\n",
        "B-PER Ann\nO met\n\nB-LOC Rome\n",  # swapped
        "B-PER\tN\tAnn\nO\tV\tmet\n\nB-LOC\tN\tRome\n",
        "#\thttp://a.b\t[2009]\n1\tAnn\tB-PER\tO\n2\tmet\tO\tO\n\n1\tRome\tB-LOC\tO\n",
        "###MEDLINE:1\n\nAnn B-PER\nmet O\n\n###MEDLINE:2\n\nRome B-LOC\n",
        "#begin document (x); part 1\nAnn B-PER\nmet O\n#end document\nRome B-LOC\n",
        "Sentence #\tWord\tTag\nS: 1\tAnn\tB-PER\n\tmet\tO\nS: 2\tRome\tB-LOC\n",
        "sent_id\ttoken\tner\n0\tAnn\tB-PER\n0\tmet\tO\n7\tRome\tB-LOC\n",
        "Ann\tB-PER\t\t\nmet\tO\t\t\n\t\t\t\nRome\tB-LOC\n",
        "Ann B-PER\rmet O\r\rRome B-LOC\r",
    ],
)
def test_columns_are_found_where_there_can_be_no_doubt(file, text):
    assert conll.read(file(text)) == NAMES


def test_any_first_line_that_names_what_is_asked_for_is_no_token(file):
    path = file("Wort\tEtikett\nAnn\tB-PER\nmet\tO\n\nRome\tB-LOC\n")
    assert conll.read(path, "wort", "Etikett") == NAMES
    assert conll.read(path, None, "etikett") == NAMES
    with pytest.raises(UserError, match="--tokens-column Wort --tags-column Etikett"):
        conll.read(path)


def test_numbers_are_tokens_where_nothing_numbers(file):
    [sentence] = conll.read(file("1 CD\n2 CD\n- X\n"))
    assert sentence == (["1", "2", "-"], ["CD", "CD", "X"])
    assert conll.read(file("7 x CD\n8 x CD\na x D\n"))[0].tokens == ["7", "8", "a"]
    path = file("1 x B-X\n2 y O\n")
    assert conll.read(path)[0].tokens == ["x", "y"]
    assert conll.read(path, token_column=0)[0].tokens == ["1", "2"]


WORDS_AS_TAGS = "has words where tags are expected, "
DOUBTS = {
    "name": (CONLL_U, (None, "upso"), "Did you mean 'upos'?"),
    "beyond": (CONLL_U, (None, 10), "line 4, lacks a token or a tag in column 10"),
    "before": (CONLL_U, (-11, None), "line 4, lacks a token in column -11 or a tag"),
    "no header": ("a O\n", (None, "ner"), "names its columns: give --tags-column a n"),
    "many": ("1\ta\tN\tx\n2\tb\tV\ty\n", (), "the tokens; none has tags of entities"),
    "too few": ("New York B-LOC\nis O\n", (), "line 2, lacks a token or a tag: found"),
    "too many": ("is O\nNew York B-LOC\n", (), "line 2, has 3 columns, line 1 has 2"),
    "commas": ("Ann,B-PER\nmet,O\n", (), "Is it CSV? Save it with tabs"),
    "semicolons": ("Ann;B-PER\n", (), "Is it CSV?"),
    "swapped": ("NOUN cat\nVERB sat\n", (), "Then give --tokens-column -1 --tags-co"),
    "empty": ("Ann _\nmet _\n", (), "has no tags in the column that was taken for"),
    "numbers": ("1 cat\n2 sat\n", (), f"{WORDS_AS_TAGS}2 different ones: 'cat', 'sat'"),
    "json": (
        '{"tokens": ["a"], "tags": ["O"]}\n',
        (),
        "is JSON: a token and its",
    ),
    "one for both": ("a\tner\nb\tO\n", ("ner", None), "both in column 1 (ner). Give"),
    "header alone": ("token ner\n", (), "no sentence, but a line that names columns"),
    "lemmas": (
        *("".join(f"word{n} lemma{n}\n" for n in range(99)), ()),
        f"{WORDS_AS_TAGS}99 different ones: 'lemma0'",
    ),
    "words": (
        *("".join(f"w{n} w{n % 40}\n" for n in range(999)), ()),
        f"{WORDS_AS_TAGS}40 different ones: 'w0', 'w1', 'w10'. Choose others",
    ),
}


@pytest.mark.parametrize(("text", "columns", "told"), DOUBTS.values(), ids=DOUBTS)
def test_what_is_in_doubt_is_told_with_what_to_do(file, text, columns, told):
    with pytest.raises(UserError) as caught:
        conll.read(file(text), *columns)
    assert told in str(caught.value)
    assert "file.conllu" in str(caught.value)


def test_who_names_both_columns_is_believed(file):
    text = "".join(f"w{n} w{n % 40}\n" for n in range(999))
    [sentence] = conll.read(file(text), 0, 1)
    assert len(set(sentence.tags)) == 40


def test_columns_behind_those_that_count_may_differ_in_number(file):
    text = "1\ta\tB-X\t-\tme\n2\tb\tO\n\n1\tc\tO\t-\tyou\tand\tme\n"
    assert conll.read(file(text)) == [(["a", "b"], ["B-X", "O"]), (["c"], ["O"])]
    assert conll.read(file("a O\nb O x\n"), 0, 1) == [(["a", "b"], ["O", "O"])]


@pytest.mark.parametrize("column", ["form", "1"])
def test_tokens_alone_need_no_tags(column):
    lines = CONLL_U.splitlines()
    assert conll.read_tokens(lines, column, "x") == WORDS
    numbered = ["1\tAnn", "2\tmet", "", "1\tRome"]
    assert conll.read_tokens(numbered, "1", "x") == [["Ann", "met"], ["Rome"]]
    one_column = ["Ann", "met", " ", "Rome"]
    assert conll.read_tokens(one_column, "0", "x") == [["Ann", "met"], ["Rome"]]
    with pytest.raises(UserError, match="x, line 2, lacks a token in column 1"):
        conll.read_tokens(["Ann x", "met"], "1", "x")
    with pytest.raises(UserError, match="x has no sentence"):
        conll.read_tokens(["", "# a"], "1", "x")


@pytest.mark.real_data(raw=["universal_ner"])
@pytest.mark.parametrize(
    ("split", "sentences", "tokens"),
    [
        pytest.param("train", 12_543, 204_579, marks=pytest.mark.slow),
        ("dev", 2_001, 25_149),
        ("test", 2_077, 25_097),
    ],
)
def test_universal_ner_is_read_whole(split, sentences, tokens):
    folder = Path(os.environ["ZOO_MANUAL_DIR"], "universal_ner")
    found, columns = conll.read_with_columns(folder / f"en_ewt-ud-{split}.iob2")
    assert str(columns) == "1, 2"
    assert len(found) == sentences
    assert sum(len(sentence.tokens) for sentence in found) == tokens
    assert tags.detect(sentence.tags for sentence in found) == "iob2"
