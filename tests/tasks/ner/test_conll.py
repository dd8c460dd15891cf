"""Column files: what stands in them is read, and what is written is read back."""

import io
import os
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.ner import conll
from zoo import tags


@pytest.fixture
def file(tmp_path):
    """Writes a file and returns its path."""

    def write(content):
        path = tmp_path / "file.conll"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "EU B-ORG\nrejects O\n\nPeter B-PER\n",
        "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER",
        "EU\tB-ORG\r\nrejects\tO\r\n\r\nPeter\tB-PER\r\n\r\n",
        "\n\nEU  B-ORG\n rejects O \n\t\n  \n\nPeter B-PER\n\n\n",
        "-DOCSTART- -X- O O\n\nEU B-ORG\nrejects O\n-DOCSTART- O\nPeter B-PER\n",
        "# id = 1\nEU\tB-ORG\n# then\nrejects\tO\n\n# text = Peter\nPeter\tB-PER\n",
        "# id = 1\nEU B-ORG\nrejects O\n\n# a\ttab = 2\nPeter B-PER\n",
        "\ufeffEU B-ORG\nrejects O\n\nPeter B-PER\n",
        "EU\tNNP\tB-ORG\nrejects\tVBZ\tO\n\t\t\nPeter\tNNP\tB-PER\n",
    ],
)
def test_sentences_are_read_however_they_are_laid_out(file, content):
    assert conll.read(file(content)) == [
        (["EU", "rejects"], ["B-ORG", "O"]),
        (["Peter"], ["B-PER"]),
    ]


def test_a_number_sign_with_a_tag_is_a_token(file):
    (sentence,) = conll.read(file("#\tO\n#NFL\tB-X\nis O\tO\n"))
    assert sentence == (["#", "#NFL", "is O"], ["O", "B-X", "O"])
    (sentence,) = conll.read(file("is O\n# O\n# no tag\n#1 O\n"))
    assert sentence.tokens == ["is", "#", "#1"]


def test_columns_can_be_chosen(file):
    path = file("1 EU NNP B-ORG _\n2 rejects VBZ O _\n")
    (entities,) = conll.read(path, token_column=1, tag_column=3)
    assert entities == (["EU", "rejects"], ["B-ORG", "O"])
    (speech,) = conll.read(path, token_column=-4, tag_column=2)
    assert speech == (["EU", "rejects"], ["NNP", "VBZ"])


def test_a_no_break_space_parts_no_token(file):
    (sentence,) = conll.read(file("10\u00a0000 O\n\u00a0 O\n"))
    assert sentence.tokens == ["10\u00a0000", "\u00a0"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("EU B-ORG\nrejects\n", r"line 2, lacks .* found \['rejects'\]"),
        ("EU\tB-ORG\nrejects O\n", r"line 2, .*\['rejects O'\].* separated by tabs"),
        ("EU\tB-ORG\n\nrejects\t\n", r"line 3, lacks"),
        ("EU\tB-ORG\n\tO\n", r"line 2, lacks"),
        ("EU\n", r"line 1, .* separated by spaces"),
        (
            b"EU B-ORG\n\nZ\xfcrich B-LOC\n",
            r"is not UTF-8: in line 3, byte 11 .* \(0xfc\)",
        ),
        ("", "has no sentence"),
        ("\n# a comment\n-DOCSTART- O\n", "has no sentence"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(file, content, found):
    with pytest.raises(UserError, match=f"file.conll.*{found}"):
        conll.read(file(content))


def test_a_column_that_is_not_there_is_an_error(file):
    for column in (2, -3):
        with pytest.raises(
            UserError, match=f"line 1, lacks .* a tag in column {column}"
        ):
            conll.read(file("EU B-ORG\n"), tag_column=column)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"can't be read: No such file"):
        conll.read(tmp_path / "none")
    with pytest.raises(UserError, match=r"can't be read: Is a directory"):
        conll.read(tmp_path)


TOKENS = [["EU", "#", "”"], ["10\u00a0000"]]
TRUE = [["B-ORG", "O", "O"], ["O"]]
PREDICTED = [["B-LOC", "I-LOC", "O"], ["B-X"]]


def written(*sentences):
    file = io.StringIO()
    conll.write(file, *sentences)
    return file.getvalue()


def test_columns_are_those_of_conlleval():
    assert written(TOKENS, TRUE, PREDICTED) == (
        "EU B-ORG B-LOC\n# O I-LOC\n” O O\n\n10\u00a0000 O B-X\n\n"
    )
    assert written(TOKENS, None, PREDICTED) == (
        "EU B-LOC\n# I-LOC\n” O\n\n10\u00a0000 B-X\n\n"
    )


def test_what_is_written_is_read_back(file):
    path = file(written(TOKENS, TRUE, PREDICTED))
    expected = zip(TOKENS, TRUE, strict=True)
    assert conll.read(path, tag_column=1) == list(expected)
    expected = zip(TOKENS, PREDICTED, strict=True)
    assert conll.read(path) == list(expected)
    assert conll.read(file(written(TOKENS, None, PREDICTED))) == conll.read(path)


def test_no_token_breaks_the_columns(file):
    tokens = ["New York", "", "\t", "a \n b", "\u2028", "# x", "tab\tbed"]
    outside = ["O"] * len(tokens)
    text = written([tokens], [outside], [outside])
    assert {line.count(" ") for line in text.splitlines()[:-1]} == {2}
    (sentence,) = conll.read(file(text))
    expected = ["New\u00a0York", "_", "_", "a\u00a0b", "_", "#\u00a0x", "tab\u00a0bed"]
    assert sentence == (expected, outside)


def test_tokens_and_tags_must_be_as_many():
    with pytest.raises(ValueError, match="shorter"):
        written([["a", "b"]], None, [["O"]])
    with pytest.raises(ValueError, match="shorter"):
        written([["a"], ["b"]], [["O"]], [["O"], ["O"]])


@pytest.mark.real_data(raw=["wnut17"])
def test_a_real_file_is_read_whole():
    path = Path(os.environ["ZOO_MANUAL_DIR"], "wnut17", "wnut17train.conll")
    sentences = conll.read(path)
    assert len(sentences) == 3_394
    assert sum(len(sentence.tokens) for sentence in sentences) == 62_730
    assert tags.detect(sentence.tags for sentence in sentences) == "iob2"
